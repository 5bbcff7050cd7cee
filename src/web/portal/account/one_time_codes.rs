//! Setting one-time codes up, and removing them.

use super::factors::{Factors, hashes};
use super::{attempt, confirm as confirm_password, own};
use crate::one_time_code::CodeSecret;
use crate::recovery_code::new_recovery_codes;
use crate::store::{Factor, NewFactor};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Form;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Password {
    #[serde(default)]
    pub(super) password: SecretString,
}

/// Shows a new secret. It counts once a code of it is shown.
pub(crate) async fn begin(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    confirm_password(&app, &caller, fields.password).await?;
    let (secret, operator) = (CodeSecret::random(), own(&caller)?.operator_id);
    if !app.store.begin_one_time_codes(operator, &secret, app.clock.now()).await? {
        return Err(Problem::invalid(
            "codes",
            "You have one-time codes already. Remove them first",
        ));
    }
    let factors = Factors::of(&app, &caller).await?.setting_up(&app, &caller, &secret);
    Ok(factors.changed("Scan the code with your app."))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Code {
    #[serde(default)]
    code: SecretString,
}

pub(crate) async fn confirm(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Code>,
) -> Result<Html<String>, Problem> {
    let (operator, now) = (own(&caller)?.operator_id, app.clock.now());
    let secret = app.store.unconfirmed_secret(operator, now).await?.ok_or_else(too_late)?;
    let budget = attempt(&app, own(&caller)?).await?;
    let step = secret.step_of(fields.code.expose_secret(), now).ok_or_else(wrong)?;
    app.store.return_attempt(&budget, now).await?;
    let codes = new_recovery_codes();
    let recovery_codes = &hashes(&codes);
    let new = NewFactor { operator, actor: &caller.actor, now, recovery_codes };
    let added = app.store.confirm_one_time_codes(&secret, step, new).await?.ok_or_else(too_late)?;
    let factors = Factors::of(&app, &caller).await?.after(added, codes);
    Ok(factors.changed("One-time codes are on."))
}

fn too_late() -> Problem {
    Problem::invalid("code", "This took too long. Begin again, and remove the entry from your app")
}

fn wrong() -> Problem {
    Problem::invalid(
        "code",
        "This is not the code of now. If the next one is not either, check the clock of your device",
    )
}

pub(crate) async fn remove(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    confirm_password(&app, &caller, fields.password).await?;
    remove_factor(&app, &caller, Factor::OneTimeCodes).await?;
    let factors = Factors::of(&app, &caller).await?;
    Ok(factors.changed("One-time codes are off. Delete the entry in your app."))
}

/// Removes a factor, but not the last one where one is asked for.
pub(super) async fn remove_factor(
    app: &Shared,
    caller: &Caller,
    factor: Factor,
) -> Result<(), Problem> {
    let operator = own(caller)?.operator_id;
    if app.config.require_mfa && app.store.second_factors(operator).await?.count() == 1 {
        return Err(Problem::invalid(
            "factor",
            "Your organisation asks for a second factor. Add another one, then remove this",
        ));
    }
    let now = app.clock.now();
    app.store.remove_second_factor(operator, factor, &caller.actor, now).await?;
    Ok(())
}
