//! The way out in three steps: details, recommendations, confirm. And back: cancelling an unblock.

use super::evidence::{Evidence, evidence};
use super::history::Earlier;
use super::html;
use super::restricted_users::changed;
use super::user::{User, known};
use super::words;
use crate::decision::Scope;
use crate::model::address::Address;
use crate::model::operator::Permission::ExceedUnblockLimit;
use crate::model::restriction::{Recommendation, State, UnblockRequest};
use crate::web::access::Caller;
use crate::web::api::comment;
use crate::web::error::{Problem, unblocked};
use crate::web::extract::{Key, Pairs};
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract;
use axum::response::Html;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

#[derive(Template)]
#[template(path = "restricted_users/unblock.html")]
struct UnblockFlow {
    organization: String,
    all_mail: bool,
    user: User,
    earlier: Vec<Earlier>,
    evidence: Evidence,
    wide: bool,
    help_url: Option<String>,
    limit: Option<Limit>,
    delay_seconds: i64,
    delay_words: String,
    takes_effect_at: DateTime<Utc>,
}

/// The user was unblocked so often already that it takes Organization Management to go on.
pub(super) struct Limit {
    pub(super) unblocks: i64,
    pub(super) may_exceed: bool,
}

/// For a link that was opened too late: somebody unblocked this user before.
#[derive(Template)]
#[template(path = "restricted_users/nothing_to_unblock.html")]
struct NothingToUnblock {
    all_mail: bool,
    user: User,
}

pub(crate) async fn flow(
    extract::State(app): extract::State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    let state = restriction.state();
    let limit = limit(&app, &caller, &restriction.address).await?;
    let all_mail = app.config.scope_in_effect() == Scope::All;
    if state != State::Restricted {
        let (user, _) = known(&app, restriction).await?;
        return Ok(html(&NothingToUnblock { all_mail, user }));
    }
    let evidence = evidence(&app, &restriction, "flyout").await?;
    let (user, earlier) = known(&app, restriction).await?;
    Ok(html(&UnblockFlow { limit, ..steps(&app, all_mail, user, earlier, evidence) }))
}

/// Told at the first step, before the work is done.
pub(super) async fn limit(
    app: &Shared,
    caller: &Caller,
    address: &Address,
) -> Result<Option<Limit>, Problem> {
    let most = i64::from(app.config.unblock.limit);
    let unblocks = app.store.unblocks_that_count(address, app.clock.now()).await?;
    let may_exceed = caller.may(ExceedUnblockLimit);
    Ok((most > 0 && unblocks >= most).then_some(Limit { unblocks, may_exceed }))
}

fn steps(
    app: &Shared,
    all_mail: bool,
    user: User,
    earlier: Vec<Earlier>,
    evidence: Evidence,
) -> UnblockFlow {
    let now = app.clock.now();
    let delay = app.config.unblock.propagation_delay;
    // A day block ends at its midnight in any case.
    let left =
        user.ends_at.map_or(delay, |ends_at| delay.min(ends_at - now).max(TimeDelta::zero()));
    UnblockFlow {
        organization: app.organization().name.clone(),
        all_mail,
        user,
        earlier,
        evidence,
        wide: false,
        help_url: app.config.help_url.as_ref().map(ToString::to_string),
        limit: None,
        delay_seconds: left.num_seconds(),
        delay_words: words::delay(left),
        takes_effect_at: now + left,
    }
}

pub(crate) async fn send(
    extract::State(app): extract::State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
    Pairs(fields): Pairs,
) -> Result<Html<String>, Problem> {
    let request = request(fields)?;
    let restriction = find(&app, &key).await?;
    let outcome = app.request_unblock(restriction.id, &request, caller.asker()).await?;
    let restriction = unblocked(outcome)?;
    let done = match restriction.released_at {
        Some(_) => format!("{} is released. Mail flows again.", restriction.address),
        None => format!("The unblock of {} is on its way.", restriction.address),
    };
    changed(&app, &caller, &[restriction], false, Some(done)).await
}

pub(super) fn request(fields: Vec<(String, String)>) -> Result<UnblockRequest, Problem> {
    let (mut written, mut done) = (None, Vec::new());
    for (name, value) in fields {
        match name.as_str() {
            "comment" => written = comment(Some(value))?,
            "done" => done.push(recommendation(&value)?),
            _ => return Err(Problem::invalid("form", "it has a field that is none of ours")),
        }
    }
    Ok(UnblockRequest { comment: written, done: Some(done) })
}

fn recommendation(name: &str) -> Result<Recommendation, Problem> {
    let name: StrDeserializer<'_, Error> = name.into_deserializer();
    Recommendation::deserialize(name)
        .map_err(|_| Problem::invalid("done", "it names a recommendation that is none of ours"))
}

pub(crate) async fn cancel(
    extract::State(app): extract::State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    let restriction = unblocked(app.cancel_unblock(restriction.id, &caller.actor).await?)?;
    let done = format!("{} stays restricted.", restriction.address);
    changed(&app, &caller, &[restriction], false, Some(done)).await
}
