//! `/api/v1/operators`: who may sign in, and in which role group.

use super::restricted_users::json;
use crate::address::Address;
use crate::one_time_link::OneTimeLink;
use crate::operator::RoleGroup;
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

#[derive(Serialize)]
struct Operator {
    address: String,
    role_group: RoleGroup,
    second_factor: &'static str,
    created_at: DateTime<Utc>,
    last_sign_in_at: Option<DateTime<Utc>>,
}

/// A link, shown this once.
#[derive(Serialize)]
struct Invitation {
    one_time_link: String,
    expires_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Operators {
    items: Vec<Operator>,
    /// They fit into one answer.
    next_cursor: Option<String>,
}

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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOperator {
    pub(crate) address: String,
    pub(crate) role_group: RoleGroup,
}

pub(crate) async fn add(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewOperator>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Added {
        #[serde(flatten)]
        operator: Operator,
        /// Nothing for who signs in with the identity provider.
        #[serde(flatten)]
        invitation: Option<Invitation>,
    }
    let (address, link) = new.add(&app, &caller).await?;
    let operator = operator(&app, &address).await?.into();
    let invitation = link.map(|link| invitation(&app, &link));
    let added = Added { operator, invitation };
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
    let address = app.organization().sender(text).map_err(|why| {
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

fn invitation(app: &Shared, link: &OneTimeLink) -> Invitation {
    Invitation { one_time_link: link.url(&app.public_url), expires_at: link.expires_at }
}

/// The operator that a path names.
pub(crate) async fn operator(app: &Shared, address: &Address) -> Result<OperatorRecord, Problem> {
    app.store.operator(address).await?.ok_or(Problem::NoSuchOperator)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    pub(crate) role_group: RoleGroup,
}

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
