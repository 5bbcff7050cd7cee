//! `/api/v1/outbound-spam-policies`: how much senders may send, and what happens when it is too
//! much.

use super::restricted_users::json;
use crate::model::{MOST_POLICIES, OutboundSpamPolicy, PolicyChange, PolicyRefused};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Json;
use crate::web::named::PolicyId;
use crate::web::policy_document::PolicyDocument;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The outbound spam policies.
#[derive(Serialize, ToSchema)]
#[schema(as = OutboundSpamPolicies)]
struct Policies {
    /// All of them.
    items: Vec<OutboundSpamPolicy>,
    /// Null: they fit into one answer.
    next_cursor: Option<String>,
}

/// List outbound spam policies
///
/// In order of priority, the default policy last: the first one that is on and is for a sender judges
/// it.
#[utoipa::path(
    get,
    path = "/api/v1/outbound-spam-policies",
    operation_id = "listOutboundSpamPolicies",
    tag = "Outbound spam policies",
    responses((status = 200, description = "All of them.", body = Policies)),
)]
pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let items = app.store.outbound_spam_policies().await?;
    Ok(json(&Policies { items, next_cursor: None }))
}

/// Read an outbound spam policy
#[utoipa::path(
    get,
    path = "/api/v1/outbound-spam-policies/{id}",
    operation_id = "getOutboundSpamPolicy",
    tag = "Outbound spam policies",
    params(PolicyId),
    responses((status = 200, description = "The policy.", body = OutboundSpamPolicy)),
)]
pub(crate) async fn policy(
    State(app): State<Shared>,
    PolicyId(id): PolicyId,
) -> Result<Response, Problem> {
    Ok(json(&find_policy(&app, id).await?))
}

/// The policy with this id.
pub(crate) async fn find_policy(app: &Shared, id: Uuid) -> Result<OutboundSpamPolicy, Problem> {
    with_id(app.store.outbound_spam_policies().await?, id)
}

fn with_id(policies: Vec<OutboundSpamPolicy>, id: Uuid) -> Result<OutboundSpamPolicy, Problem> {
    policies.into_iter().find(|policy| policy.id == id).ok_or(Problem::NoSuchPolicy)
}

/// Create an outbound spam policy
///
/// There are at most 100 beside the default policy.
#[utoipa::path(
    post,
    path = "/api/v1/outbound-spam-policies",
    operation_id = "createOutboundSpamPolicy",
    tag = "Outbound spam policies",
    responses((status = 201, description = "The policy with its id.", body = OutboundSpamPolicy)),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(document): Json<PolicyDocument>,
) -> Result<Response, Problem> {
    let policy = document.new_policy()?;
    let id = policy.id;
    let policies = change(&app, &caller, PolicyChange::Create(policy.into())).await?;
    Ok((StatusCode::CREATED, json(&with_id(policies, id)?)).into_response())
}

/// Change an outbound spam policy
///
/// The document is whole: what it leaves out takes its default, but for the priority, which stays.
#[utoipa::path(
    put,
    path = "/api/v1/outbound-spam-policies/{id}",
    operation_id = "replaceOutboundSpamPolicy",
    tag = "Outbound spam policies",
    params(PolicyId),
    responses((status = 200, description = "The policy as it is now.", body = OutboundSpamPolicy)),
)]
pub(crate) async fn replace(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    PolicyId(id): PolicyId,
    Json(document): Json<PolicyDocument>,
) -> Result<Response, Problem> {
    let policy = document.policy(id)?.into();
    let policies = change(&app, &caller, PolicyChange::Replace { policy, seen: None }).await?;
    Ok(json(&with_id(policies, id)?))
}

/// Delete an outbound spam policy
///
/// Its senders are judged by the next policy that is for them.
#[utoipa::path(
    delete,
    path = "/api/v1/outbound-spam-policies/{id}",
    operation_id = "deleteOutboundSpamPolicy",
    tag = "Outbound spam policies",
    params(PolicyId),
    responses((status = 204, description = "It is deleted.")),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    PolicyId(id): PolicyId,
) -> Result<StatusCode, Problem> {
    change(&app, &caller, PolicyChange::Delete(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does as asked, for script and page alike; all policies after it.
pub(crate) async fn change(
    app: &Shared,
    caller: &Caller,
    change: PolicyChange,
) -> Result<Vec<OutboundSpamPolicy>, Problem> {
    let now = app.clock.now();
    let outcome = app.store.change_outbound_spam_policy(change, &caller.actor, now).await?;
    outcome.map_err(refused)
}

/// Why a change is refused, as a problem.
pub(crate) fn refused(why: PolicyRefused) -> Problem {
    match why {
        PolicyRefused::Unknown => Problem::NoSuchPolicy,
        PolicyRefused::NameTaken => Problem::PolicyExists,
        PolicyRefused::IsDefault => Problem::DefaultPolicy,
        PolicyRefused::ChangedMeanwhile => Problem::PolicyChanged,
        PolicyRefused::TooMany => {
            let detail =
                format!("there are {MOST_POLICIES} custom policies already, no more are taken");
            Problem::invalid("body", detail)
        }
        PolicyRefused::NoSuchPlace { asked, last } => {
            Problem::invalid("priority", format!("it is {asked}, but it takes 0 to {last}"))
        }
    }
}
