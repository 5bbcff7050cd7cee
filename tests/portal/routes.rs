//! Every route there is, and whom it lets pass: what stories walk that try them all.

use crate::harness::Portal;
use restricted_users::model::operator::RoleGroup;
use restricted_users::web;
use std::collections::BTreeSet;

/// The routes, and who may pass: `look` the five role groups of people, `change` the upper two,
/// `manage` Organization Management, `ask` Mail Server and Organization Management, `anybody`
/// whoever asks.
pub const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/healthz", "anybody"),
    ("GET", "/readyz", "anybody"),
    ("GET", "/metrics", "anybody"),
    ("GET", "/", "anybody"),
    ("GET", "/static/{hash}/{file}", "anybody"),
    ("GET", "/sign-in", "anybody"),
    ("POST", "/sign-in", "anybody"),
    ("GET", "/sign-in/oidc", "anybody"),
    ("GET", "/sign-in/oidc/callback", "anybody"),
    ("GET", "/sign-in/code", "anybody"),
    ("POST", "/sign-in/code", "anybody"),
    ("GET", "/sign-in/recovery-code", "anybody"),
    ("POST", "/sign-in/recovery-code", "anybody"),
    ("GET", "/sign-in/passkey", "anybody"),
    ("POST", "/sign-in/passkey", "anybody"),
    ("POST", "/sign-in/passkey/challenge", "anybody"),
    ("POST", "/sign-in/start-over", "anybody"),
    ("POST", "/sign-out", "anybody"),
    ("POST", "/ui/welcome", "anybody"),
    ("POST", "/ui/welcome/password", "anybody"),
    ("GET", "/ui/restrictedusers", "look"),
    ("POST", "/ui/restrictedusers", "change"),
    ("GET", "/ui/restrictedusers/rows", "look"),
    ("GET", "/ui/restrictedusers/rows/{key}", "look"),
    ("GET", "/ui/restrictedusers/export", "look"),
    ("GET", "/ui/restrictedusers/restrict", "change"),
    ("GET", "/ui/restrictedusers/{key}", "look"),
    ("GET", "/ui/restrictedusers/{key}/restrict", "change"),
    ("GET", "/ui/restrictedusers/{key}/unblock", "change"),
    ("POST", "/ui/restrictedusers/{key}/unblock", "change"),
    ("POST", "/ui/restrictedusers/{key}/unblock/cancel", "change"),
    ("POST", "/ui/unblocks/steps", "change"),
    ("POST", "/ui/unblocks", "change"),
    ("GET", "/ui/alerts", "look"),
    ("GET", "/ui/alerts/rows", "look"),
    ("GET", "/ui/alerts/badge", "look"),
    ("GET", "/ui/alerts/deliveries/{id}", "look"),
    ("GET", "/ui/alerts/{id}", "look"),
    ("POST", "/ui/alerts/{id}", "change"),
    ("GET", "/ui/alertpolicies", "look"),
    ("GET", "/ui/alertpolicies/{id}/edit", "change"),
    ("POST", "/ui/alertpolicies/{id}", "change"),
    ("GET", "/ui/alertpolicies/{id}/test", "change"),
    ("POST", "/ui/alertpolicies/{id}/test", "change"),
    ("GET", "/ui/outboundspam", "look"),
    ("GET", "/ui/outboundspam/new", "change"),
    ("POST", "/ui/outboundspam/review", "change"),
    ("POST", "/ui/outboundspam/save", "change"),
    ("GET", "/ui/outboundspam/{id}", "look"),
    ("GET", "/ui/outboundspam/{id}/edit", "change"),
    ("GET", "/ui/outboundspam/{id}/shadow", "change"),
    ("GET", "/ui/outboundspam/{id}/delete", "change"),
    ("POST", "/ui/outboundspam/{id}/delete", "change"),
    ("POST", "/ui/outboundspam/{id}/move", "change"),
    ("GET", "/ui/permissions", "manage"),
    ("GET", "/ui/permissions/operators/add", "manage"),
    ("POST", "/ui/permissions/operators", "manage"),
    ("GET", "/ui/permissions/operators/{address}/role", "manage"),
    ("POST", "/ui/permissions/operators/{address}/role", "manage"),
    ("GET", "/ui/permissions/operators/{address}/link", "manage"),
    ("POST", "/ui/permissions/operators/{address}/link", "manage"),
    ("GET", "/ui/permissions/operators/{address}/sessions", "manage"),
    ("POST", "/ui/permissions/operators/{address}/sessions", "manage"),
    ("GET", "/ui/permissions/operators/{address}/remove", "manage"),
    ("POST", "/ui/permissions/operators/{address}/remove", "manage"),
    ("GET", "/ui/permissions/tokens/create", "manage"),
    ("POST", "/ui/permissions/tokens", "manage"),
    ("GET", "/ui/permissions/tokens/{name}/revoke", "manage"),
    ("POST", "/ui/permissions/tokens/{name}/revoke", "manage"),
    ("GET", "/ui/messagetrace", "look"),
    ("GET", "/ui/messagetrace/rows", "look"),
    ("GET", "/ui/auditlog", "look"),
    ("GET", "/ui/auditlog/rows", "look"),
    ("GET", "/ui/auditlog/export", "look"),
    ("GET", "/ui/account", "look"),
    ("POST", "/ui/account/password", "look"),
    ("POST", "/ui/account/codes", "look"),
    ("POST", "/ui/account/codes/confirm", "look"),
    ("POST", "/ui/account/codes/remove", "look"),
    ("POST", "/ui/account/passkeys/challenge", "look"),
    ("POST", "/ui/account/passkeys", "look"),
    ("POST", "/ui/account/passkeys/{id}/remove", "look"),
    ("POST", "/ui/account/recovery-codes", "look"),
    ("POST", "/ui/account/sessions/{id}/end", "look"),
    ("POST", "/ui/account/sessions/end-others", "look"),
    ("GET", "/api/v1/restricted-users", "look"),
    ("POST", "/api/v1/restricted-users", "change"),
    ("GET", "/api/v1/restricted-users/{key}", "look"),
    ("GET", "/api/v1/restricted-users/{key}/history", "look"),
    ("POST", "/api/v1/restricted-users/{key}/unblock", "change"),
    ("DELETE", "/api/v1/restricted-users/{key}/unblock", "change"),
    ("POST", "/api/v1/unblocks", "change"),
    ("GET", "/api/v1/decision", "ask"),
    ("POST", "/api/v1/outbound-messages", "ask"),
    ("POST", "/api/v1/verdicts/rspamd", "ask"),
    ("POST", "/api/v1/verdicts/arf", "ask"),
    ("GET", "/api/v1/messages", "look"),
    ("GET", "/api/v1/outbound-spam-policies", "look"),
    ("POST", "/api/v1/outbound-spam-policies", "change"),
    ("GET", "/api/v1/outbound-spam-policies/{id}", "look"),
    ("PUT", "/api/v1/outbound-spam-policies/{id}", "change"),
    ("DELETE", "/api/v1/outbound-spam-policies/{id}", "change"),
    ("GET", "/api/v1/alerts", "look"),
    ("GET", "/api/v1/alerts/{id}", "look"),
    ("PATCH", "/api/v1/alerts/{id}", "change"),
    ("GET", "/api/v1/alert-policies", "look"),
    ("GET", "/api/v1/alert-policies/{id}", "look"),
    ("PUT", "/api/v1/alert-policies/{id}", "change"),
    ("GET", "/api/v1/audit", "look"),
    ("GET", "/api/v1/events", "look"),
    ("GET", "/api/v1/operators", "manage"),
    ("POST", "/api/v1/operators", "manage"),
    ("PATCH", "/api/v1/operators/{address}", "manage"),
    ("DELETE", "/api/v1/operators/{address}", "manage"),
    ("POST", "/api/v1/operators/{address}/one-time-link", "manage"),
    ("DELETE", "/api/v1/operators/{address}/sessions", "manage"),
    ("GET", "/api/v1/tokens", "manage"),
    ("POST", "/api/v1/tokens", "manage"),
    ("DELETE", "/api/v1/tokens/{name}", "manage"),
    ("POST", "/adminapi/beta/{tenant}/InvokeCommand", "look"),
    ("GET", "/adminapi/beta/{tenant}/InvokeCommand", "look"),
    ("POST", "/adminapi/beta/{tenant}/$batch", "look"),
    ("POST", "/adminapi/v1.0/{tenant}/InvokeCommand", "look"),
    ("GET", "/adminapi/v1.0/{tenant}/InvokeCommand", "look"),
    ("POST", "/adminapi/v1.0/{tenant}/$batch", "look"),
    ("GET", "/api/openapi.json", "anybody"),
    ("GET", "/api/docs", "anybody"),
];

/// Whether a path is for scripts: it takes tokens.
pub fn is_api(path: &str) -> bool {
    path.starts_with("/api") || is_exchanges(path)
}

/// Whether failures at a path are told as Exchange tells them.
pub fn is_exchanges(path: &str) -> bool {
    path.starts_with("/adminapi")
}

pub fn may(role: RoleGroup, permission: &str) -> bool {
    use RoleGroup::{MailServer, OrganizationManagement, SecurityAdministrator};
    match permission {
        "look" => role != MailServer,
        "change" => [OrganizationManagement, SecurityAdministrator].contains(&role),
        "manage" => role == OrganizationManagement,
        "ask" => [OrganizationManagement, MailServer].contains(&role),
        other => unreachable!("{other}"),
    }
}

/// A path that a request can ask for: whatever stands in braces is an address.
pub fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix('{') {
        Some(_) => "nobody@example.org",
        None => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn no_route_is_missing_from_the_table_that_the_other_stories_walk() {
    let portal = Portal::start().await;
    let routes = web::routes(&portal.app);
    let is: BTreeSet<_> = routes.iter().map(|it| (it.method.as_str(), it.path.as_str())).collect();
    let told: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(is, told, "tell in this file whom each route lets pass");
}
