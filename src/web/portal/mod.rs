//! The portal: the one full page, and the fragments that its script puts into it.

mod account;
mod alert_policies;
mod alerts;
mod arrival;
mod audit_log;
mod badge;
mod chart;
mod days;
mod evidence;
mod export;
mod frame;
mod history;
mod message;
mod message_trace;
mod oidc;
mod outbound_spam;
mod permissions;
mod restrict;
mod restricted_users;
mod rows;
mod second_step;
mod sign_in;
mod static_files;
mod unblock;
mod unblocks;
mod user;
mod welcome;
mod words;

pub(crate) use static_files::address_of;

use super::Shared;
use super::access::Doors;
use super::routes::{OpenTo::Anybody, Routes};
use crate::model::operator::Permission::{
    ChangePolicies, ChangeRestrictions, Look, ManageAccess, WorkOnAlerts,
};
use askama::Template;
use axum::response::Html;

pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_portal(app))
        .get("/", Anybody, frame::page)
        .get("/static/{hash}/{file}", Anybody, static_files::serve)
        .get("/sign-in", Anybody, sign_in::page)
        .post("/sign-in", Anybody, sign_in::sign_in)
        .get("/sign-in/oidc", Anybody, oidc::begin)
        .get("/sign-in/oidc/callback", Anybody, oidc::callback)
        .get("/sign-in/code", Anybody, sign_in::page)
        .post("/sign-in/code", Anybody, second_step::code)
        .get("/sign-in/recovery-code", Anybody, sign_in::page)
        .post("/sign-in/recovery-code", Anybody, second_step::recovery_code)
        .get("/sign-in/passkey", Anybody, sign_in::page)
        .post("/sign-in/passkey", Anybody, second_step::passkey)
        .post("/sign-in/passkey/challenge", Anybody, second_step::challenge)
        .post("/sign-in/start-over", Anybody, second_step::start_over)
        .post("/sign-out", Anybody, sign_in::sign_out)
        .post("/ui/welcome", Anybody, welcome::page)
        .post("/ui/welcome/password", Anybody, welcome::set_password)
        .get("/ui/restrictedusers", Look, restricted_users::page)
        .post("/ui/restrictedusers", ChangeRestrictions, restrict::send)
        .get("/ui/restrictedusers/rows", Look, restricted_users::rows)
        .get("/ui/restrictedusers/rows/{key}", Look, restricted_users::row)
        .get("/ui/restrictedusers/export", Look, export::download)
        .get("/ui/restrictedusers/restrict", ChangeRestrictions, restrict::empty)
        .get("/ui/restrictedusers/{key}", Look, user::page)
        .get("/ui/restrictedusers/{key}/restrict", ChangeRestrictions, restrict::again)
        .get("/ui/restrictedusers/{key}/unblock", ChangeRestrictions, unblock::flow)
        .post("/ui/restrictedusers/{key}/unblock", ChangeRestrictions, unblock::send)
        .post("/ui/restrictedusers/{key}/unblock/cancel", ChangeRestrictions, unblock::cancel)
        .post("/ui/unblocks/steps", ChangeRestrictions, unblocks::steps)
        .post("/ui/unblocks", ChangeRestrictions, unblocks::send)
        .get("/ui/messagetrace", Look, message_trace::page)
        .get("/ui/messagetrace/rows", Look, message_trace::rows)
        .get("/ui/auditlog", Look, audit_log::page)
        .get("/ui/auditlog/rows", Look, audit_log::rows)
        .get("/ui/auditlog/export", Look, audit_log::export)
        .and(alert_routes(app))
        .and(outbound_spam_routes(app))
        .and(permission_routes(app))
        .and(account::routes(app))
}

fn alert_routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_portal(app))
        .get("/ui/alerts", Look, alerts::page)
        .get("/ui/alerts/rows", Look, alerts::rows)
        .get("/ui/alerts/badge", Look, badge::fragment)
        .get("/ui/alerts/deliveries/{id}", Look, alerts::deliveries)
        .get("/ui/alerts/{id}", Look, alerts::alert)
        .post("/ui/alerts/{id}", WorkOnAlerts, alerts::work)
        .get("/ui/alertpolicies", Look, alert_policies::page)
        .get("/ui/alertpolicies/{id}/edit", ChangePolicies, alert_policies::form)
        .post("/ui/alertpolicies/{id}", ChangePolicies, alert_policies::save)
        .get("/ui/alertpolicies/{id}/test", ChangePolicies, alert_policies::question)
        .post("/ui/alertpolicies/{id}/test", ChangePolicies, alert_policies::send)
}

fn outbound_spam_routes(app: &Shared) -> Routes {
    use outbound_spam::{deletion, edit, order, page, policy, review};
    Routes::behind(Doors::of_the_portal(app))
        .get("/ui/outboundspam", Look, page)
        .get("/ui/outboundspam/new", ChangePolicies, edit::new)
        .post("/ui/outboundspam/review", ChangePolicies, review::review)
        .post("/ui/outboundspam/save", ChangePolicies, review::save)
        .get("/ui/outboundspam/{id}", Look, policy::page)
        .get("/ui/outboundspam/{id}/edit", ChangePolicies, edit::existing)
        .get("/ui/outboundspam/{id}/shadow", ChangePolicies, review::shadow)
        .get("/ui/outboundspam/{id}/delete", ChangePolicies, deletion::question)
        .post("/ui/outboundspam/{id}/delete", ChangePolicies, deletion::delete)
        .post("/ui/outboundspam/{id}/move", ChangePolicies, order::shift)
}

fn permission_routes(app: &Shared) -> Routes {
    use permissions::{operators, page, sessions, tokens};
    Routes::behind(Doors::of_the_portal(app))
        .get("/ui/permissions", ManageAccess, page)
        .get("/ui/permissions/operators/add", ManageAccess, operators::empty)
        .post("/ui/permissions/operators", ManageAccess, operators::add)
        .get("/ui/permissions/operators/{address}/role", ManageAccess, operators::role)
        .post("/ui/permissions/operators/{address}/role", ManageAccess, operators::change_role)
        .get("/ui/permissions/operators/{address}/link", ManageAccess, operators::link)
        .post("/ui/permissions/operators/{address}/link", ManageAccess, operators::make_link)
        .get("/ui/permissions/operators/{address}/sessions", ManageAccess, sessions::question)
        .post("/ui/permissions/operators/{address}/sessions", ManageAccess, sessions::end)
        .get("/ui/permissions/operators/{address}/remove", ManageAccess, operators::removal)
        .post("/ui/permissions/operators/{address}/remove", ManageAccess, operators::remove)
        .get("/ui/permissions/tokens/create", ManageAccess, tokens::empty)
        .post("/ui/permissions/tokens", ManageAccess, tokens::create)
        .get("/ui/permissions/tokens/{name}/revoke", ManageAccess, tokens::revocation)
        .post("/ui/permissions/tokens/{name}/revoke", ManageAccess, tokens::revoke)
}

/// A page or fragment as HTML.
fn html(template: &impl Template) -> Html<String> {
    Html(template.render().expect("templates only write text, which cannot fail"))
}
