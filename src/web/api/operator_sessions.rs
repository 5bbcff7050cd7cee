//! `/api/v1/operators/{address}/sessions`: ending what somebody has open.

use super::restricted_users::json;
use crate::model::address::Address;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::named::Named;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of an operator's sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionsEnded)]
struct Ended {
    /// How many there were.
    sessions_ended: u64,
}

/// End an operator's sessions
///
/// The operator can sign in again.
#[utoipa::path(
    delete,
    path = "/api/v1/operators/{address}/sessions",
    operation_id = "endSessions",
    tag = "Operators",
    params(Named),
    responses((status = 200, description = "They are ended.", body = Ended)),
)]
pub(crate) async fn end(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Response, Problem> {
    let sessions_ended = end_all(&app, &caller, &address).await?;
    Ok(json(&Ended { sessions_ended }))
}

/// Ends them, for script and page alike.
pub(crate) async fn end_all(
    app: &Shared,
    caller: &Caller,
    address: &Address,
) -> Result<u64, Problem> {
    let ended = app.store.end_sessions_of(address, &caller.actor, app.clock.now()).await?;
    ended.ok_or(Problem::NoSuchOperator)
}
