//! The page *Permissions*: operators, API tokens, and what each role group may do.

pub(super) mod operators;
pub(super) mod sessions;
pub(super) mod tokens;

use super::html;
use crate::model::operator::{Permission, RoleGroup};
use crate::store::{KnownToken, OperatorRecord};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::second_factor::second_factor;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};

#[derive(Template)]
#[template(path = "permissions/page.html")]
struct Page {
    operators: Vec<Operator>,
    tokens: Vec<Token>,
    matrix: Vec<Line>,
}

struct Operator {
    address: String,
    is_oneself: bool,
    role_group: RoleGroup,
    second_factor: &'static str,
    last_sign_in_at: Option<DateTime<Utc>>,
    has_password: bool,
}

struct Token {
    name: String,
    role_group: RoleGroup,
    expires_at: Option<DateTime<Utc>>,
    has_expired: bool,
    last_used_at: Option<DateTime<Utc>>,
    last_used_from: Option<String>,
}

/// What a permission allows, and to which role groups.
struct Line {
    allows: &'static str,
    role_groups: Vec<&'static str>,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    let now = app.clock.now();
    let operators = app.store.operators().await?;
    let tokens = app.store.known_tokens().await?;
    Ok(html(&Page {
        operators: operators.into_iter().map(|it| operator(it, &caller)).collect(),
        tokens: tokens.into_iter().map(|it| token(it, now)).collect(),
        matrix: matrix(),
    }))
}

fn operator(it: OperatorRecord, caller: &Caller) -> Operator {
    Operator {
        second_factor: second_factor(&it),
        is_oneself: it.address == caller.actor.name,
        address: it.address,
        role_group: it.role_group,
        last_sign_in_at: it.last_sign_in_at,
        has_password: !it.is_vouched_for,
    }
}

fn token(it: KnownToken, now: DateTime<Utc>) -> Token {
    Token {
        name: it.name,
        role_group: it.role_group,
        has_expired: it.expires_at.is_some_and(|at| at <= now),
        expires_at: it.expires_at,
        last_used_at: it.last_used_at,
        last_used_from: it.last_used_from,
    }
}

/// The table of the role groups, in the order that a reader asks.
fn matrix() -> Vec<Line> {
    let lines = [
        (Permission::Look, "See restricted users, their history and the audit log"),
        (Permission::ChangeRestrictions, "Restrict, unblock, cancel an unblock"),
        (Permission::ExceedUnblockLimit, "Unblock somebody who was unblocked too often already"),
        (Permission::WorkOnAlerts, "Work on alerts: take, comment, resolve"),
        (Permission::ChangePolicies, "Change the outbound spam and alert policies"),
        (Permission::ManageAccess, "Manage operators and API tokens"),
        (Permission::AskDecision, "Ask for decisions, as a mail server does"),
        (Permission::ReportMail, "Tell of messages and spam, as a mail server does"),
    ];
    let names =
        |permission: Permission| permission.role_groups().iter().map(|role| role.name()).collect();
    lines.map(|(permission, allows)| Line { allows, role_groups: names(permission) }).into()
}
