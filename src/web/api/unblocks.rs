//! Asking for unblocks, one or many, and cancelling one.

use super::restricted_users::json;
use crate::model::restriction::{Restriction, UnblockRequest};
use crate::web::access::Caller;
use crate::web::error::{Document, Problem, unblocked};
use crate::web::extract::{Json, Key, no_nul};
use crate::web::restricted_user::RestrictedUser;
use crate::web::{Shared, find};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of a comment.
const LONGEST_COMMENT: usize = 500;
/// Users of one call.
pub(crate) const AT_ONCE: std::ops::RangeInclusive<usize> = 1..=1_000;

/// An unblock that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnblockRequest)]
pub(crate) struct Unblock {
    /// What is to be remembered about it, such as the ticket.
    #[schema(max_length = 500, pattern = r"^[^\u0000]*$")]
    comment: Option<String>,
}

/// Unblock a user
///
/// Mail flows again at `unblock.takes_effect_at`, after the propagation delay of this service; until
/// then the unblock can be cancelled. Asking again while one is pending changes nothing and is
/// answered with the times of the first.
#[utoipa::path(
    post,
    path = "/api/v1/restricted-users/{key}/unblock",
    operation_id = "unblockUser",
    tag = "Restricted users",
    params(Key),
    responses((status = 202, description = "The unblock is pending, or was.", body = RestrictedUser)),
)]
pub(crate) async fn request_unblock(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
    Json(unblock): Json<Unblock>,
) -> Result<Response, Problem> {
    let request = UnblockRequest { comment: comment(unblock.comment)?, done: None };
    let restriction = unblock_one(&app, &caller, &key, &request).await?;
    Ok((StatusCode::ACCEPTED, json(&RestrictedUser::from(restriction))).into_response())
}

/// A comment of a length that is taken; an empty one is none.
pub(crate) fn comment(comment: Option<String>) -> Result<Option<String>, Problem> {
    let comment = comment.filter(|comment| !comment.trim().is_empty());
    no_nul("comment", comment.as_deref().unwrap_or_default())?;
    match comment.as_ref().map(|comment| comment.chars().count()) {
        Some(length) if length > LONGEST_COMMENT => {
            let detail = format!("it has {length} characters, at most {LONGEST_COMMENT} are taken");
            Err(Problem::invalid("comment", detail))
        }
        _ => Ok(comment),
    }
}

pub(crate) async fn unblock_one(
    app: &Shared,
    caller: &Caller,
    key: &Key,
    request: &UnblockRequest,
) -> Result<Restriction, Problem> {
    let restriction = find(app, key).await?;
    unblocked(app.request_unblock(restriction.id, request, caller.asker()).await?)
}

/// Cancel an unblock
///
/// The user stays restricted. Where no unblock is pending nothing is changed.
#[utoipa::path(
    delete,
    path = "/api/v1/restricted-users/{key}/unblock",
    operation_id = "cancelUnblock",
    tag = "Restricted users",
    params(Key),
    responses((status = 200, description = "The user, restricted.", body = RestrictedUser)),
)]
pub(crate) async fn cancel_unblock(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
) -> Result<Response, Problem> {
    let restriction = find(&app, &key).await?;
    let restriction = unblocked(app.cancel_unblock(restriction.id, &caller.actor).await?)?;
    Ok(json(&RestrictedUser::from(restriction)))
}

/// Many unblocks at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnblockRequests)]
pub(crate) struct Unblocks {
    /// Whom to unblock, by address or id.
    #[schema(min_items = 1, max_items = 1000)]
    addresses: Vec<String>,
    /// What is to be remembered about each of them.
    #[schema(max_length = 500, pattern = r"^[^\u0000]*$")]
    comment: Option<String>,
}

/// What became of one of many unblocks.
#[derive(Serialize, ToSchema)]
#[schema(as = UnblockOutcome)]
struct Outcome {
    /// As it was asked.
    address: String,
    /// The status that unblocking this one alone would have been answered with; 202 went well.
    status: u16,
    /// Why it was not unblocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Document>,
}

/// What became of many unblocks.
#[derive(Serialize, ToSchema)]
#[schema(as = UnblockOutcomes)]
struct Outcomes {
    /// One for each address, in the order asked.
    items: Vec<Outcome>,
}

/// Unblock many users
///
/// Each as if it were unblocked alone: one that fails keeps no other from being unblocked.
#[utoipa::path(
    post,
    path = "/api/v1/unblocks",
    operation_id = "unblockUsers",
    tag = "Restricted users",
    responses((status = 200, description = "What became of each.", body = Outcomes)),
)]
pub(crate) async fn request_unblocks(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(unblocks): Json<Unblocks>,
) -> Result<Response, Problem> {
    let count = unblocks.addresses.len();
    if !AT_ONCE.contains(&count) {
        let detail = format!("there are {count}, 1 to 1000 are taken");
        return Err(Problem::invalid("addresses", detail));
    }
    let request = UnblockRequest { comment: comment(unblocks.comment)?, done: None };
    let mut items = Vec::with_capacity(count);
    for address in unblocks.addresses {
        items.push(outcome(&app, &caller, address, &request).await?);
    }
    Ok(json(&Outcomes { items }))
}

/// What the single call would have been answered; a database that fails ends the whole call.
async fn outcome(
    app: &Shared,
    caller: &Caller,
    address: String,
    request: &UnblockRequest,
) -> Result<Outcome, Problem> {
    let key = Key::parse(&address, app.organization());
    let unblocked = unblock_one(app, caller, &key, request).await;
    match unblocked {
        Ok(_) => Ok(Outcome { address, status: StatusCode::ACCEPTED.as_u16(), problem: None }),
        Err(problem @ (Problem::Internal(_) | Problem::Unavailable(_))) => Err(problem),
        Err(problem) => Ok(Outcome {
            address,
            status: problem.status().as_u16(),
            problem: Some(problem.document()),
        }),
    }
}
