//! Signing in with the organisation's identity provider, and out there too.

mod not_let_in;
mod sign_out;

use crate::attempts::Budget;
use crate::oidc::{Begun, Person, Provider, Refused};
use crate::secret::{SecretHash, random_secret};
use crate::store::Vouched;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Query;
use crate::web::portal::arrival::{Arrival, Cookies};
use crate::web::security_headers::from_another_site;
use crate::web::{Shared, session_cookie};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use not_let_in::NotLetIn;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
pub(crate) use sign_out::sign_out;

/// How long one may take at the provider: to find the phone with the second factor, not to leave a
/// tab open over lunch.
const VISIT: TimeDelta = TimeDelta::minutes(10);

/// What the provider sends the browser back with (RFC 6749, 4.1.2; RFC 9207).
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    state: SecretString,
    code: Option<SecretString>,
    error: Option<String>,
    iss: Option<String>,
}

/// Sends the browser to the provider. A link and not a form: browsers would not let a form's answer
/// lead to another site.
pub(crate) async fn begin(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = app.provider.as_ref().ok_or(Problem::NotFound)?;
    if from_another_site(&headers) {
        return Ok(Redirect::to("/").into_response());
    }
    let now = app.clock.now();
    if !app.store.take_attempt(&[Budget::of_visits(from.0)], now).await? {
        return Ok(NotLetIn::TooMany.page(&app, provider));
    }
    let Ok((url, begun)) = provider.begin().await else {
        return Ok(NotLetIn::Refused(Refused::Away).page(&app, provider));
    };
    let browser = random_secret();
    let hash = SecretHash::of(browser.expose_secret());
    app.store.keep_sign_in(&begun, &hash, now, now + VISIT).await?;
    let cookie = session_cookie::begin_visit(&browser, app.config.is_https(), VISIT);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(url.as_str())).into_response())
}

/// The browser is back from the provider.
pub(crate) async fn callback(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, Problem> {
    let provider = app.provider.as_ref().ok_or(Problem::NotFound)?;
    let arrival = Arrival { app: &app, from, headers: &headers };
    let person = match begun(&app, &headers, &answer).await? {
        Some(begun) => identify(provider, answer, &begun).await,
        // A sign-in was counted when it began.
        None if app.store.take_attempt(&[Budget::of_visits(from.0)], app.clock.now()).await? => {
            Err(NotLetIn::Stale)
        }
        None => Err(NotLetIn::TooMany),
    };
    let admitted = match person {
        Ok(person) => admit(arrival, provider, &person).await?,
        Err(why) => Err(why),
    };
    let mut response = match admitted {
        Ok(cookies) => (cookies, Redirect::to("/")).into_response(),
        Err(why) => {
            note(&app, from, &why, provider).await?;
            why.page(&app, provider)
        }
    };
    let over = session_cookie::end_visit(app.config.is_https());
    response.headers_mut().append(SET_COOKIE, over);
    Ok(response)
}

/// Keeps that somebody was not let in.
async fn note(
    app: &Shared,
    from: ClientAddress,
    why: &NotLetIn,
    provider: &Provider,
) -> Result<(), Problem> {
    match why {
        NotLetIn::TooMany => {
            app.note_refused_attempt();
            return Ok(());
        }
        NotLetIn::Refused(Refused::NoRole { subject, .. }) => {
            app.store.end_sessions_vouched_for(issuer(provider), subject).await?;
        }
        _ => {}
    }
    Ok(app.store.note_failure(None, Some(from.0), app.clock.now()).await?)
}

fn issuer(provider: &Provider) -> &str {
    provider.settings().issuer.as_str()
}

async fn begun(
    app: &Shared,
    headers: &HeaderMap,
    answer: &Answer,
) -> Result<Option<Begun>, Problem> {
    let browser = session_cookie::read_visit(headers, app.config.is_https());
    let Some(browser) = browser.map(SecretHash::of) else { return Ok(None) };
    Ok(app.store.take_sign_in(answer.state.clone(), &browser, app.clock.now()).await?)
}

async fn identify(provider: &Provider, answer: Answer, begun: &Begun) -> Result<Person, NotLetIn> {
    if answer.iss.is_some_and(|theirs| theirs != issuer(provider)) {
        return Err(NotLetIn::Refused(Refused::Unproven));
    }
    let Some(code) = answer.code else {
        let why = answer.error.unwrap_or_else(|| "it does not say why".into());
        return Err(NotLetIn::TurnedAway(why));
    };
    Ok(provider.finish(code.expose_secret().into(), begun).await?)
}

/// Makes or changes the operator, and lets it in.
async fn admit(
    arrival: Arrival<'_>,
    provider: &Provider,
    person: &Person,
) -> Result<Result<Cookies, NotLetIn>, Problem> {
    let vouched = Vouched {
        issuer: issuer(provider),
        subject: &person.subject,
        address: person.address.as_ref(),
        role: person.role,
    };
    let (store, now) = (&arrival.app.store, arrival.app.clock.now());
    let operator = store.operator_vouched_for(vouched, Some(arrival.from.0), now).await?;
    let Some((id, name)) = operator else { return Ok(Err(NotLetIn::Removed)) };
    Ok(Ok(arrival.let_in_vouched_for(id, name, &person.id_token).await?))
}
