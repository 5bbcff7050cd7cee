//! Moving a policy among the others.

use super::{Done, html};
use crate::model::PolicyChange;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::outbound_spam_policies::{change, find_policy};
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::named::PolicyId;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Direction {
    to: Neighbour,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Neighbour {
    Up,
    Down,
}

pub(crate) async fn shift(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    PolicyId(id): PolicyId,
    Form(direction): Form<Direction>,
) -> Result<Html<String>, Problem> {
    let name = find_policy(&app, id).await?.name;
    let policies = match direction.to {
        Neighbour::Up => change(&app, &caller, PolicyChange::MoveUp(id)).await?,
        Neighbour::Down => change(&app, &caller, PolicyChange::MoveDown(id)).await?,
    };
    let place = policies.iter().position(|policy| policy.id == id).unwrap_or_default() + 1;
    let custom = policies.len() - 1;
    Ok(html(&Done { done: format!("{name} is number {place} of {custom} now.") }))
}
