//! Restricting a user by hand.

use super::html;
use super::restricted_users::changed;
use crate::decision::Scope;
use crate::web::access::Caller;
use crate::web::api::NewRestriction;
use crate::web::error::Problem;
use crate::web::extract::{Form, Key};
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "restricted_users/restrict.html")]
struct Restrict {
    all_mail: bool,
    address: Option<String>,
}

pub(crate) async fn empty(State(app): State<Shared>) -> Html<String> {
    dialog(&app, None)
}

pub(crate) async fn again(State(app): State<Shared>, key: Key) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    Ok(dialog(&app, Some(restriction.address.to_string())))
}

fn dialog(app: &Shared, address: Option<String>) -> Html<String> {
    html(&Restrict { all_mail: app.config.scope_in_effect() == Scope::All, address })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    address: String,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn send(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Fields>,
) -> Result<Html<String>, Problem> {
    let new = NewRestriction { address: fields.address, reason: fields.reason };
    let restriction = new.restrict(&app, &caller).await?;
    let done = format!("{} is restricted.", restriction.address);
    changed(&app, &caller, &[restriction], true, Some(done)).await
}
