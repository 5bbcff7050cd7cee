//! `/api/v1/alert-policies`: what is alerted, to whom, and how often a day.

use super::restricted_users::json;
use crate::model::alert::{AlertPolicy, AlertPolicyId, Severity, recipient};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::{Json, shortened};
use crate::web::named::AlertPolicyNamed;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is alerted, to whom, and how often a day.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertPolicy)]
struct Shown {
    /// Which one.
    id: AlertPolicyId,
    /// Its name in words.
    name: &'static str,
    /// Exchange's category of all of them.
    category: &'static str,
    /// How grave its alerts are.
    severity: Severity,
    /// Whether it raises alerts.
    enabled: bool,
    /// Who gets its mails. With none, `alert_recipients` of the settings, else everybody in
    /// Organization Management with a mail address.
    recipients: Vec<String>,
    /// Mails per recipient and UTC day; null for no limit.
    daily_limit: Option<i64>,
}

/// The alert policies.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertPolicies)]
struct Policies {
    /// All of them.
    items: Vec<Shown>,
    /// Null: they fit into one answer.
    next_cursor: Option<String>,
}

impl From<AlertPolicy> for Shown {
    fn from(policy: AlertPolicy) -> Self {
        let AlertPolicy { id, severity, enabled, recipients, daily_limit } = policy;
        let (name, category) = (id.name(), AlertPolicy::CATEGORY);
        Self { id, name, category, severity, enabled, recipients, daily_limit }
    }
}

/// List alert policies
///
/// The gravest first.
#[utoipa::path(
    get,
    path = "/api/v1/alert-policies",
    operation_id = "listAlertPolicies",
    tag = "Alerts",
    responses((status = 200, description = "All of them.", body = Policies)),
)]
pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let items = app.store.alert_policies().await?.into_iter().map(Into::into).collect();
    Ok(json(&Policies { items, next_cursor: None }))
}

/// Read an alert policy
#[utoipa::path(
    get,
    path = "/api/v1/alert-policies/{id}",
    operation_id = "getAlertPolicy",
    tag = "Alerts",
    params(AlertPolicyNamed),
    responses((status = 200, description = "The policy.", body = Shown)),
)]
pub(crate) async fn policy(
    State(app): State<Shared>,
    AlertPolicyNamed(id): AlertPolicyNamed,
) -> Result<Response, Problem> {
    Ok(json(&Shown::from(find_alert_policy(&app, id).await?)))
}

/// The policy with this id.
pub(crate) async fn find_alert_policy(
    app: &Shared,
    id: AlertPolicyId,
) -> Result<AlertPolicy, Problem> {
    let policies = app.store.alert_policies().await?;
    policies.into_iter().find(|policy| policy.id == id).ok_or(Problem::NoSuchPolicy)
}

/// An alert policy as it is sent. It is whole: what is left out is as the policy comes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertPolicyDocument {
    /// Which one; it is fixed and may be sent back as it was read.
    pub(crate) id: Option<String>,
    /// Its name; it is fixed and may be sent back as it was read.
    pub(crate) name: Option<String>,
    /// Its category; it is fixed and may be sent back as it was read.
    pub(crate) category: Option<String>,
    /// How grave its alerts are from now on.
    pub(crate) severity: Option<Severity>,
    /// Whether it raises alerts.
    pub(crate) enabled: bool,
    /// Who gets its mails.
    #[schema(max_items = 50)]
    pub(crate) recipients: Vec<String>,
    /// Mails per recipient and UTC day; null for no limit, 100 where it is left out.
    #[schema(minimum = 1, maximum = 1440)]
    pub(crate) daily_limit: Option<i64>,
}

impl Default for AlertPolicyDocument {
    fn default() -> Self {
        Self {
            id: None,
            name: None,
            category: None,
            severity: None,
            enabled: true,
            recipients: Vec::new(),
            daily_limit: Some(AlertPolicy::DAILY_LIMIT),
        }
    }
}

/// Change an alert policy
///
/// The document is whole: what it leaves out is as the policy came.
#[utoipa::path(
    put,
    path = "/api/v1/alert-policies/{id}",
    operation_id = "replaceAlertPolicy",
    tag = "Alerts",
    params(AlertPolicyNamed),
    responses((status = 200, description = "The policy as it is now.", body = Shown)),
)]
pub(crate) async fn replace(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertPolicyNamed(id): AlertPolicyNamed,
    Json(document): Json<AlertPolicyDocument>,
) -> Result<Response, Problem> {
    let policy = document.policy(id)?;
    save(&app, &caller, &policy).await?;
    Ok(json(&Shown::from(policy)))
}

/// Keeps a policy, for script and page alike.
pub(crate) async fn save(
    app: &Shared,
    caller: &Caller,
    policy: &AlertPolicy,
) -> Result<(), Problem> {
    app.store.change_alert_policy(policy, &caller.actor, app.clock.now()).await?;
    Ok(())
}

impl AlertPolicyDocument {
    /// The policy with this id as the document describes it.
    pub(crate) fn policy(self, id: AlertPolicyId) -> Result<AlertPolicy, Problem> {
        let mut problems = self.touches_fixed(id);
        let recipients = recipients(&self.recipients, &mut problems);
        problems.extend(self.daily_limit.and_then(wrong_with_limit));
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        Ok(AlertPolicy {
            id,
            severity: self.severity.unwrap_or(AlertPolicy::default_of(id).severity),
            enabled: self.enabled,
            recipients,
            daily_limit: self.daily_limit,
        })
    }

    /// What is fixed may be sent back as it came, so that a script can change what it has read.
    fn touches_fixed(&self, id: AlertPolicyId) -> Vec<FieldProblem> {
        let fixed = [
            ("id", &self.id, id.as_str()),
            ("name", &self.name, id.name()),
            ("category", &self.category, AlertPolicy::CATEGORY),
        ];
        let touched = fixed.into_iter().filter_map(|(field, told, is)| {
            let told = told.as_deref().filter(|told| *told != is)?;
            Some((field, format!("it is {:?}, but it stays {is:?}", shortened(told))))
        });
        touched.map(|(field, detail)| FieldProblem { field: field.into(), detail }).collect()
    }
}

/// The recipients, each once, whatever the case.
fn recipients(told: &[String], problems: &mut Vec<FieldProblem>) -> Vec<String> {
    let mut recipients: Vec<String> = Vec::new();
    for (place, text) in told.iter().enumerate() {
        let text = text.trim();
        if let Err(why) = recipient(text) {
            let detail = format!("{:?} {why}", shortened(text));
            problems.push(FieldProblem { field: format!("recipients[{place}]"), detail });
        } else if !recipients.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            recipients.push(text.into());
        }
    }
    let (count, most) = (recipients.len(), AlertPolicy::MOST_RECIPIENTS);
    if count > most {
        let detail = format!("there are {count}, at most {most} are taken");
        problems.push(FieldProblem { field: "recipients".into(), detail });
    }
    recipients
}

fn wrong_with_limit(limit: i64) -> Option<FieldProblem> {
    let takes = 1..=AlertPolicy::LARGEST_DAILY_LIMIT;
    let (field, last) = ("daily_limit".into(), takes.end());
    let detail = format!("it is {limit}, but it takes 1 to {last}, or null for no limit");
    (!takes.contains(&limit)).then_some(FieldProblem { field, detail })
}
