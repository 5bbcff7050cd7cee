//! Bad input to the API: one problem document that names the field; nothing is changed.

use crate::harness::{Answer, Portal};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/restricted-users";

async fn restrict(portal: &Portal, body: &str, content_type: &str) -> Answer {
    let token =
        portal.token(restricted_users::model::operator::RoleGroup::SecurityAdministrator).await;
    let request = portal.request(Method::POST, USERS).bearer_auth(token);
    portal.send(request.header("content-type", content_type).body(body.to_owned())).await
}

async fn post_text(portal: &Portal, body: &str) -> Answer {
    restrict(portal, body, "application/json").await
}

async fn nobody_is_restricted(portal: &Portal) {
    assert_eq!(portal.get(&format!("{USERS}?state=all")).await.ok()["total"], 0);
}

#[tokio::test]
async fn a_body_that_is_not_what_is_taken_names_its_field() {
    let portal = Portal::start().await;
    for (body, field) in [
        ("no json", "body"),
        ("[]", "body"),
        ("{\"address\":\"a@example.org\",\"reason\":\"x\"} more", "body"),
        ("", "address"),
        ("{}", "address"),
        (r#"{"address":"a@example.org"}"#, "reason"),
        (r#"{"address":5,"reason":"x"}"#, "address"),
        (r#"{"address":"a@example.org","reason":"x","colour":"red"}"#, "colour"),
        (r#"{"address":"a@example.org","address":"b@example.org","reason":"x"}"#, "address"),
        (r#"{"address":"a@example.org","reason":""}"#, "reason"),
        (r#"{"address":"a@example.org","reason":"nul \u0000"}"#, "reason"),
        (r#"{"address":"a@","reason":"x"}"#, "address"),
        (r#"{"address":"","reason":"x"}"#, "address"),
        (r#"{"address":"a\nb@example.org","reason":"x"}"#, "address"),
        (r#"{"address":"\u200bmona@example.org","reason":"x"}"#, "address"),
        (r#"{"address":"mailto:mona@example.org","reason":"x"}"#, "address"),
        (r#"{"address":"mona@example.org;nina@example.org","reason":"x"}"#, "address"),
    ] {
        post_text(&portal, body).await.invalid(field);
    }
    let long = json!({ "address": "a@example.org", "reason": "x".repeat(501) }).to_string();
    post_text(&portal, &long).await.invalid("reason");
    let address = format!("{}@{}.example", "a".repeat(64), "b".repeat(247));
    let long = json!({ "address": address, "reason": "x" }).to_string();
    post_text(&portal, &long).await.invalid("address");
    nobody_is_restricted(&portal).await;
}

#[tokio::test]
async fn a_query_that_is_not_what_is_taken_names_its_parameter() {
    let portal = Portal::start().await;
    for (query, field) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("state=lost", "state"),
        ("sort=size", "sort"),
        ("cause=bad_luck", "cause"),
        ("search=al&sort=restricted_at", "sort"),
        ("cursor=nonsense", "cursor"),
        ("cursor=AAAAAAAAAAAAAAAA", "cursor"),
        ("search=al%00ice", "search"),
    ] {
        portal.get(&format!("{USERS}?{query}")).await.invalid(field);
    }
    portal.get("/api/v1/audit?since=yesterday").await.invalid("since");
    portal.get("/api/v1/audit?limit=1000").await.invalid("limit");
    portal.get("/api/v1/audit?actor=%00").await.invalid("actor");
    for year in ["-4800", "%2B10000", "%2B262142"] {
        portal.get(&format!("/api/v1/audit?since={year}-01-01T00:00:00Z")).await.invalid("since");
        portal.get(&format!("/api/v1/audit?until={year}-01-01T00:00:00Z")).await.invalid("until");
    }
    portal.get("/api/v1/decision?sender=alice").await.invalid("recipient");
    portal.post("/api/v1/unblocks", json!({ "addresses": [] })).await.invalid("addresses");
    portal.post("/api/v1/unblocks", json!({ "addresses": ["a", 5] })).await.invalid("addresses[1]");
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_query_alone() {
    let portal = Portal::start().await;
    for name in ["alice", "bob", "carol"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let page = portal.get(&format!("{USERS}?limit=1&sort=address")).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    portal.get(&format!("{USERS}?limit=2&sort=address&cursor={cursor}")).await.ok();
    portal.get(&format!("{USERS}?sort=-address&cursor={cursor}")).await.invalid("cursor");
}

#[tokio::test]
async fn a_cursor_that_somebody_made_up_never_comes_before_a_database() {
    let portal = Portal::start().await;
    for name in ["alice", "bob"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let id = uuid::Uuid::nil();
    let user =
        |at: &str, address: &str| json!({ "restricted_at": at, "address": address, "id": id });
    let record = |at: &str| json!({ "at": at, "number": 1 });
    for (list, position) in [
        (USERS, user("2026-11-23T08:00:00Z", "\0")),
        (USERS, user("-4800-01-01T00:00:00Z", "alice@example.org")),
        (USERS, user("+10000-01-01T00:00:00Z", "alice@example.org")),
        ("/api/v1/audit", record("-4800-01-01T00:00:00Z")),
        ("/api/v1/audit", record("+262142-01-01T00:00:00Z")),
    ] {
        let page = portal.get(&format!("{list}?limit=1")).await.ok();
        let cursor = with_position(page["next_cursor"].as_str().unwrap(), &position);
        portal.get(&format!("{list}?limit=1&cursor={cursor}")).await.invalid("cursor");
    }
}

/// The cursor with another position in it.
fn with_position(cursor: &str, position: &Value) -> String {
    let mut octets = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
    octets.truncate(octets.iter().rposition(|octet| *octet == b'{').unwrap());
    octets.extend(position.to_string().into_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

#[tokio::test]
async fn a_large_body_and_a_strange_media_type_are_refused() {
    let portal = Portal::start().await;
    let large = json!({ "address": "a@example.org", "reason": "x".repeat(1_100_000) }).to_string();
    post_text(&portal, &large).await.problem("too-large");
    // Size comes before type, type before content.
    restrict(&portal, &large, "text/plain").await.problem("too-large");
    restrict(&portal, "no json", "text/plain").await.problem("unsupported-media-type");
    restrict(&portal, "{}", "application/json; charset=utf-8").await.invalid("address");
    nobody_is_restricted(&portal).await;
}

#[tokio::test]
async fn path_and_method_are_judged_before_the_token_and_the_token_before_the_body() {
    let portal = Portal::start().await;
    let send =
        |method: Method, path: &str| portal.send(portal.request(method, path).body("no json"));
    send(Method::GET, "/api/v1/nothing").await.problem("not-found");
    let answer = send(Method::PUT, USERS).await;
    answer.problem("method-not-allowed");
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    let answer = send(Method::POST, USERS).await;
    answer.problem("signed-out");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    let reader = portal.token(restricted_users::model::operator::RoleGroup::GlobalReader).await;
    let request = portal.request(Method::POST, USERS).bearer_auth(reader).body("no json");
    portal.send(request).await.problem("forbidden");
}

#[tokio::test]
async fn strange_addresses_are_handled_on_purpose() {
    let portal = Portal::start().await;
    for (given, stored) in [
        ("Alice+News@Example.ORG.", "alice+news@example.org"),
        ("\"a b\"@example.org", "\"a b\"@example.org"),
        ("ÄRGER@bücher.example", "ärger@xn--bcher-kva.example"),
        ("o'neil/x=y@example.org", "o'neil/x=y@example.org"),
    ] {
        let body = json!({ "address": given, "reason": "<b>\"x\"</b> & 'y'" });
        let user = portal.post(USERS, body).await.ok();
        assert_eq!(user["address"], stored);
        assert_eq!(user["reason"], "<b>\"x\"</b> & 'y'");
        let path = url::form_urlencoded::byte_serialize(given.as_bytes()).collect::<String>();
        let path = path.replace('+', "%20");
        assert_eq!(portal.user(&path).await["id"], user["id"], "{given}");
        let answer = portal.policy_answer(given, "bob@remote.example").await;
        assert_eq!(answer, crate::harness::BAD_OUTBOUND_SENDER, "{given}");
    }
}

#[tokio::test]
async fn any_bytes_are_answered_with_a_problem_and_never_with_a_failure() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    let portal = Portal::start().await;
    let token =
        portal.token(restricted_users::model::operator::RoleGroup::OrganizationManagement).await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..200);
    for _ in 0..200 {
        let body = bytes.new_tree(&mut runner).unwrap().current();
        let query: String = url::form_urlencoded::byte_serialize(&body).collect();
        for path in [
            format!("{USERS}?search={query}"),
            format!("{USERS}?cursor={query}"),
            format!("{USERS}/{query}"),
            format!("/api/v1/audit?actor={query}&address={query}&action={query}"),
        ] {
            let answer = portal.get(&path).await;
            assert!(!answer.status.is_server_error(), "{path}: {answer:?}");
        }
        let request = portal.request(Method::POST, USERS).bearer_auth(&token);
        let request = request.header("content-type", "application/json").body(body);
        let answer = portal.send(request).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    }
    let log = portal.get("/api/v1/audit").await.ok();
    assert_ne!(log["items"], Value::Null);
}
