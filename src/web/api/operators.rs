//! `/api/v1/operators`: who may sign in, and in which role group.

use super::restricted_users::json;
use crate::model::address::Address;
use crate::model::operator::RoleGroup;
use crate::one_time_link::OneTimeLink;
use crate::store::{OperatorChange, OperatorRecord};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::{Json, shortened};
use crate::web::named::Named;
use crate::web::second_factor::second_factor;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// Somebody who signs in.
#[derive(Serialize, ToSchema)]
struct Operator {
    /// The address that the operator signs in with.
    address: String,
    /// What the operator may do.
    role_group: RoleGroup,
    /// `none`, `one-time codes`, `passkey`, `one-time codes, passkey`, or `identity provider` for who
    /// signs in there.
    second_factor: &'static str,
    /// Since when.
    created_at: DateTime<Utc>,
    /// When the operator signed in last.
    last_sign_in_at: Option<DateTime<Utc>>,
}

/// A one-time link to set a password with, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = OneTimeLink)]
struct Invitation {
    /// The link.
    one_time_link: String,
    /// When it stops working.
    expires_at: DateTime<Utc>,
}

/// The operators.
#[derive(Serialize, ToSchema)]
struct Operators {
    /// All of them.
    items: Vec<Operator>,
    /// Null: they fit into one answer.
    next_cursor: Option<String>,
}

/// List operators
#[utoipa::path(
    get,
    path = "/api/v1/operators",
    operation_id = "listOperators",
    tag = "Operators",
    responses((status = 200, description = "All of them.", body = Operators)),
)]
pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let items = app.store.operators().await?.into_iter().map(Into::into).collect();
    Ok(json(&Operators { items, next_cursor: None }))
}

impl From<OperatorRecord> for Operator {
    fn from(operator: OperatorRecord) -> Self {
        let second_factor = second_factor(&operator);
        let OperatorRecord { address, role_group, created_at, last_sign_in_at, .. } = operator;
        Self { address, role_group, second_factor, created_at, last_sign_in_at }
    }
}

/// Who is to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOperator {
    /// The address to sign in with, where alerts can be sent to.
    #[schema(format = "address")]
    pub(crate) address: String,
    /// What the operator may do.
    #[schema(schema_with = role_group_of_people)]
    pub(crate) role_group: RoleGroup,
}

/// An operator who was added.
#[derive(Serialize, ToSchema)]
#[schema(as = AddedOperator)]
struct Added {
    #[serde(flatten)]
    operator: Operator,
    /// The link to set a password with, shown this once; not there for who signs in with the identity
    /// provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    one_time_link: Option<String>,
    /// When it stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<DateTime<Utc>>,
}

/// Add an operator
///
/// Whoever was removed and signs in with the identity provider is let in again.
#[utoipa::path(
    post,
    path = "/api/v1/operators",
    operation_id = "addOperator",
    tag = "Operators",
    responses((status = 201, description = "The operator, with a one-time link.", body = Added)),
)]
pub(crate) async fn add(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewOperator>,
) -> Result<Response, Problem> {
    let (address, link) = new.add(&app, &caller).await?;
    let operator = operator(&app, &address).await?.into();
    let (one_time_link, expires_at) =
        link.map(|link| (link.url(&app.public_url), link.expires_at)).unzip();
    let added = Added { operator, one_time_link, expires_at };
    Ok((StatusCode::CREATED, json(&added)).into_response())
}

impl NewOperator {
    /// Does as asked, for script and page alike. Who was removed and signs in with the identity
    /// provider gets no link.
    pub(crate) async fn add(
        self,
        app: &Shared,
        caller: &Caller,
    ) -> Result<(Address, Option<OneTimeLink>), Problem> {
        let role = of_people(self.role_group)?;
        let now = app.clock.now();
        if let Ok(name) = app.organization().operator(&self.address)
            && let Some(name) = app.store.add_again(&name, role, &caller.actor, now).await?
        {
            return Ok((name, None));
        }
        let address = whole_address(app, &self.address)?;
        let link = OneTimeLink::lasting(OneTimeLink::LASTS, now);
        if app.store.add_operator(&address, role, link.stored(), &caller.actor, now).await? {
            Ok((address, Some(link)))
        } else {
            Err(Problem::OperatorExists)
        }
    }
}

/// An operator is known by a whole address, so that alerts can be sent there.
pub(crate) fn whole_address(app: &Shared, text: &str) -> Result<Address, Problem> {
    let address = app.organization().typed(text).map_err(|why| {
        Problem::invalid("address", format!("{:?} is no mail address: {why}", shortened(text)))
    })?;
    if address.domain().is_empty() {
        return Err(Problem::invalid("address", "it has no @ with a domain after it"));
    }
    Ok(address)
}

fn of_people(role: RoleGroup) -> Result<RoleGroup, Problem> {
    if RoleGroup::OF_PEOPLE.contains(&role) {
        return Ok(role);
    }
    Err(Problem::invalid("role_group", format!("{role} is for tokens alone")))
}

/// The others are for tokens alone.
fn role_group_of_people() -> Object {
    let names = RoleGroup::OF_PEOPLE.iter().map(|role| role.slug());
    let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    text.description(Some("What the operator may do.")).build()
}

fn invitation(app: &Shared, link: &OneTimeLink) -> Invitation {
    Invitation { one_time_link: link.url(&app.public_url), expires_at: link.expires_at }
}

/// The operator that a path names.
pub(crate) async fn operator(app: &Shared, address: &Address) -> Result<OperatorRecord, Problem> {
    app.store.operator(address).await?.ok_or(Problem::NoSuchOperator)
}

/// Another role group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorChange)]
pub(crate) struct NewRole {
    /// What the operator may do from now on.
    #[schema(schema_with = role_group_of_people)]
    pub(crate) role_group: RoleGroup,
}

/// Give an operator another role group
///
/// The operator's sessions end.
#[utoipa::path(
    patch,
    path = "/api/v1/operators/{address}",
    operation_id = "changeOperator",
    tag = "Operators",
    params(Named),
    responses((status = 200, description = "The operator as it is now.", body = Operator)),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
    Json(new): Json<NewRole>,
) -> Result<Response, Problem> {
    new.give(&app, &caller, &address).await?;
    Ok(json(&Operator::from(operator(&app, &address).await?)))
}

impl NewRole {
    /// Does as asked, for script and page alike.
    pub(crate) async fn give(
        self,
        app: &Shared,
        caller: &Caller,
        address: &Address,
    ) -> Result<(), Problem> {
        let (role, now) = (of_people(self.role_group)?, app.clock.now());
        changed(app.store.change_role_group(address, role, &caller.actor, now).await?)
    }
}

/// What became of a change, or its problem.
fn changed(outcome: OperatorChange) -> Result<(), Problem> {
    match outcome {
        OperatorChange::Done => Ok(()),
        OperatorChange::Unknown => Err(Problem::NoSuchOperator),
        OperatorChange::LastManager => Err(Problem::LastOperator),
    }
}

/// Remove an operator
///
/// The operator's sessions end.
#[utoipa::path(
    delete,
    path = "/api/v1/operators/{address}",
    operation_id = "removeOperator",
    tag = "Operators",
    params(Named),
    responses((status = 204, description = "The operator is removed.")),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<StatusCode, Problem> {
    remove_one(&app, &caller, &address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an operator, for script and page alike.
pub(crate) async fn remove_one(
    app: &Shared,
    caller: &Caller,
    address: &Address,
) -> Result<(), Problem> {
    changed(app.store.remove_operator(address, &caller.actor, app.clock.now()).await?)
}

/// Make a new one-time link
///
/// It sets another password; a link made before stops working.
#[utoipa::path(
    post,
    path = "/api/v1/operators/{address}/one-time-link",
    operation_id = "makeOneTimeLink",
    tag = "Operators",
    params(Named),
    responses((status = 201, description = "The link, shown this once.", body = Invitation)),
)]
pub(crate) async fn invite(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(address): Named,
) -> Result<Response, Problem> {
    let link = invite_again(&app, &caller, &address).await?;
    Ok((StatusCode::CREATED, json(&invitation(&app, &link))).into_response())
}

/// Makes a new one-time link, for script and page alike.
pub(crate) async fn invite_again(
    app: &Shared,
    caller: &Caller,
    address: &Address,
) -> Result<OneTimeLink, Problem> {
    let now = app.clock.now();
    let link = OneTimeLink::lasting(OneTimeLink::LASTS, now);
    if app.store.link_for_operator(address, link.stored(), &caller.actor, now).await? {
        Ok(link)
    } else {
        operator(app, address).await?;
        Err(Problem::NoPassword)
    }
}
