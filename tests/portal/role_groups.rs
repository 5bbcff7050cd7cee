//! Who may do what: every route there is with every role group and none.

use crate::harness::{Answer, Portal};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use restricted_users::web;
use std::collections::{BTreeSet, HashMap};

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
fn is_exchanges(path: &str) -> bool {
    path.starts_with("/adminapi")
}

/// Checks that an answer is the problem `slug`, in the shape of its path.
fn is_problem(answer: &Answer, path: &str, slug: &str) {
    if is_exchanges(path) {
        let code = if slug == "signed-out" { "Unauthorized" } else { "Forbidden" };
        assert_eq!(answer.json()["error"]["code"], code, "{answer:?}");
    } else {
        answer.problem(slug);
    }
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

/// The routes that are closed to some.
fn doors() -> impl Iterator<Item = (Method, String, &'static str)> {
    let doors = ROUTES.iter().filter(|(_, _, who)| *who != "anybody");
    doors.map(|(method, path, who)| (method.parse().unwrap(), filled(path), *who))
}

#[tokio::test]
async fn no_route_is_missing_from_the_table_that_the_other_stories_walk() {
    let portal = Portal::start().await;
    let routes = web::routes(&portal.app);
    let is: BTreeSet<_> = routes.iter().map(|it| (it.method.as_str(), it.path.as_str())).collect();
    let told: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(is, told, "tell in this file whom each route lets pass");
}

#[tokio::test]
async fn every_route_lets_pass_whom_the_contract_names_and_nobody_else() {
    let portal = Portal::start().await;
    let mut tokens = HashMap::new();
    let mut sessions = HashMap::new();
    for role in RoleGroup::ALL {
        tokens.insert(role, portal.token(role).await);
        if role != RoleGroup::MailServer {
            sessions.insert(role, portal.session(role).await);
        }
    }
    for (method, path, permission) in doors() {
        let api = is_api(&path);
        let request = || portal.request(method.clone(), &path).header("origin", &portal.url);
        let guess = portal.send(request().bearer_auth("guessed")).await;
        is_problem(&guess, &path, "signed-out");
        for role in RoleGroup::ALL {
            let by_token = portal.send(request().bearer_auth(&tokens[&role])).await;
            let expected = match (api, may(role, permission)) {
                (true, true) => "passes",
                (true, false) => "forbidden",
                // The portal takes no tokens.
                (false, _) => "signed-out",
            };
            check(&by_token, expected, &format!("{method} {path} with a token of {role}"));
            let Some(session) = sessions.get(&role) else { continue };
            let by_session = portal.send(request().header("cookie", session)).await;
            let expected = match (api && method != Method::GET, may(role, permission)) {
                // A change through the API takes a token, which no other site can send.
                (true, _) => "signed-out",
                (false, true) => "passes",
                (false, false) => "forbidden",
            };
            check(&by_session, expected, &format!("{method} {path} with a session of {role}"));
        }
    }
}

fn check(answer: &Answer, expected: &str, who: &str) {
    match expected {
        "forbidden" => assert_eq!(answer.status, 403, "{who}: {answer:?}"),
        "signed-out" => assert_eq!(answer.status, 401, "{who}: {answer:?}"),
        _ => assert!(![401, 403].contains(&answer.status.as_u16()), "{who}: {answer:?}"),
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_nothing() {
    let portal = Portal::start().await;
    portal.restricted("nobody@example.org").await;
    for (method, path, _) in ROUTES {
        let method: Method = method.parse().unwrap();
        let request = portal.request(method.clone(), &filled(path)).header("origin", &portal.url);
        let answer = portal.send(request).await;
        assert!(!answer.text.contains("nobody@"), "{method} {path}: {answer:?}");
    }
    for (method, path, _) in doors() {
        let request = portal.request(method, &path).header("origin", &portal.url);
        is_problem(&portal.send(request).await, &path, "signed-out");
    }
}

/// What a browser or a script may say of where a change comes from that is no page of ours.
fn not_ours(portal: &Portal) -> Vec<(&'static str, String)> {
    let (_, host) = portal.url.split_once("://").unwrap();
    let name = host.split(':').next().unwrap();
    let origins = [
        "https://evil.example".into(),
        "null".into(),
        String::new(),
        name.into(),
        host.into(),
        format!("http://{name}"),
        format!("http://{name}:1"),
        format!("http://{host}/"),
        format!("http://{host}.evil.example"),
        format!("http://www.{host}"),
        format!("http://{host}@evil.example"),
        format!("http://evil.example@{host}"),
        format!("http://evil.example/{host}"),
        format!("http://evil.example#{host}"),
        format!("{host}://evil.example"),
    ];
    let origins = origins.map(|origin| ("origin", origin));
    let sites = ["cross-site", "same-site"].map(|site| ("sec-fetch-site", site.into()));
    origins.into_iter().chain(sites).chain([("accept", "*/*".into())]).collect()
}

#[tokio::test]
async fn no_change_is_taken_from_a_page_that_is_not_ours() {
    let portal = Portal::start().await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    for (method, path, _) in ROUTES {
        if *method == "GET" {
            continue;
        }
        for (header, value) in &not_ours(&portal) {
            let request = portal.request(method.parse().unwrap(), &filled(path));
            let request = request.header("cookie", &session).header(*header, value);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            // What tells nothing may come from a script, of which the API asks for a token.
            let tells_nothing = *header == "accept";
            let refused = if tells_nothing && is_api(path) { "signed-out" } else { "forbidden" };
            is_problem(&portal.send(request).await, path, refused);
        }
    }
}

#[tokio::test]
async fn a_change_from_a_page_of_ours_is_taken() {
    let portal = Portal::start().await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let alice = portal.restricted("alice@example.org").await;
    let path = format!("/ui/restrictedusers/{alice}/unblock");
    let request = || portal.request(Method::POST, &path).header("cookie", &session);
    portal.send(request()).await.problem("forbidden");
    portal.send(request().header("origin", "https://evil.example")).await.problem("forbidden");
    portal.send(request().header("origin", "null")).await.problem("forbidden");
    portal.send(request().header("sec-fetch-site", "cross-site")).await.problem("forbidden");
    portal.send(request().header("sec-fetch-site", "same-site")).await.problem("forbidden");
    // The same host over http, where anybody on the way may have written the page.
    let over_http = request().header("origin", &portal.url).header("sec-fetch-site", "cross-site");
    portal.send(over_http).await.problem("forbidden");
    assert_eq!(portal.user(&alice).await["state"], "restricted");
    let answer = portal.send(request().header("sec-fetch-site", "same-origin")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(portal.user(&alice).await["state"], "unblocking");
}

#[tokio::test]
async fn a_change_through_the_api_is_refused_when_a_browser_sends_it_for_another_site() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    let token = portal.token(RoleGroup::OrganizationManagement).await;
    let path = format!("/api/v1/restricted-users/{alice}/unblock");
    // As a browser does that keeps a token for HTTP Basic.
    let request = || portal.request(Method::POST, &path).basic_auth("", Some(&token));
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        portal.send(request().header(name, value)).await.problem("forbidden");
    }
    assert_eq!(portal.user(&alice).await["state"], "restricted");
    portal.send(request()).await.ok();
}

#[tokio::test]
async fn a_token_is_good_until_it_expires_or_is_revoked() {
    use restricted_users::model::operator::Actor;
    use restricted_users::secret::SecretHash;
    use restricted_users::store::TokenRecord;
    let portal = Portal::start().await;
    let (now, store) = (portal.clock.now(), &portal.app.store);
    for (name, expires_at) in [("short", Some(now + crate::harness::minutes(5))), ("long", None)] {
        let role_group = RoleGroup::GlobalReader;
        let token = TokenRecord { name: name.into(), role_group, created_at: now, expires_at };
        store.add_token(&token, &SecretHash::of(name), &Actor::command_line()).await.unwrap();
    }
    let ask = |token: &'static str| {
        portal.send(portal.request(Method::GET, "/api/v1/audit").bearer_auth(token))
    };
    ask("short").await.ok();
    portal.pass(crate::harness::minutes(5)).await;
    ask("short").await.problem("signed-out");
    ask("long").await.ok();
    // The command line is another process, of which this one knows within a second: it does not
    // look a token up more often.
    assert!(store.revoke_token("long", &Actor::command_line(), now).await.unwrap());
    ask("long").await.ok();
    portal.pass(chrono::TimeDelta::seconds(1)).await;
    ask("long").await.problem("signed-out");
}
