//! Signing in with a password, and out.

use super::arrival::Arrival;
use super::frame::sign_in as sign_in_page;
use super::{html, oidc};
use crate::address::Address;
use crate::attempts::Budget;
use crate::secret::{PasswordHash, SecretHash};
use crate::web::access::by_session;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::{Shared, session_cookie};
use axum::Extension;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

/// One sentence for an unknown account and a wrong password: a stranger learns no accounts here.
const REFUSED: &str = "This address and password do not go together. Check both and try again.";

/// The same for everybody, too.
const TOO_MANY: &str = "Too many wrong passwords of late. Wait a quarter of an hour, or sign in with a browser that \
                        you have used here before. Organization Management can give you a new link.";

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
}

impl Attempt<'_> {
    async fn check(&self, credentials: &Credentials) -> Result<Checked, Problem> {
        let (store, now) = (&self.arrival.app.store, self.arrival.app.clock.now());
        let password = credentials.password.clone();
        let Ok(address) = self.arrival.app.organization().address(&credentials.address) else {
            return self.refuse_nobody(password).await;
        };
        let budgets = self.budgets(&address, now).await?;
        let record = store.sign_in_record(&address).await?;
        let known = record.as_ref().map(|_| &address);
        if !store.take_attempt(&budgets, now).await? {
            store.note_failure(known, Some(self.arrival.from.0), now).await?;
            return Ok(Checked::TooMany);
        }
        let (operator, hash) = match record {
            Some(record) => (Some((record.id, record.address)), record.password_hash),
            None => (None, None),
        };
        let right = PasswordHash::verify(hash, password).await;
        if let Some((id, address)) = operator.filter(|_| right) {
            store.return_attempt(&budgets, now).await?;
            return Ok(Checked::Right(id, address));
        }
        store.note_failure(known, Some(self.arrival.from.0), now).await?;
        Ok(Checked::Wrong)
    }

    /// A name that is no address takes as long as any other, and is counted for its network.
    async fn refuse_nobody(&self, password: SecretString) -> Result<Checked, Problem> {
        let (store, now) = (&self.arrival.app.store, self.arrival.app.clock.now());
        let allowed = store.take_attempt(&[Budget::of_network(self.arrival.from.0)], now).await?;
        if allowed {
            PasswordHash::verify(None, password).await;
        }
        store.note_failure(None, Some(self.arrival.from.0), now).await?;
        Ok(if allowed { Checked::Wrong } else { Checked::TooMany })
    }

    async fn budgets(&self, account: &Address, now: DateTime<Utc>) -> Result<Vec<Budget>, Problem> {
        let device = self.arrival.known_device(account, now).await?.map(SecretHash::of);
        Ok(Budget::of(account, device.as_ref(), Some(self.arrival.from.0)))
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
