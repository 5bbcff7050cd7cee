//! The page *Your account*: password, second factors, sessions.

mod factors;
mod one_time_codes;
mod passkeys;
mod password;
mod recovery_codes;
mod sessions;

pub(crate) use factors::enrolment;

use super::html;
use crate::attempts::Budget;
use crate::model::address::Address;
use crate::model::operator::Permission::OwnAccount;
use crate::secret::PasswordHash;
use crate::store::SessionRecord;
use crate::turns::Who;
use crate::web::Shared;
use crate::web::access::{Caller, Doors};
use crate::web::error::Problem;
use crate::web::routes::Routes;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::TimeDelta;
use factors::Factors;
use secrecy::{ExposeSecret, SecretString};
use sessions::Sessions;

/// How long an authenticator is waited for.
pub(crate) const CHALLENGE_LASTS: TimeDelta = TimeDelta::minutes(5);

const TOO_MANY: &str = "Too many of these were wrong. Wait a minute, then try again.";

pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_portal(app))
        .get("/ui/account", OwnAccount, page)
        .post("/ui/account/password", OwnAccount, password::change)
        .post("/ui/account/codes", OwnAccount, one_time_codes::begin)
        .post("/ui/account/codes/confirm", OwnAccount, one_time_codes::confirm)
        .post("/ui/account/codes/remove", OwnAccount, one_time_codes::remove)
        .post("/ui/account/passkeys/challenge", OwnAccount, passkeys::challenge)
        .post("/ui/account/passkeys", OwnAccount, passkeys::add)
        .post("/ui/account/passkeys/{id}/remove", OwnAccount, passkeys::remove)
        .post("/ui/account/recovery-codes", OwnAccount, recovery_codes::renew)
        .post("/ui/account/sessions/{id}/end", OwnAccount, sessions::end)
        .post("/ui/account/sessions/end-others", OwnAccount, sessions::end_others)
}

#[derive(Template)]
#[template(path = "account/page.html")]
struct Account {
    address: String,
    role_group: &'static str,
    is_local: bool,
    factors: Factors,
    sessions: Sessions,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    Ok(html(&Account {
        address: caller.actor.name.clone(),
        role_group: caller.role.name(),
        is_local: own(&caller)?.is_local,
        factors: Factors::of(&app, &caller).await?,
        sessions: sessions::list(&app, &caller).await?,
    }))
}

/// The session that asks; the doors let nobody pass without.
fn own(caller: &Caller) -> Result<&SessionRecord, Problem> {
    caller.session.as_ref().ok_or(Problem::SignedOut)
}

/// Asks for the password again before something changes by which the account could be taken over:
/// an unlocked computer is not its owner. Who comes from the identity provider has no password here,
/// and gets no second factor that would be a way past the provider.
async fn confirm(app: &Shared, caller: &Caller, password: SecretString) -> Result<(), Problem> {
    let (session, now) = (own(caller)?, app.clock.now());
    if !session.is_local {
        return Err(Problem::NoPassword);
    }
    let place = app.turns.queue(Who::Known)?;
    let budget = attempt(app, session).await?;
    let address = Address::stored(&session.address);
    let record = app.store.sign_in_record(&address).await?;
    let hash = record.and_then(|record| record.password_hash);
    if place.hash(move || PasswordHash::verify(hash, &password)).await {
        app.store.return_attempt(&budget, now).await?;
        return Ok(());
    }
    let from = caller.actor.client_address;
    app.store.note_failure(Some(&address), from, app.clock.now()).await?;
    Err(Problem::invalid("password", "This is not your password. Check it and try again"))
}

/// Takes one of the session's attempts at a secret, to be returned where it is right.
async fn attempt(app: &Shared, session: &SessionRecord) -> Result<[Budget; 1], Problem> {
    let budget = [Budget::of_session(session.id)];
    if app.store.take_attempt(&budget, app.clock.now()).await? {
        Ok(budget)
    } else {
        Err(Problem::TooManyRequests(TOO_MANY))
    }
}
