//! Who may do what: every route there is with every role group and none.

use crate::harness::{Answer, Portal};
use crate::routes::{ROUTES, filled, is_api, is_exchanges, may};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use std::collections::HashMap;

/// Checks that an answer is the problem `slug`, in the shape of its path.
fn is_problem(answer: &Answer, path: &str, slug: &str) {
    if is_exchanges(path) {
        let code = if slug == "signed-out" { "Unauthorized" } else { "Forbidden" };
        assert_eq!(answer.json()["error"]["code"], code, "{answer:?}");
    } else {
        answer.problem(slug);
    }
}

/// The routes that are closed to some.
fn doors() -> impl Iterator<Item = (Method, String, &'static str)> {
    let doors = ROUTES.iter().filter(|(_, _, who)| *who != "anybody");
    doors.map(|(method, path, who)| (method.parse().unwrap(), filled(path), *who))
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
