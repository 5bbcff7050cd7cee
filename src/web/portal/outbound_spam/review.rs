//! What saving would change, and saving.

use super::difference::{Difference, difference};
use super::edit::form;
use super::fields::Fields;
use super::{Done, html};
use crate::model::{OutboundSpamPolicy, PolicyChange};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::outbound_spam_policies::{change, find_policy, refused};
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::named::PolicyId;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "outbound_spam/review.html")]
struct Review {
    name: String,
    is_new: bool,
    /// Whether *No* goes back to the form.
    from_form: bool,
    begins_to_act: bool,
    differences: Vec<Difference>,
    /// The policy that is saved, and the one that is replaced, as documents.
    policy: String,
    seen: Option<String>,
}

pub(crate) async fn review(
    State(app): State<Shared>,
    Form(fields): Form<Fields>,
) -> Result<Html<String>, Problem> {
    let is_new = fields.id.is_none();
    reviewed(&app, fields.policy()?, is_new, true).await
}

/// The difference that a turn of the shadow makes.
pub(crate) async fn shadow(
    State(app): State<Shared>,
    PolicyId(id): PolicyId,
) -> Result<Html<String>, Problem> {
    let policy = find_policy(&app, id).await?;
    let turned = OutboundSpamPolicy { shadow: !policy.shadow, ..policy };
    reviewed(&app, turned, false, false).await
}

async fn reviewed(
    app: &Shared,
    policy: OutboundSpamPolicy,
    is_new: bool,
    from_form: bool,
) -> Result<Html<String>, Problem> {
    let id = policy.id;
    let before = app.store.outbound_spam_policies().await?;
    let seen = before.iter().find(|known| known.id == id).cloned();
    let change = change_to(policy, is_new, None);
    let after = change.apply(before).map_err(refused)?;
    let after = after.into_iter().find(|known| known.id == id).ok_or(Problem::NoSuchPolicy)?;
    let differences = difference(seen.as_ref(), &after);
    if differences.is_empty() {
        return Ok(html(&Done { done: "Nothing was changed.".into() }));
    }
    Ok(html(&Review {
        name: after.name.clone(),
        is_new,
        from_form,
        begins_to_act: !after.shadow && seen.as_ref().is_some_and(|seen| seen.shadow),
        differences,
        policy: document(&after),
        seen: seen.as_ref().map(document),
    }))
}

fn change_to(
    policy: OutboundSpamPolicy,
    is_new: bool,
    seen: Option<OutboundSpamPolicy>,
) -> PolicyChange {
    let policy = policy.into();
    if is_new {
        PolicyChange::Create(policy)
    } else {
        PolicyChange::Replace { policy, seen: seen.map(Into::into) }
    }
}

fn document(policy: &OutboundSpamPolicy) -> String {
    serde_json::to_string(policy).expect("a policy is text, numbers and lists")
}

/// The answer to *Save?*, with the documents that the question was about.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    step: Step,
    policy: String,
    seen: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Edit,
    Save,
}

pub(crate) async fn save(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(answer): Form<Answer>,
) -> Result<Html<String>, Problem> {
    let (policy, seen) = answer.policies()?;
    let is_new = seen.is_none();
    if answer.step == Step::Edit {
        return form(&app, policy, is_new).await;
    }
    let done = format!("{} is {}.", policy.name, if is_new { "created" } else { "saved" });
    change(&app, &caller, change_to(policy, is_new, seen)).await?;
    Ok(html(&Done { done }))
}

impl Answer {
    /// What is saved, checked again because it went through a browser, and what it replaces.
    fn policies(&self) -> Result<(OutboundSpamPolicy, Option<OutboundSpamPolicy>), Problem> {
        let policy = parsed("policy", &self.policy)?;
        let checked = policy.checked().map_err(Problem::of_policy)?;
        let seen = self.seen.as_deref().map(|seen| parsed("seen", seen)).transpose()?;
        Ok((checked, seen))
    }
}

fn parsed(field: &str, document: &str) -> Result<OutboundSpamPolicy, Problem> {
    serde_json::from_str(document)
        .map_err(|_| Problem::invalid(field, "it is no policy; load the page again"))
}
