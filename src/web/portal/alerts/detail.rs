//! One alert, in a fly-out over the list.

use super::super::html;
use super::deliveries::HowTold;
use super::row::Row;
use crate::model::alert::{Alert, AlertStatus};
use crate::model::operator::Permission::WorkOnAlerts;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::alerts::find_alert;
use crate::web::error::Problem;
use crate::web::named::AlertNamed;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "alerts/alert.html")]
pub(super) struct Detail {
    may_work: bool,
    pub(super) alert: Row,
    is_mine: bool,
    told: HowTold,
}

pub(crate) async fn alert(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertNamed(id): AlertNamed,
) -> Result<Html<String>, Problem> {
    Ok(html(&detail(&app, &caller, find_alert(&app, id).await?).await?))
}

/// Everything about an alert, for `caller`.
pub(super) async fn detail(app: &Shared, caller: &Caller, alert: Alert) -> Result<Detail, Problem> {
    Ok(Detail {
        may_work: caller.may(WorkOnAlerts),
        is_mine: alert.status == AlertStatus::InProgress
            && alert.assigned_to.as_ref() == Some(&caller.actor.name),
        told: HowTold::of(app, alert.notice_id).await?,
        alert: alert.into(),
    })
}
