//! The page *Outbound spam*: the policies in the order in which they are asked, and what each did
//! with senders lately, or would have done.

pub(super) mod deletion;
mod difference;
pub(super) mod edit;
mod fields;
pub(super) mod order;
pub(super) mod policy;
mod results;
pub(super) mod review;
mod words;

use super::html;
use crate::model::OutboundSpamPolicy;
use crate::model::operator::Permission::ChangePolicies;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};
use results::Results;
use words::{action, spam_rules, whom};

#[derive(Template)]
#[template(path = "outbound_spam/page.html")]
struct Page {
    may_change: bool,
    policies: Vec<Row>,
    /// Since when the default policy has only watched.
    watching_since: Option<DateTime<Utc>>,
    /// What the default policy would have done meanwhile.
    watched: Vec<String>,
    /// To whom.
    watched_senders: String,
}

/// A policy in the table.
struct Row {
    key: String,
    name: String,
    is_default: bool,
    tags: Vec<&'static str>,
    whom: String,
    limits: [String; 3],
    action: &'static str,
    spam_rules: [String; 2],
    results: Vec<String>,
    is_first: bool,
    is_last: bool,
}

#[derive(Template)]
#[template(path = "outbound_spam/done.html")]
struct Done {
    done: String,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    let policies = app.store.outbound_spam_policies().await?;
    let results = Results::lately(&app).await?;
    let since = app.store.watching_since().await?;
    let default = policies.last().map(|policy| policy.id).unwrap_or_default();
    let custom = policies.len() - 1;
    let watching_since = since.get(&default).copied();
    let watched_senders = match watching_since {
        Some(_) => results::watched_senders(&app, default).await?,
        None => String::new(),
    };
    let row = |(place, policy)| row(place, custom, policy, &results);
    Ok(html(&Page {
        may_change: caller.may(ChangePolicies),
        watching_since,
        watched: results.of(default),
        watched_senders,
        policies: policies.iter().enumerate().map(row).collect(),
    }))
}

fn row(place: usize, custom: usize, policy: &OutboundSpamPolicy, results: &Results) -> Row {
    Row {
        key: key(policy),
        name: policy.name.clone(),
        is_default: policy.is_default(),
        tags: tags(policy),
        whom: whom(policy),
        limits: words::limits(policy),
        action: action(policy.action_when_threshold_reached),
        spam_rules: spam_rules(policy),
        results: results.of(policy.id),
        is_first: place == 0,
        is_last: place + 1 == custom,
    }
}

/// What to notice about a policy at once.
fn tags(policy: &OutboundSpamPolicy) -> Vec<&'static str> {
    let tags = [(!policy.enabled).then_some("off"), policy.shadow.then_some("shadow")];
    tags.into_iter().flatten().collect()
}

/// How the addresses of the pages name a policy.
fn key(policy: &OutboundSpamPolicy) -> String {
    if policy.is_default() { "default".into() } else { policy.id.to_string() }
}
