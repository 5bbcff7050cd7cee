//! The form of a policy, in a fly-out over the page.

use super::super::html;
use crate::model::{Action, OutboundSpamPolicy};
use crate::web::Shared;
use crate::web::api::outbound_spam_policies::find_policy;
use crate::web::error::Problem;
use crate::web::named::PolicyId;
use askama::Template;
use axum::extract::State;
use axum::response::Html;
use uuid::Uuid;

#[derive(Template)]
#[template(path = "outbound_spam/form.html")]
struct PolicyForm {
    policy: OutboundSpamPolicy,
    is_new: bool,
    places: Vec<Place>,
    actions: [(&'static str, &'static str, bool); 3],
}

/// A place that a policy may have among the custom ones.
struct Place {
    priority: i64,
    is_first: bool,
    is_last: bool,
    is_chosen: bool,
}

pub(crate) async fn new(State(app): State<Shared>) -> Result<Html<String>, Problem> {
    let policy = OutboundSpamPolicy {
        id: Uuid::nil(),
        name: String::new(),
        ..OutboundSpamPolicy::default_policy()
    };
    form(&app, policy, true).await
}

pub(crate) async fn existing(
    State(app): State<Shared>,
    PolicyId(id): PolicyId,
) -> Result<Html<String>, Problem> {
    form(&app, find_policy(&app, id).await?, false).await
}

/// The form with what `policy` says filled in.
pub(super) async fn form(
    app: &Shared,
    policy: OutboundSpamPolicy,
    is_new: bool,
) -> Result<Html<String>, Problem> {
    let others = app.store.outbound_spam_policies().await?;
    let custom = others.iter().filter(|other| !other.is_default()).count();
    let places = places(custom + usize::from(is_new), policy.priority);
    let chosen = policy.action_when_threshold_reached;
    let actions = [
        (Action::BlockUser, "block_user"),
        (Action::BlockUserForToday, "block_user_for_today"),
        (Action::Alert, "alert"),
    ];
    let actions = actions.map(|(it, value)| (value, super::action(it), it == chosen));
    Ok(html(&PolicyForm { policy, is_new, places, actions }))
}

/// A new policy that names no place comes last.
fn places(count: usize, chosen: Option<i64>) -> Vec<Place> {
    let priorities = (0..).take(count);
    let last = priorities.clone().last();
    let place = |priority| Place {
        priority,
        is_first: priority == 0,
        is_last: Some(priority) == last,
        is_chosen: chosen.or(last) == Some(priority),
    };
    priorities.map(place).collect()
}
