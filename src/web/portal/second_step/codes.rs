//! The second step with a code: of the authenticator app, or a recovery code.

use super::again;
use crate::attempts::Budget;
use crate::model::address::Address;
use crate::model::operator::ActorKind;
use crate::recovery_code::recovery_code_hash;
use crate::secret::SecretHash;
use crate::store::{HalfSignIn, SECOND_FACTOR_ATTEMPTS};
use crate::web::Shared;
use crate::web::access::actor;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::portal::arrival::Arrival;
use crate::web::step_cookie::StepCookie;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

const WRONG: &str = "This code is not good. Each is good once, and one of an app for a minute or so. Try the next one.";
const WRONG_RECOVERY: &str =
    "This is none of your recovery codes, or it was used. Check it and try again.";
const OVER: &str =
    "This sign-in took too long, or too many codes were wrong. Begin again with the password.";
const TOO_MANY: &str =
    "Too many wrong codes of late. Wait an hour, or use a recovery code or a passkey.";

#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    code: SecretString,
}

pub(crate) async fn code(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let step = Step { arrival: Arrival { app: &app, from, headers: &headers } };
    let Some((secret, half)) = step.attempt().await? else { return step.over().await };
    let (budget, now) = ([Budget::of_codes(half.operator_id)], app.clock.now());
    if !app.store.take_attempt(&budget, now).await? {
        app.note_refused_attempt();
        return again(&app, &headers, StatusCode::TOO_MANY_REQUESTS, TOO_MANY).await;
    }
    if !is_good(&app, &half, typed.code.expose_secret()).await? {
        return step.refuse(&half, WRONG).await;
    }
    app.store.return_attempt(&budget, now).await?;
    step.finish(&secret, half, "password and one-time code").await
}

async fn is_good(app: &Shared, half: &HalfSignIn, code: &str) -> Result<bool, Problem> {
    let secret = app.store.code_secret(half.operator_id).await?;
    let step = secret.and_then(|secret| secret.step_of(code, app.clock.now()));
    match step {
        Some(step) => Ok(app.store.take_code(half.operator_id, step).await?),
        None => Ok(false),
    }
}

pub(crate) async fn recovery_code(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let step = Step { arrival: Arrival { app: &app, from, headers: &headers } };
    let Some((secret, half)) = step.attempt().await? else { return step.over().await };
    let (code, now) = (recovery_code_hash(&typed.code), app.clock.now());
    let actor = actor(half.address.clone(), ActorKind::Operator, Some(from));
    if !app.store.use_recovery_code(half.operator_id, &code, &actor, now).await? {
        return step.refuse(&half, WRONG_RECOVERY).await;
    }
    step.finish(&secret, half, "password and recovery code").await
}

struct Step<'a> {
    arrival: Arrival<'a>,
}

impl Step<'_> {
    async fn attempt(&self) -> Result<Option<(SecretHash, HalfSignIn)>, Problem> {
        let https = self.arrival.app.config.is_https();
        let Some(secret) = StepCookie::HalfSignIn.read(self.arrival.headers, https) else {
            return Ok(None);
        };
        let (secret, now) = (SecretHash::of(secret), self.arrival.app.clock.now());
        let half = self.arrival.app.store.try_second_factor(&secret, now).await?;
        Ok(half.map(|half| (secret, half)))
    }

    async fn over(&self) -> Result<Response, Problem> {
        again(self.arrival.app, self.arrival.headers, StatusCode::UNAUTHORIZED, OVER).await
    }

    async fn refuse(&self, half: &HalfSignIn, message: &'static str) -> Result<Response, Problem> {
        self.note_failure(half).await?;
        let message = if half.attempts < SECOND_FACTOR_ATTEMPTS { message } else { OVER };
        again(self.arrival.app, self.arrival.headers, StatusCode::UNAUTHORIZED, message).await
    }

    async fn note_failure(&self, half: &HalfSignIn) -> Result<(), Problem> {
        let Arrival { app, from, .. } = self.arrival;
        let account = Address::stored(&half.address);
        Ok(app.store.note_failure(Some(&account), Some(from.0), app.clock.now()).await?)
    }

    /// Lets in, once: whoever comes second with the same cookie begins again.
    async fn finish(
        &self,
        secret: &SecretHash,
        half: HalfSignIn,
        with: &'static str,
    ) -> Result<Response, Problem> {
        if !self.arrival.app.store.end_half_sign_in(secret).await? {
            return self.over().await;
        }
        let cookies = self.arrival.let_in(half.operator_id, half.address, with).await?;
        Ok((cookies, Redirect::to("/")).into_response())
    }
}
