//! Deleting a policy, asked in a dialog over the page.

use super::{Done, html};
use crate::model::{OutboundSpamPolicy, PolicyChange};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::outbound_spam_policies::{change, find_policy};
use crate::web::error::Problem;
use crate::web::named::PolicyId;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "outbound_spam/delete.html")]
struct Deletion {
    policy: OutboundSpamPolicy,
}

pub(crate) async fn question(
    State(app): State<Shared>,
    PolicyId(id): PolicyId,
) -> Result<Html<String>, Problem> {
    let policy = find_policy(&app, id).await?;
    if policy.is_default() {
        return Err(Problem::DefaultPolicy);
    }
    Ok(html(&Deletion { policy }))
}

pub(crate) async fn delete(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    PolicyId(id): PolicyId,
) -> Result<Html<String>, Problem> {
    let name = find_policy(&app, id).await?.name;
    change(&app, &caller, PolicyChange::Delete(id)).await?;
    Ok(html(&Done { done: format!("{name} is deleted.") }))
}
