//! Signing in, after the right password: a one-time code, a recovery code or a passkey.

mod codes;
mod passkey;

pub(crate) use codes::{code, recovery_code};
pub(crate) use passkey::{challenge, passkey};

use super::frame::{self, Frame};
use super::html;
use crate::secret::SecretHash;
use crate::store::HalfSignIn;
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::step_cookie::StepCookie;
use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "second_step.html")]
struct SecondStep {
    frame: Frame,
    address: String,
    has_codes: bool,
    has_passkeys: bool,
    message: Option<&'static str>,
}

/// The page for who has given the right password in this browser.
pub(crate) async fn page(
    app: &Shared,
    headers: &HeaderMap,
    message: Option<&'static str>,
) -> Result<Option<Html<String>>, Problem> {
    let Some(half) = half(app, headers).await? else { return Ok(None) };
    let factors = app.store.second_factors(half.operator_id).await?;
    Ok(Some(html(&SecondStep {
        frame: frame::frame(app, None, String::new()),
        address: half.address,
        has_codes: factors.codes_since.is_some(),
        has_passkeys: !factors.passkeys.is_empty(),
        message,
    })))
}

async fn half(app: &Shared, headers: &HeaderMap) -> Result<Option<HalfSignIn>, Problem> {
    let Some(secret) = StepCookie::HalfSignIn.read(headers, app.config.is_https()) else {
        return Ok(None);
    };
    Ok(app.store.half_sign_in(&SecretHash::of(secret), app.clock.now()).await?)
}

/// What was tried is not good: the same page again, or the first where this step is over.
async fn again(
    app: &Shared,
    headers: &HeaderMap,
    status: StatusCode,
    message: &'static str,
) -> Result<Response, Problem> {
    let page = match page(app, headers, Some(message)).await? {
        Some(page) => page,
        None => html(&frame::sign_in(app, String::new(), Some(message))),
    };
    Ok((status, page).into_response())
}

/// Back to the password, as somebody else or in another way.
pub(crate) async fn start_over(
    State(app): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(secret) = StepCookie::HalfSignIn.read(&headers, app.config.is_https()) {
        app.store.end_half_sign_in(&SecretHash::of(secret)).await?;
    }
    let cookie = StepCookie::HalfSignIn.end(app.config.is_https());
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}
