//! Signing in with a password, and out.

use super::frame::sign_in as sign_in_page;
use super::html;
use crate::operator::ActorKind;
use crate::secret::{PasswordHash, SecretHash, random_secret};
use crate::web::access::{actor, by_session};
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::{Shared, session_cookie};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

/// One sentence for an unknown account and a wrong password: a stranger learns no accounts here.
const REFUSED: &str = "This address and password do not go together. Check both and try again.";

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
    Form(credentials): Form<Credentials>,
) -> Result<Response, Problem> {
    let record = match app.organization().sender(&credentials.address) {
        Ok(address) => app.store.sign_in_record(&address).await?,
        Err(_) => None,
    };
    let (operator, hash) = match record {
        Some(record) => (Some((record.id, record.address)), record.password_hash),
        None => (None, None),
    };
    let verified = PasswordHash::verify(hash, credentials.password).await;
    match operator {
        Some((id, address)) if verified => {
            let cookie = begin_session(&app, id, address, from).await?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
        }
        _ => {
            let page = html(&sign_in_page(&app, credentials.address, Some(REFUSED)));
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
    }
}

/// Begins a session and answers the cookie for it.
pub(crate) async fn begin_session(
    app: &Shared,
    operator: Uuid,
    address: String,
    from: ClientAddress,
) -> Result<HeaderValue, Problem> {
    let secret = random_secret();
    let hash = SecretHash::of(secret.expose_secret());
    let actor = actor(address, ActorKind::Operator, Some(from));
    app.store.begin_session(&hash, operator, &actor, app.clock.now()).await?;
    Ok(session_cookie::begin(&secret, app.config.is_https()))
}

pub(crate) async fn sign_out(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = by_session(&app, &headers, Some(from)).await?;
    if let Some((caller, secret)) = caller.zip(session_cookie::read(&headers)) {
        let hash = SecretHash::of(secret);
        app.store.end_session(&hash, &caller.actor, app.clock.now()).await?;
    }
    let cookie = session_cookie::end(app.config.is_https());
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}
