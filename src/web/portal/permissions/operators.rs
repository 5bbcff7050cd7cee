//! Adding, changing and removing operators, each in a dialog over the page.

use super::super::html;
use crate::model::address::Address;
use crate::model::operator::RoleGroup;
use crate::one_time_link::OneTimeLink;
use crate::store::OperatorRecord;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::operators::{NewOperator, NewRole, invite_again, operator, remove_one};
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::named::Named;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "permissions/add_operator.html")]
struct AddOperator {
    role_groups: &'static [RoleGroup],
}

#[derive(Template)]
#[template(path = "permissions/change_role.html")]
struct ChangeRole {
    operator: OperatorRecord,
    is_oneself: bool,
    role_groups: &'static [RoleGroup],
}

#[derive(Template)]
#[template(path = "permissions/new_link.html")]
struct NewLink {
    address: Address,
}

#[derive(Template)]
#[template(path = "permissions/remove_operator.html")]
struct RemoveOperator {
    operator: OperatorRecord,
    is_oneself: bool,
}

/// The link, shown this once.
#[derive(Template)]
#[template(path = "permissions/link.html")]
struct Link {
    address: Address,
    url: String,
    expires_at: DateTime<Utc>,
    is_new: bool,
}

#[derive(Template)]
#[template(path = "permissions/done.html")]
struct Done {
    done: String,
}

pub(crate) async fn empty() -> Html<String> {
    html(&AddOperator { role_groups: RoleGroup::OF_PEOPLE })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    address: String,
    role_group: RoleGroup,
}

pub(crate) async fn add(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(Fields { address, role_group }): Form<Fields>,
) -> Result<Html<String>, Problem> {
    let (address, link) = NewOperator { address, role_group }.add(&app, &caller).await?;
    Ok(match link {
        Some(link) => shown(&app, address, &link, true),
        None => {
            html(&Done { done: format!("{address} signs in with the identity provider again.") })
        }
    })
}

fn shown(app: &Shared, address: Address, link: &OneTimeLink, is_new: bool) -> Html<String> {
    let (url, expires_at) = (link.url(&app.public_url), link.expires_at);
    html(&Link { address, url, expires_at, is_new })
}

pub(crate) async fn role(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    let operator = operator(&app, &address).await?;
    let is_oneself = operator.address == caller.actor.name;
    Ok(html(&ChangeRole { operator, is_oneself, role_groups: RoleGroup::OF_PEOPLE }))
}

pub(crate) async fn change_role(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
    Form(new): Form<NewRole>,
) -> Result<Html<String>, Problem> {
    let role = new.role_group;
    new.give(&app, &caller, &address).await?;
    Ok(html(&Done { done: format!("{address} is in {role} now.") }))
}

pub(crate) async fn link(
    State(app): State<Shared>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    operator(&app, &address).await?;
    Ok(html(&NewLink { address }))
}

pub(crate) async fn make_link(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    let link = invite_again(&app, &caller, &address).await?;
    Ok(shown(&app, address, &link, false))
}

pub(crate) async fn removal(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    let operator = operator(&app, &address).await?;
    let is_oneself = operator.address == caller.actor.name;
    Ok(html(&RemoveOperator { operator, is_oneself }))
}

pub(crate) async fn remove(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Html<String>, Problem> {
    remove_one(&app, &caller, &address).await?;
    Ok(html(&Done { done: format!("{address} is removed.") }))
}
