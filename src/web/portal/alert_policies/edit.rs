//! Changing an alert policy, in a fly-out over the page.

use super::super::html;
use super::{Channels, Recipients, default_recipients};
use crate::model::alert::{AlertPolicy, Severity};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::alert_policies::{self, AlertPolicyDocument, find_alert_policy};
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::{Form, shortened};
use crate::web::named::AlertPolicyNamed;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "alert_policies/form.html")]
struct PolicyForm {
    policy: AlertPolicy,
    severities: [Severity; 4],
    default: Recipients,
    channels: Channels,
}

#[derive(Template)]
#[template(path = "alert_policies/done.html")]
struct Done {
    done: String,
}

pub(crate) async fn form(
    State(app): State<Shared>,
    AlertPolicyNamed(id): AlertPolicyNamed,
) -> Result<Html<String>, Problem> {
    Ok(html(&PolicyForm {
        policy: find_alert_policy(&app, id).await?,
        severities: Severity::ALL,
        default: default_recipients(&app).await?,
        channels: Channels::of(app.courier.audience()),
    }))
}

/// The fields as they come; what is empty does not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    enabled: Option<String>,
    severity: Severity,
    #[serde(default)]
    recipients: String,
    daily_limit: Option<String>,
}

pub(crate) async fn save(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertPolicyNamed(id): AlertPolicyNamed,
    Form(fields): Form<Fields>,
) -> Result<Html<String>, Problem> {
    let policy = fields.document().and_then(|document| document.policy(id)).map_err(in_words)?;
    alert_policies::save(&app, &caller, &policy).await?;
    let stands = if policy.enabled { "saved" } else { "saved. It is off and raises no alert" };
    Ok(html(&Done { done: format!("{} is {stands}.", id.name()) }))
}

impl Fields {
    fn document(self) -> Result<AlertPolicyDocument, Problem> {
        let entries = self.recipients.split(['\n', ',']).map(str::trim);
        let limit = self.daily_limit.map(|text| {
            let detail = || format!("{:?} is no whole number", shortened(&text));
            text.trim().parse().map_err(|_| Problem::invalid("daily_limit", detail()))
        });
        Ok(AlertPolicyDocument {
            severity: Some(self.severity),
            enabled: self.enabled.is_some(),
            recipients: entries.filter(|entry| !entry.is_empty()).map(Into::into).collect(),
            daily_limit: limit.transpose()?,
            ..AlertPolicyDocument::default()
        })
    }
}

/// Problems as the form tells them: with the labels of its fields, which the script can find.
fn in_words(problem: Problem) -> Problem {
    let Problem::Invalid(problems) = problem else { return problem };
    let worded = problems.into_iter().map(|FieldProblem { field, detail }| {
        let field = field.split('[').next().unwrap_or_default().to_owned();
        let label = if field == "recipients" { "Recipients" } else { "Mails a day" };
        FieldProblem { detail: format!("{label}: {detail}."), field }
    });
    Problem::Invalid(worded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::AlertPolicyId;

    #[test]
    fn problems_are_told_with_the_labels_of_the_form() {
        let fields = Fields {
            enabled: None,
            severity: Severity::Low,
            recipients: "a@example.org, alice\n".into(),
            daily_limit: Some("0".into()),
        };
        let policy = fields.document().and_then(|it| it.policy(AlertPolicyId::SendingLimit));
        let Err(Problem::Invalid(problems)) = policy.map_err(in_words) else { unreachable!() };
        let told: Vec<_> = problems.iter().map(|it| (&*it.field, &*it.detail)).collect();
        assert_eq!(
            told,
            [
                ("recipients", "Recipients: \"alice\" is no mail address."),
                (
                    "daily_limit",
                    "Mails a day: it is 0, but it takes 1 to 1440, or null for no limit."
                ),
            ]
        );
    }
}
