//! Signing in with a password, and out.

use super::arrival::Arrival;
use super::frame::sign_in as sign_in_page;
use super::{html, oidc};
use crate::attempts::Budget;
use crate::model::address::Address;
use crate::secret::{PasswordHash, SecretHash};
use crate::turns::Who;
use crate::web::access::by_session;
use crate::web::client_address::ClientAddress;
use crate::web::error::{BUSY_FOR, Problem};
use crate::web::extract::Form;
use crate::web::{Shared, session_cookie};
use axum::Extension;
use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

/// One sentence for an unknown account and a wrong password: a stranger learns no accounts here.
const REFUSED: &str = "This address and password do not go together. Check both and try again.";

/// The same for everybody, too.
const TOO_MANY: &str = "Too many wrong passwords of late. Wait a quarter of an hour, or sign in with a browser that \
                        you have used here before. Organization Management can give you a new link.";

/// More sign in at this moment than passwords can be looked at.
const BUSY: &str = "Too many people are signing in at this moment. Try again in a few seconds.";

#[derive(Debug, Deserialize)]
pub(crate) struct Credentials {
    #[serde(default)]
    address: String,
    #[serde(default)]
    password: SecretString,
}

/// The page itself is `/`; a browser that reloads after a refused sign-in asks here.
pub(crate) async fn page() -> Redirect {
    Redirect::to("/")
}

pub(crate) async fn sign_in(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Result<Response, Problem> {
    let arrival = Arrival { app: &app, from, headers: &headers };
    let attempt = Attempt { arrival };
    let (status, message) = match attempt.check(&credentials).await? {
        Checked::Right(id, address) => {
            let cookies = arrival.after_password(id, address, "password").await?;
            return Ok((cookies, Redirect::to("/")).into_response());
        }
        Checked::Wrong => (StatusCode::UNAUTHORIZED, REFUSED),
        Checked::TooMany => (StatusCode::TOO_MANY_REQUESTS, TOO_MANY),
        Checked::Busy => {
            let answer = refuse(&app, credentials.address, StatusCode::SERVICE_UNAVAILABLE, BUSY);
            return Ok(([(RETRY_AFTER, BUSY_FOR)], answer).into_response());
        }
    };
    Ok(refuse(&app, credentials.address, status, message))
}

fn refuse(app: &Shared, address: String, status: StatusCode, message: &'static str) -> Response {
    (status, html(&sign_in_page(app, address, Some(message)))).into_response()
}

/// Somebody tries a password.
struct Attempt<'a> {
    arrival: Arrival<'a>,
}

/// What became of it.
enum Checked {
    Right(Uuid, String),
    Wrong,
    TooMany,
    Busy,
}

impl Attempt<'_> {
    /// A name that is no address takes as long as any other, and is counted for its network.
    async fn check(&self, credentials: &Credentials) -> Result<Checked, Problem> {
        let Arrival { app, from, .. } = self.arrival;
        let (store, now) = (&app.store, app.clock.now());
        let account = app.organization().address(&credentials.address).ok();
        let device = self.device(account.as_ref()).await?;
        let who = if device.is_some() { Who::Known } else { Who::Stranger };
        let budgets = Budget::of(account.as_ref(), device.as_ref(), from.0);
        if store.is_used_up(&budgets, now).await? {
            return Ok(self.refused());
        }
        let Ok(place) = app.turns.queue(who) else { return Ok(Checked::Busy) };
        if !store.take_attempt(&budgets, now).await? {
            return Ok(self.refused());
        }
        let record = match &account {
            Some(account) => store.sign_in_record(account).await?,
            None => None,
        };
        let hash = record.as_ref().and_then(|record| record.password_hash.clone());
        let password = credentials.password.clone();
        if let (true, Some(record)) =
            (place.hash(move || PasswordHash::verify(hash, &password)).await, &record)
        {
            store.return_attempt(&budgets, now).await?;
            return Ok(Checked::Right(record.id, record.address.clone()));
        }
        let known = account.filter(|_| record.is_some());
        store.note_failure(known.as_ref(), Some(from.0), app.clock.now()).await?;
        Ok(Checked::Wrong)
    }

    fn refused(&self) -> Checked {
        self.arrival.app.note_refused_attempt();
        Checked::TooMany
    }

    /// The browser, where its user has signed in to the account with it before.
    async fn device(&self, account: Option<&Address>) -> Result<Option<SecretHash>, Problem> {
        let Some(account) = account else { return Ok(None) };
        let now = self.arrival.app.clock.now();
        Ok(self.arrival.known_device(account, now).await?.map(SecretHash::of))
    }
}

pub(crate) async fn sign_out(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let https = app.config.is_https();
    let caller = by_session(&app, &headers, Some(from)).await?;
    let mut at_provider = None;
    if let Some((caller, secret)) = caller.zip(session_cookie::read(&headers, https)) {
        let hash = SecretHash::of(secret);
        at_provider = oidc::sign_out(&app, &hash).await?;
        app.store.end_session(&hash, &caller.actor, app.clock.now()).await?;
    }
    let cookie = session_cookie::end(https);
    let next = at_provider.unwrap_or_else(|| Redirect::to("/").into_response());
    Ok(([(SET_COOKIE, cookie)], next).into_response())
}
