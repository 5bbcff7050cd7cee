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
use super::routes::Routes;
use crate::operator::Permission::{
    AskDecision, ChangePolicies, ChangeRestrictions, Look, ManageAccess, ReportMail, WorkOnAlerts,
};

pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .get("/api/v1/restricted-users", Look, restricted_users::list)
        .post("/api/v1/restricted-users", ChangeRestrictions, restricted_users::restrict)
        .get("/api/v1/restricted-users/{key}", Look, restricted_users::user)
        .get("/api/v1/restricted-users/{key}/history", Look, restricted_users::history)
        .post(
            "/api/v1/restricted-users/{key}/unblock",
            ChangeRestrictions,
            unblocks::request_unblock,
        )
        .delete(
            "/api/v1/restricted-users/{key}/unblock",
            ChangeRestrictions,
            unblocks::cancel_unblock,
        )
        .post("/api/v1/unblocks", ChangeRestrictions, unblocks::request_unblocks)
        .post("/api/v1/outbound-messages", ReportMail, outbound_messages::tell)
        .post("/api/v1/verdicts/rspamd", ReportMail, verdicts::rspamd)
        .post("/api/v1/verdicts/arf", ReportMail, verdicts::arf)
        .get("/api/v1/messages", Look, messages::list)
        .get("/api/v1/decision", AskDecision, decision::decision)
        .get("/api/v1/outbound-spam-policies", Look, outbound_spam_policies::list)
        .post("/api/v1/outbound-spam-policies", ChangePolicies, outbound_spam_policies::create)
        .get("/api/v1/outbound-spam-policies/{id}", Look, outbound_spam_policies::policy)
        .put("/api/v1/outbound-spam-policies/{id}", ChangePolicies, outbound_spam_policies::replace)
        .delete(
            "/api/v1/outbound-spam-policies/{id}",
            ChangePolicies,
            outbound_spam_policies::delete,
        )
        .get("/api/v1/alerts", Look, alerts::list)
        .get("/api/v1/alerts/{id}", Look, alerts::alert)
        .patch("/api/v1/alerts/{id}", WorkOnAlerts, alerts::change)
        .get("/api/v1/alert-policies", Look, alert_policies::list)
        .get("/api/v1/alert-policies/{id}", Look, alert_policies::policy)
        .put("/api/v1/alert-policies/{id}", ChangePolicies, alert_policies::replace)
        .get("/api/v1/audit", Look, audit::audit)
        .get("/api/v1/events", Look, events::events)
        .get("/api/v1/operators", ManageAccess, operators::list)
        .post("/api/v1/operators", ManageAccess, operators::add)
        .patch("/api/v1/operators/{address}", ManageAccess, operators::change)
        .delete("/api/v1/operators/{address}", ManageAccess, operators::remove)
        .post("/api/v1/operators/{address}/one-time-link", ManageAccess, operators::invite)
        .delete("/api/v1/operators/{address}/sessions", ManageAccess, operator_sessions::end)
        .get("/api/v1/tokens", ManageAccess, tokens::list)
        .post("/api/v1/tokens", ManageAccess, tokens::create)
        .delete("/api/v1/tokens/{name}", ManageAccess, tokens::revoke)
}
