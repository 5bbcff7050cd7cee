//! The page *Alert policies*: what is alerted, to whom, and how often a day.

mod edit;
mod test_alert;

pub(crate) use edit::{form, save};
pub(crate) use test_alert::{question, send};

use super::html;
use super::words::number;
use crate::model::alert::{AlertPolicy, AlertPolicyId, Severity};
use crate::model::operator::Permission::ChangePolicies;
use crate::store::Audience;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "alert_policies/page.html")]
struct Page {
    may_change: bool,
    channels: Channels,
    policies: Vec<Shown>,
}

/// A policy in the table.
struct Shown {
    id: AlertPolicyId,
    severity: Severity,
    enabled: bool,
    recipients: Recipients,
    daily_limit: Option<String>,
}

/// Who gets the mails of a policy.
struct Recipients {
    who: Vec<String>,
    /// What says so where the policy itself names nobody.
    by_default: Option<&'static str>,
}

/// The ways out of the portal that the settings open.
struct Channels {
    mail: bool,
    webhooks: Vec<String>,
}

impl Channels {
    fn of(audience: &Audience) -> Self {
        Self { mail: audience.mail, webhooks: audience.webhooks.clone() }
    }
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    let mut policies = Vec::new();
    for policy in app.store.alert_policies().await? {
        policies.push(shown(&app, policy).await?);
    }
    let channels = Channels::of(app.courier.audience());
    Ok(html(&Page { may_change: caller.may(ChangePolicies), channels, policies }))
}

async fn shown(app: &Shared, policy: AlertPolicy) -> Result<Shown, Problem> {
    Ok(Shown {
        id: policy.id,
        severity: policy.severity,
        enabled: policy.enabled,
        daily_limit: policy.daily_limit.map(number),
        recipients: recipients(app, &policy).await?,
    })
}

async fn recipients(app: &Shared, policy: &AlertPolicy) -> Result<Recipients, Problem> {
    if !policy.recipients.is_empty() {
        return Ok(Recipients { who: policy.recipients.clone(), by_default: None });
    }
    default_recipients(app).await
}

/// Who gets the mails of policies that name nobody.
async fn default_recipients(app: &Shared) -> Result<Recipients, Problem> {
    let audience = app.courier.audience();
    let by_default =
        if audience.recipients.is_empty() { "Organization Management" } else { "alert_recipients" };
    let who = app.store.default_recipients(audience).await?;
    Ok(Recipients { who, by_default: Some(by_default) })
}
