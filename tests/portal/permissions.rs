//! Operators and API tokens, managed through the API and the portal.

use crate::browser::{Browser, PASSWORD, add_olivia};
use crate::harness::{Answer, Portal, minutes, texts};
use crate::program::{result_of, run};
use reqwest::Method;
use restricted_users::bookkeeper;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const OLIVIA: &str = "olivia@example.org";
const OSCAR: &str = "oscar@example.org";

async fn added(portal: &Portal, address: &str, role_group: &str) -> Value {
    let body = json!({ "address": address, "role_group": role_group });
    portal.post("/api/v1/operators", body).await.ok()
}

async fn give(portal: &Portal, address: &str, role_group: &str) -> Answer {
    let path = format!("/api/v1/operators/{address}");
    portal.patch(&path, json!({ "role_group": role_group })).await
}

async fn removed(portal: &Portal, address: &str) -> Answer {
    portal.delete(&format!("/api/v1/operators/{address}")).await
}

async fn operators(portal: &Portal) -> Vec<String> {
    texts(&portal.get("/api/v1/operators").await.ok()["items"], "address")
}

/// Somebody follows a one-time link and sets a password; the cookie of the session.
async fn signed_up(portal: &Portal, link: &str) -> String {
    let secret = link.rsplit('/').next().unwrap();
    let fields = [("secret", secret), ("password", "a long walk by the sea")];
    let answer = portal.form("/ui/welcome/password", "", &fields).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn is_signed_in(portal: &Portal, cookie: &str) -> bool {
    let request = portal.request(Method::GET, "/ui/restrictedusers").header("cookie", cookie);
    portal.send(request).await.status == 200
}

#[tokio::test]
async fn an_operator_is_added_signs_in_through_the_link_and_is_removed_with_all_sessions() {
    let portal = Portal::start().await;
    let olivia = added(&portal, "Olivia@Example.org", "security_administrator").await;
    assert_eq!(olivia["address"], OLIVIA);
    assert_eq!(olivia["last_sign_in_at"], Value::Null);
    assert_eq!(olivia["expires_at"], "2026-11-24T10:00:00Z");
    let link = olivia["one_time_link"].as_str().unwrap();

    portal.pass(minutes(5)).await;
    let session = signed_up(&portal, link).await;
    let listed = portal.get("/api/v1/operators").await.ok();
    assert_eq!(listed["items"][0]["last_sign_in_at"], "2026-11-23T10:05:00Z");
    assert_eq!(listed["items"][0]["role_group"], "security_administrator");
    assert_eq!(listed["items"][0]["second_factor"], "none");

    assert_eq!(removed(&portal, OLIVIA).await.status, 204);
    assert!(!is_signed_in(&portal, &session).await);
    removed(&portal, OLIVIA).await.problem("not-found");
    assert_eq!(
        portal.audited(OLIVIA).await,
        ["OperatorAdded", "PasswordSet", "SignedIn", "OperatorRemoved"]
    );
}

#[tokio::test]
async fn another_role_group_ends_the_sessions_and_is_audited_with_both() {
    let portal = Portal::start().await;
    let olivia = added(&portal, OLIVIA, "global_reader").await;
    let session = signed_up(&portal, olivia["one_time_link"].as_str().unwrap()).await;

    give(&portal, OLIVIA, "global_reader").await.ok();
    assert!(is_signed_in(&portal, &session).await, "nothing has changed");
    let changed = give(&portal, OLIVIA, "security_administrator").await.ok();
    assert_eq!(changed["role_group"], "security_administrator");
    assert!(!is_signed_in(&portal, &session).await);

    let audit = portal.get("/api/v1/audit?action=OperatorRoleChanged").await.ok();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    assert_eq!(audit["items"][0]["before"]["role_group"], "global_reader");
    assert_eq!(audit["items"][0]["after"]["role_group"], "security_administrator");
}

#[tokio::test]
async fn an_admin_ends_all_sessions_of_somebody_who_can_sign_in_again() {
    let portal = Portal::start().await;
    let boss = portal.session(RoleGroup::OrganizationManagement).await;
    added(&portal, OSCAR, "global_reader").await;
    add_olivia(&portal, RoleGroup::GlobalReader).await;
    let path = format!("/api/v1/operators/{OLIVIA}/sessions");
    let (first, second) = (Browser::new(&portal), Browser::new(&portal));
    first.sign_in(PASSWORD).await;
    second.sign_in(PASSWORD).await;
    assert_eq!(portal.delete(&path).await.ok()["sessions_ended"], 2);
    assert!(!first.is_signed_in().await && !second.is_signed_in().await);
    portal.delete("/api/v1/operators/nobody@example.org/sessions").await.problem("not-found");

    first.sign_in(PASSWORD).await;
    assert!(first.is_signed_in().await);
    let path = format!("/ui/permissions/operators/{OLIVIA}/sessions");
    let told = portal.form(&path, &boss, &[]).await;
    assert!(told.text.contains("signed out everywhere"), "{told:?}");
    assert!(!first.is_signed_in().await);
    assert!(is_signed_in(&portal, &boss).await, "it ends nobody else's");
    let told = portal.audited(OLIVIA).await;
    assert_eq!(told.iter().filter(|action| *action == "SessionRevoked").count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_newer_link_voids_the_one_before() {
    let portal = Portal::start().await;
    let olivia = added(&portal, OLIVIA, "global_reader").await;
    let path = format!("/api/v1/operators/{OLIVIA}/one-time-link");
    let newer = portal.post(&path, json!({})).await.ok();
    let older = olivia["one_time_link"].as_str().unwrap().rsplit('/').next().unwrap();
    portal.form("/ui/welcome", "", &[("secret", older)]).await.problem("not-found");
    signed_up(&portal, newer["one_time_link"].as_str().unwrap()).await;
    let nobody = portal.post("/api/v1/operators/nobody@example.org/one-time-link", json!({})).await;
    nobody.problem("not-found");
}

#[tokio::test]
async fn the_last_operator_in_organization_management_stays_whoever_asks() {
    let portal = Portal::start().await;
    added(&portal, OLIVIA, "organization_management").await;
    added(&portal, OSCAR, "security_administrator").await;

    removed(&portal, OLIVIA).await.problem("last-operator");
    give(&portal, OLIVIA, "global_reader").await.problem("last-operator");
    let boss = portal.session(RoleGroup::OrganizationManagement).await;
    // The session came with an operator of its own; once that is gone, olivia is the last again.
    for address in operators(&portal).await {
        if ![OLIVIA, OSCAR].contains(&address.as_str()) {
            let path = format!("/ui/permissions/operators/{address}/remove");
            assert_eq!(portal.form(&path, &boss, &[]).await.status, 200);
        }
    }
    let output = run(&portal.database, &["operator", "remove", OLIVIA]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("last operator in Organization Management"), "{error}");

    give(&portal, OSCAR, "organization_management").await.ok();
    result_of(&portal.database, &["operator", "remove", OLIVIA]);
    assert_eq!(operators(&portal).await, [OSCAR]);
}

#[tokio::test]
async fn when_two_remove_each_other_at_once_one_of_them_stays() {
    let portal = Portal::start().await;
    let other = portal.replica().await;
    let mut last = OLIVIA.to_owned();
    added(&portal, &last, "organization_management").await;
    for round in 0..10 {
        let newcomer = format!("operator{round}@example.org");
        added(&portal, &newcomer, "organization_management").await;
        let (removal, demotion) =
            tokio::join!(removed(&portal, &last), give(&other, &newcomer, "global_reader"));
        match (removal.status.as_u16(), demotion.status.as_u16()) {
            (204, 409) => last = newcomer,
            (409, 200) => {}
            both => panic!("one goes and one stays, not {both:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_an_operator_is_told_why() {
    let portal = Portal::start().await;
    let add = async |address: &str, role_group: &str| {
        let body = json!({ "address": address, "role_group": role_group });
        portal.post("/api/v1/operators", body).await
    };
    add("<olivia>@", "global_reader").await.invalid("address");
    add(OLIVIA, "mail_server").await.invalid("role_group");
    add(OLIVIA, "boss").await.invalid("role_group");
    add(OLIVIA, "global_reader").await.ok();
    add("OLIVIA", "global_reader").await.problem("operator-exists");
    give(&portal, OLIVIA, "mail_server").await.invalid("role_group");
    give(&portal, "nobody@example.org", "global_reader").await.problem("not-found");
}

async fn created(portal: &Portal, name: &str, body: Value) -> String {
    let mut body = body;
    body["name"] = name.into();
    let token = portal.post("/api/v1/tokens", body).await.ok();
    token["token"].as_str().unwrap().to_owned()
}

async fn ask_with(portal: &Portal, token: &str) -> Answer {
    portal.send(portal.request(Method::GET, "/api/v1/audit").bearer_auth(token)).await
}

async fn listed(portal: &Portal, name: &str) -> Value {
    let tokens = portal.get("/api/v1/tokens").await.ok();
    let items = tokens["items"].as_array().unwrap().clone();
    items.into_iter().find(|token| token["name"] == name).unwrap()
}

#[tokio::test]
async fn a_token_is_shown_once_works_until_it_expires_and_is_revoked() {
    let portal = Portal::start().await;
    let body = json!({ "role_group": "global_reader", "expires_at": "2026-11-23T10:30:00Z" });
    let secret = created(&portal, "ci / nightly", body.clone()).await;
    ask_with(&portal, &secret).await.ok();
    let tokens = portal.get("/api/v1/tokens").await.text;
    assert!(tokens.contains("ci / nightly") && !tokens.contains(&secret), "{tokens}");

    portal.pass(minutes(30)).await;
    ask_with(&portal, &secret).await.problem("signed-out");
    let path = "/api/v1/tokens/ci%20%2F%20nightly";
    assert_eq!(portal.delete(path).await.status, 204);
    portal.delete(path).await.problem("not-found");
    assert_eq!(portal.audited("ci / nightly").await, ["TokenCreated", "TokenRevoked"]);

    let long = created(&portal, "long", json!({ "role_group": "global_reader" })).await;
    ask_with(&portal, &long).await.ok();
    assert_eq!(portal.delete("/api/v1/tokens/long").await.status, 204);
    ask_with(&portal, &long).await.problem("signed-out");
}

#[tokio::test]
async fn what_cannot_be_a_token_is_told_why() {
    let portal = Portal::start().await;
    let create = async |body: Value| portal.post("/api/v1/tokens", body).await;
    let reader = "global_reader";
    create(json!({ "name": " ", "role_group": reader })).await.invalid("name");
    create(json!({ "name": "x".repeat(101), "role_group": reader })).await.invalid("name");
    create(json!({ "name": "a\u{0}b", "role_group": reader })).await.invalid("name");
    create(json!({ "name": "ci", "role_group": "nothing" })).await.invalid("role_group");
    for at in ["2026-11-23T10:00:00Z", "2076-01-01T00:00:00Z"] {
        let body = json!({ "name": "ci", "role_group": reader, "expires_at": at });
        create(body).await.invalid("expires_at");
    }
    create(json!({ "name": "ci", "role_group": reader })).await.ok();
    create(json!({ "name": "ci", "role_group": reader })).await.problem("token-exists");
}

#[tokio::test]
async fn the_last_use_of_a_token_is_kept_to_the_minute() {
    let portal = Portal::start().await;
    let secret = created(&portal, "ci", json!({ "role_group": "global_reader" })).await;
    assert_eq!(listed(&portal, "ci").await["last_used_at"], Value::Null);
    for (seconds, last_used_at) in
        [(0, "2026-11-23T10:00:00Z"), (59, "2026-11-23T10:00:00Z"), (1, "2026-11-23T10:01:00Z")]
    {
        portal.pass(chrono::TimeDelta::seconds(seconds)).await;
        ask_with(&portal, &secret).await.ok();
        bookkeeper::write_token_uses(&portal.app).await.unwrap();
        let token = listed(&portal, "ci").await;
        assert_eq!(token["last_used_at"], last_used_at, "after {seconds} s more");
        assert_eq!(token["last_used_from"], "127.0.0.1");
    }
}

#[tokio::test]
async fn the_page_adds_changes_and_removes_and_shows_a_secret_once() {
    let portal = Portal::start().await;
    let boss = portal.session(RoleGroup::OrganizationManagement).await;
    let page = async |path: &str| {
        portal.send(portal.request(Method::GET, path).header("cookie", &boss)).await.text
    };
    let fields = [("address", OLIVIA), ("role_group", "global_reader")];
    let link = portal.form("/ui/permissions/operators", &boss, &fields).await;
    assert!(link.text.contains("/#/welcome/"), "{link:?}");
    let refused = portal.form("/ui/permissions/operators", &boss, &fields).await;
    refused.problem("operator-exists");

    let path = format!("/ui/permissions/operators/{OLIVIA}");
    let fields = [("role_group", "security_reader")];
    portal.form(&format!("{path}/role"), &boss, &fields).await;
    let list = page("/ui/permissions").await;
    assert!(list.contains("Security Reader") && !list.contains("/#/welcome/"), "{list}");
    let again = portal.form(&format!("{path}/link"), &boss, &[]).await;
    assert!(again.text.contains("/#/welcome/"), "{again:?}");

    let fields = [("name", "mx 1"), ("role_group", "mail_server"), ("days", "30")];
    let token = portal.form("/ui/permissions/tokens", &boss, &fields).await;
    assert!(token.text.contains("token-secret"), "{token:?}");
    assert_eq!(listed(&portal, "mx 1").await["expires_at"], "2026-12-23T10:00:00Z");
    let fields = [("name", "mx 2"), ("role_group", "mail_server"), ("days", "9000")];
    portal.form("/ui/permissions/tokens", &boss, &fields).await.invalid("days");
    assert!(page("/ui/permissions").await.contains("mx 1"));
    let revoked = portal.form("/ui/permissions/tokens/mx%201/revoke", &boss, &[]).await;
    assert_eq!(revoked.status, 200);
    assert!(!page("/ui/permissions").await.contains("mx 1"));

    for dialog in ["role", "link", "sessions", "remove"] {
        assert!(page(&format!("{path}/{dialog}")).await.contains("<dialog"), "{dialog}");
    }
    portal.form(&format!("{path}/remove"), &boss, &[]).await;
    assert!(!page("/ui/permissions").await.contains("olivia"));
}

#[tokio::test]
async fn the_navigation_shows_what_one_may_open() {
    let portal = Portal::start().await;
    for (role, manages) in [
        (RoleGroup::OrganizationManagement, true),
        (RoleGroup::SecurityAdministrator, false),
        (RoleGroup::GlobalReader, false),
    ] {
        let session = portal.session(role).await;
        let frame = portal.send(portal.request(Method::GET, "/").header("cookie", session)).await;
        assert_eq!(frame.text.contains("#/permissions"), manages, "{role}");
        assert!(frame.text.contains("#/auditlog"), "{role}");
    }
}
