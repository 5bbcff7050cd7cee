//! A test alert: whether alerts of a policy arrive.

use super::super::alerts::HowTold;
use super::super::html;
use super::{Channels, Recipients, recipients};
use crate::model::alert::AlertPolicyId;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::alert_policies::find_alert_policy;
use crate::web::error::Problem;
use crate::web::named::AlertPolicyNamed;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "alert_policies/test_alert.html")]
struct Question {
    id: AlertPolicyId,
    recipients: Recipients,
    channels: Channels,
}

#[derive(Template)]
#[template(path = "alert_policies/test_sent.html")]
struct Sent {
    id: AlertPolicyId,
    places: usize,
    told: HowTold,
}

pub(crate) async fn question(
    State(app): State<Shared>,
    AlertPolicyNamed(id): AlertPolicyNamed,
) -> Result<Html<String>, Problem> {
    let policy = find_alert_policy(&app, id).await?;
    let recipients = recipients(&app, &policy).await?;
    Ok(html(&Question { id, recipients, channels: Channels::of(app.courier.audience()) }))
}

pub(crate) async fn send(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertPolicyNamed(id): AlertPolicyNamed,
) -> Result<Html<String>, Problem> {
    let (asked_by, audience) = (&caller.actor.name, app.courier.audience());
    let notice = app.store.send_test_alert(id, asked_by, audience, app.clock.now()).await?;
    let told = HowTold::of(&app, Some(notice)).await?;
    app.courier.ring();
    Ok(html(&Sent { id, places: told.deliveries.len(), told }))
}
