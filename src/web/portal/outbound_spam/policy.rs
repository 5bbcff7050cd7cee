//! One policy's page: its settings, and which senders crossed its lines lately.

use super::super::html;
use super::difference::lines;
use super::results::{Crossed, Results, crossed};
use super::words::whom;
use crate::model::OutboundSpamPolicy;
use crate::model::operator::Permission::ChangePolicies;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::outbound_spam_policies::find_policy;
use crate::web::error::Problem;
use crate::web::named::PolicyId;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};

#[derive(Template)]
#[template(path = "outbound_spam/policy.html")]
struct PolicyPage {
    may_change: bool,
    key: String,
    tags: Vec<&'static str>,
    whom: String,
    lines: Vec<(&'static str, String)>,
    policy: OutboundSpamPolicy,
    watching_since: Option<DateTime<Utc>>,
    results: Vec<String>,
    crossed: Vec<Crossed>,
    has_more: bool,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    PolicyId(id): PolicyId,
) -> Result<Html<String>, Problem> {
    let policy = find_policy(&app, id).await?;
    let (crossed, has_more) = crossed(&app, id).await?;
    Ok(html(&PolicyPage {
        may_change: caller.may(ChangePolicies),
        key: super::key(&policy),
        tags: super::tags(&policy),
        whom: whom(&policy),
        lines: lines(&policy),
        policy,
        watching_since: app.store.watching_since().await?.remove(&id),
        results: Results::lately(&app).await?.of(id),
        crossed,
        has_more,
    }))
}
