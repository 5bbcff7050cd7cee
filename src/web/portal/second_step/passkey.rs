//! Signing in with a passkey, in place of the password or after it. A passkey is both factors: the
//! device that has it, and the finger, face or PIN that it asks for.

use super::again;
use crate::attempts::Budget;
use crate::model::address::Address;
use crate::passkey::Refused;
use crate::secret::{SecretHash, random_secret};
use crate::store::PasskeyRecord;
use crate::web::Shared;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::portal::account::CHALLENGE_LASTS;
use crate::web::portal::arrival::Arrival;
use crate::web::step_cookie::StepCookie;
use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;

const REFUSED: &str = "This passkey is not good here: it was removed, or the question to it has \
                       expired. Try again, or sign in with the password.";
const TOO_MANY: &str = "Too many passkeys were asked for from your network. Wait a quarter of an hour, \
                        or sign in with the password.";

/// The options for `navigator.credentials.get`, for whoever asks: they name nobody.
pub(crate) async fn challenge(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    if !app.store.take_attempt(&[Budget::of_challenges(from.0)], now).await? {
        return Err(Problem::TooManyRequests(TOO_MANY));
    }
    let challenge = app.passkeys.ask_who().map_err(|_| Problem::NotFound)?;
    let secret = random_secret();
    let browser = SecretHash::of(secret.expose_secret());
    app.store.keep_challenge(&browser, &challenge.state, now + CHALLENGE_LASTS, now).await?;
    let cookie = StepCookie::Challenge.begin(&secret, app.config.is_https());
    let headers = [(SET_COOKIE, cookie), (CONTENT_TYPE, "application/json".parse().expect("text"))];
    Ok((headers, challenge.options.to_string()).into_response())
}

#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    credential: String,
}

pub(crate) async fn passkey(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let arrival = Arrival { app: &app, from, headers: &headers };
    let Some(state) = asked(&app, &headers).await? else {
        // A question was counted when it was asked.
        if !app.store.take_attempt(&[Budget::of_challenges(from.0)], app.clock.now()).await? {
            app.note_refused_attempt();
            return again(&app, &headers, StatusCode::TOO_MANY_REQUESTS, TOO_MANY).await;
        }
        return refuse(arrival, &Refused::nothing_asked(), None).await;
    };
    match signed_in(&app, &state, &answer.credential).await? {
        Ok(record) => {
            end_half_sign_in(&app, &headers).await?;
            let cookies = arrival.let_in(record.operator_id, record.address, "passkey").await?;
            Ok((cookies, Redirect::to("/")).into_response())
        }
        Err((refused, account)) => refuse(arrival, &refused, account).await,
    }
}

async fn refuse(
    Arrival { app, from, headers }: Arrival<'_>,
    refused: &Refused,
    account: Option<Address>,
) -> Result<Response, Problem> {
    tracing::info!(%refused, "a sign-in with a passkey was refused");
    app.store.note_failure(account.as_ref(), Some(from.0), app.clock.now()).await?;
    again(app, headers, StatusCode::UNAUTHORIZED, REFUSED).await
}

/// What this browser was asked, once.
async fn asked(app: &Shared, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let browser = StepCookie::Challenge.read(headers, app.config.is_https()).map(SecretHash::of);
    let Some(browser) = browser else { return Ok(None) };
    Ok(app.store.take_challenge(&browser, app.clock.now()).await?)
}

type Judged = Result<PasskeyRecord, (Refused, Option<Address>)>;

/// Whose passkey has answered the question.
async fn signed_in(app: &Shared, state: &str, answer: &str) -> Result<Judged, Problem> {
    let now = app.clock.now();
    let record = match app.passkeys.claimed(answer) {
        Ok((operator, id)) => {
            app.store.passkey(&id).await?.filter(|record| record.operator_id == operator)
        }
        Err(refused) => return Ok(Err((refused, None))),
    };
    let Some(record) = record else { return Ok(Err((Refused::unknown(), None))) };
    match app.passkeys.verify(state, answer, &record.credential.0) {
        Ok(changed) => {
            app.store.passkey_used(record.id, changed.as_ref(), now).await?;
            Ok(Ok(record))
        }
        Err(refused) => Ok(Err((refused, Some(Address::stored(&record.address))))),
    }
}

async fn end_half_sign_in(app: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(secret) = StepCookie::HalfSignIn.read(headers, app.config.is_https()) {
        app.store.end_half_sign_in(&SecretHash::of(secret)).await?;
    }
    Ok(())
}
