//! Ending somebody's sessions, in a dialog over the page.

use super::super::html;
use crate::model::address::Address;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::operator_sessions::end_all;
use crate::web::api::operators::operator;
use crate::web::error::Problem;
use crate::web::named::Named;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "permissions/end_sessions.html")]
struct EndSessions {
    address: Address,
    is_oneself: bool,
    is_vouched_for: bool,
}

#[derive(Template)]
#[template(path = "permissions/done.html")]
struct Done {
    done: String,
}

pub(crate) async fn question(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    let is_vouched_for = operator(&app, &address).await?.is_vouched_for;
    let is_oneself = address.as_str() == caller.actor.name;
    Ok(html(&EndSessions { address, is_oneself, is_vouched_for }))
}

pub(crate) async fn end(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    let done = match end_all(&app, &caller, &address).await? {
        0 => format!("{address} was not signed in."),
        _ => format!("{address} is signed out everywhere."),
    };
    Ok(html(&Done { done }))
}
