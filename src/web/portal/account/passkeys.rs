//! Adding a passkey, and removing one.

use super::factors::{Factors, hashes};
use super::one_time_codes::{Password, remove_factor};
use super::{CHALLENGE_LASTS, confirm, own};
use crate::recovery_code::new_recovery_codes;
use crate::secret::SecretHash;
use crate::store::{Factor, NewFactor};
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::{Shared, session_cookie};
use axum::Extension;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

/// Long enough for "Security key in the safe of the second floor".
const LONGEST_NAME: usize = 60;

#[derive(Debug, Deserialize)]
pub(crate) struct NewPasskey {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    credential: String,
}

/// The options for `navigator.credentials.create`, for who has given the password again.
pub(crate) async fn challenge(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(fields): Form<NewPasskey>,
) -> Result<Response, Problem> {
    name(&fields.name)?;
    confirm(&app, &caller, fields.password).await?;
    let (session, now) = (own(&caller)?, app.clock.now());
    let known = app.store.passkeys(session.operator_id).await?;
    let known: Vec<_> = known.into_iter().map(|passkey| passkey.credential.0).collect();
    let challenge = app
        .passkeys
        .ask_for_new(session.operator_id, &session.address, &known)
        .map_err(|_| Problem::NotFound)?;
    let browser = browser(&app, &headers)?;
    app.store.keep_challenge(&browser, &challenge.state, now + CHALLENGE_LASTS, now).await?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, challenge.options.to_string()).into_response())
}

/// The session is what holds the question and the answer together.
fn browser(app: &Shared, headers: &HeaderMap) -> Result<SecretHash, Problem> {
    session_cookie::read(headers, app.config.is_https())
        .map(SecretHash::of)
        .ok_or(Problem::SignedOut)
}

/// Takes the new passkey; the question that it answers was asked after the password was.
pub(crate) async fn add(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Form(fields): Form<NewPasskey>,
) -> Result<Html<String>, Problem> {
    let (name, now) = (name(&fields.name)?, app.clock.now());
    let state =
        app.store.take_challenge(&browser(&app, &headers)?, now).await?.ok_or_else(refused)?;
    let passkey = app.passkeys.accept_new(&state, &fields.credential).map_err(|why| {
        tracing::info!(%why, "a new passkey was refused");
        refused()
    })?;
    let codes = new_recovery_codes();
    let (operator, recovery_codes) = (own(&caller)?.operator_id, &hashes(&codes));
    let new = NewFactor { operator, actor: &caller.actor, now, recovery_codes };
    let added = app.store.add_passkey(&passkey, name, new).await?.ok_or_else(refused)?;
    let factors = Factors::of(&app, &caller).await?.after(added, codes);
    Ok(factors.changed("The passkey is added."))
}

fn name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        let detail = format!("A passkey has a name of 1 to {LONGEST_NAME} characters");
        return Err(Problem::invalid("name", detail));
    }
    Ok(name)
}

fn refused() -> Problem {
    Problem::invalid("credential", "The passkey could not be added. Try again, within five minutes")
}

pub(crate) async fn remove(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    params: RawPathParams,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    let id = id(&params)?;
    confirm(&app, &caller, fields.password).await?;
    remove_factor(&app, &caller, Factor::Passkey(id)).await?;
    let factors = Factors::of(&app, &caller).await?;
    Ok(factors.changed("The passkey is removed. Delete it on your device, too."))
}

/// The id in a path.
pub(super) fn id(params: &RawPathParams) -> Result<Uuid, Problem> {
    let (_, id) = params.iter().next().ok_or(Problem::NotFound)?;
    Uuid::try_parse(id).map_err(|_| Problem::NotFound)
}
