//! One user's page.

use super::alerts::Row as AlertRow;
use super::evidence::{Evidence, evidence};
use super::history::{Earlier, Entry};
use super::html;
use super::rows::refused_recent;
use super::words::number;
use crate::decision::Scope;
use crate::model::operator::Permission::ChangeRestrictions;
use crate::model::restriction::{Restriction, Unblock};
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Key;
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};
use uuid::Uuid;

#[derive(Template)]
#[template(path = "restricted_users/user.html")]
struct UserPage {
    organization: String,
    all_mail: bool,
    may_change: bool,
    user: User,
    open_alerts: Vec<AlertRow>,
    history: Vec<Entry>,
    earlier: Vec<Earlier>,
    evidence: Evidence,
    /// There is room for two charts.
    wide: bool,
}

/// What is known of a restricted user.
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) address: String,
    pub(crate) state: &'static str,
    pub(crate) why: String,
    pub(crate) reason: String,
    pub(crate) ends_at: Option<DateTime<Utc>>,
    pub(crate) takes_effect_at: Option<DateTime<Utc>>,
    pub(crate) restricted_at: DateTime<Utc>,
    pub(crate) restricted_by: Option<String>,
    pub(crate) released_at: Option<DateTime<Utc>>,
    pub(crate) unblock: Option<Unblock>,
    pub(crate) refused_recent: Option<String>,
    pub(crate) refused_total: String,
    /// A newer restriction of the same user that is active.
    pub(crate) active_id: Option<Uuid>,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    let history = app.store.history(restriction.id).await?;
    let evidence = evidence(&app, &restriction, "page").await?;
    let open_alerts = app.store.open_alerts_of(restriction.id).await?;
    let (user, earlier) = known(&app, restriction).await?;
    Ok(html(&UserPage {
        evidence,
        wide: true,
        organization: app.organization().name.clone(),
        all_mail: app.config.scope_in_effect() == Scope::All,
        may_change: caller.may(ChangeRestrictions),
        user,
        open_alerts: open_alerts.into_iter().map(Into::into).collect(),
        history: history.into_iter().map(Into::into).collect(),
        earlier,
    }))
}

/// What is known of the user, and the other restrictions there were.
pub(crate) async fn known(
    app: &Shared,
    restriction: Restriction,
) -> Result<(User, Vec<Earlier>), Problem> {
    let mut others = app.store.restrictions_of(&restriction.address).await?;
    others.retain(|other| other.id != restriction.id);
    let active = others.iter().find(|other| other.released_at.is_none());
    let active_id = active.map(|other| other.id);
    let total = app.store.refusals(&[restriction.id], DateTime::UNIX_EPOCH).await?;
    let refused_total = number(total.get(&restriction.id).copied().unwrap_or_default());
    let refused_recent = refused_recent(app, restriction.id).await?;
    let user = User {
        id: restriction.id,
        address: restriction.address.to_string(),
        state: restriction.state().name(),
        why: restriction.why(),
        ends_at: restriction.ends_at,
        takes_effect_at: restriction.unblock.as_ref().map(|unblock| unblock.takes_effect_at),
        restricted_at: restriction.restricted_at,
        released_at: restriction.released_at,
        reason: restriction.reason,
        restricted_by: restriction.restricted_by,
        unblock: restriction.unblock,
        refused_recent,
        refused_total,
        active_id,
    };
    Ok((user, others.into_iter().map(Into::into).collect()))
}
