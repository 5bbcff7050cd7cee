//! The JSON API, one file per subject.

pub(crate) mod alert_policies;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod audit_file;
mod decision;
mod events;
pub(crate) mod messages;
pub(crate) mod operator_sessions;
pub(crate) mod operators;
mod outbound_messages;
pub(crate) mod outbound_spam_policies;
mod restricted_users;
pub(crate) mod tokens;
pub(crate) mod unblocks;
mod verdicts;

pub(crate) use restricted_users::NewRestriction;
pub(crate) use unblocks::comment;

use super::Shared;
use super::access::Doors;
use super::error::Problem::{
    self, AlreadyRestricted, DefaultPolicy, LastOperator, NoPassword, NoSuchAlert, NoSuchOperator,
    NoSuchPolicy, NoSuchToken, NotFound, NotRestricted, OperatorExists, PolicyExists, TokenExists,
    UnblockLimit,
};
use super::extract::{LARGEST_BODY, LARGEST_LIST, LARGEST_REPORT};
use super::routes::Routes;
use crate::model::operator::Permission::{
    AskDecision, ChangePolicies, ChangeRestrictions, Look, ManageAccess, ReportMail, WorkOnAlerts,
};
use utoipa_axum::routes;

/// Whom each route lets pass, and how it fails beside what all routes of its kind have in common.
pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .described(Look, routes!(restricted_users::list), [])
        .described(ChangeRestrictions, routes!(restricted_users::restrict), [AlreadyRestricted])
        .described(Look, routes!(restricted_users::user), [NotFound])
        .described(Look, routes!(restricted_users::history), [NotFound])
        .described(
            ChangeRestrictions,
            routes!(unblocks::request_unblock),
            [NotFound, NotRestricted, UnblockLimit],
        )
        .described(ChangeRestrictions, routes!(unblocks::cancel_unblock), [NotFound, NotRestricted])
        .described(ChangeRestrictions, routes!(unblocks::request_unblocks), [])
        .described(
            ReportMail,
            routes!(outbound_messages::tell),
            [Problem::TooLarge { limit: LARGEST_LIST }],
        )
        .described(
            ReportMail,
            routes!(verdicts::rspamd::rspamd),
            [Problem::TooLarge { limit: LARGEST_BODY }],
        )
        .described(
            ReportMail,
            routes!(verdicts::arf::arf),
            [Problem::TooLarge { limit: LARGEST_REPORT }],
        )
        .described(Look, routes!(messages::list), [])
        .described(AskDecision, routes!(decision::decision), [])
        .described(Look, routes!(audit::audit), [])
        .described(Look, routes!(events::events), [events::TOO_MANY])
        .and(policy_routes(app))
        .and(access_routes(app))
}

fn policy_routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .described(Look, routes!(outbound_spam_policies::list), [])
        .described(ChangePolicies, routes!(outbound_spam_policies::create), [PolicyExists])
        .described(Look, routes!(outbound_spam_policies::policy), [NoSuchPolicy])
        .described(
            ChangePolicies,
            routes!(outbound_spam_policies::replace),
            [NoSuchPolicy, PolicyExists],
        )
        .described(
            ChangePolicies,
            routes!(outbound_spam_policies::delete),
            [NoSuchPolicy, DefaultPolicy],
        )
        .described(Look, routes!(alerts::list), [])
        .described(Look, routes!(alerts::alert), [NoSuchAlert])
        .described(WorkOnAlerts, routes!(alerts::change), [NoSuchAlert])
        .described(Look, routes!(alert_policies::list), [])
        .described(Look, routes!(alert_policies::policy), [NoSuchPolicy])
        .described(ChangePolicies, routes!(alert_policies::replace), [NoSuchPolicy])
}

fn access_routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .described(ManageAccess, routes!(operators::list), [])
        .described(ManageAccess, routes!(operators::add), [OperatorExists])
        .described(ManageAccess, routes!(operators::change), [NoSuchOperator, LastOperator])
        .described(ManageAccess, routes!(operators::remove), [NoSuchOperator, LastOperator])
        .described(ManageAccess, routes!(operators::invite), [NoSuchOperator, NoPassword])
        .described(ManageAccess, routes!(operator_sessions::end), [NoSuchOperator])
        .described(ManageAccess, routes!(tokens::list), [])
        .described(ManageAccess, routes!(tokens::create), [TokenExists])
        .described(ManageAccess, routes!(tokens::revoke), [NoSuchToken])
}
