//! Who may do what: every route of the API and the portal with every role group and none.

use crate::harness::Portal;
use reqwest::Method;
use restricted_users::operator::RoleGroup;
use std::collections::HashMap;

/// The routes, and who may pass: `look` the five role groups of people, `change` the upper two,
/// `ask` Mail Server and Organization Management.
const ROUTES: [(&str, &str, &str); 20] = [
    ("GET", "/api/v1/restricted-users", "look"),
    ("POST", "/api/v1/restricted-users", "change"),
    ("GET", "/api/v1/restricted-users/nobody@example.org", "look"),
    ("GET", "/api/v1/restricted-users/nobody@example.org/history", "look"),
    ("POST", "/api/v1/restricted-users/nobody@example.org/unblock", "change"),
    ("DELETE", "/api/v1/restricted-users/nobody@example.org/unblock", "change"),
    ("POST", "/api/v1/unblocks", "change"),
    ("GET", "/api/v1/decision", "ask"),
    ("GET", "/api/v1/audit", "look"),
    ("GET", "/ui/restrictedusers", "look"),
    ("POST", "/ui/restrictedusers", "change"),
    ("GET", "/ui/restrictedusers/rows", "look"),
    ("GET", "/ui/restrictedusers/rows/nobody@example.org", "look"),
    ("GET", "/ui/restrictedusers/export", "look"),
    ("GET", "/ui/restrictedusers/restrict", "change"),
    ("GET", "/ui/restrictedusers/nobody@example.org", "look"),
    ("GET", "/ui/restrictedusers/nobody@example.org/restrict", "change"),
    ("GET", "/ui/restrictedusers/nobody@example.org/unblock", "change"),
    ("POST", "/ui/restrictedusers/nobody@example.org/unblock", "change"),
    ("POST", "/ui/restrictedusers/nobody@example.org/unblock/cancel", "change"),
];

fn may(role: RoleGroup, permission: &str) -> bool {
    use RoleGroup::{MailServer, OrganizationManagement, SecurityAdministrator};
    match permission {
        "look" => role != MailServer,
        "change" => [OrganizationManagement, SecurityAdministrator].contains(&role),
        "ask" => [OrganizationManagement, MailServer].contains(&role),
        other => unreachable!("{other}"),
    }
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
    for (method, path, permission) in ROUTES {
        let method: Method = method.parse().unwrap();
        let api = path.starts_with("/api");
        let request = || portal.request(method.clone(), path).header("origin", &portal.url);
        portal.send(request()).await.problem("signed-out");
        portal.send(request().bearer_auth("guessed")).await.problem("signed-out");
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

fn check(answer: &crate::harness::Answer, expected: &str, who: &str) {
    match expected {
        "forbidden" => assert_eq!(answer.status, 403, "{who}: {answer:?}"),
        "signed-out" => assert_eq!(answer.status, 401, "{who}: {answer:?}"),
        _ => assert!(![401, 403].contains(&answer.status.as_u16()), "{who}: {answer:?}"),
    }
}

#[tokio::test]
async fn a_change_from_a_page_that_is_not_ours_is_refused() {
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
    use restricted_users::operator::Actor;
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
    assert!(store.revoke_token("long", &Actor::command_line(), now).await.unwrap());
    ask("long").await.problem("signed-out");
}
