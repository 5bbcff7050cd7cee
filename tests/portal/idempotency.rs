//! `Idempotency-Key`: a change that is sent again is done once and answered as it was.

use crate::harness::{Answer, Database, Portal, eventually, minutes, texts};
use crate::program::{Serve, result_of};
use chrono::TimeDelta;
use reqwest::Method;
use restricted_users::idempotency::{KEPT, KeyedRequest};
use restricted_users::model::operator::RoleGroup;
use restricted_users::retention;
use restricted_users::store::Begun;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const USERS: &str = "/api/v1/restricted-users";
const UNBLOCKS: &str = "/api/v1/unblocks";

/// A script with a token of its own.
struct Script<'a> {
    portal: &'a Portal,
    token: String,
}

impl<'a> Script<'a> {
    async fn of(portal: &'a Portal) -> Self {
        Self { portal, token: portal.token(RoleGroup::OrganizationManagement).await }
    }

    /// The same script at another replica.
    fn at(&self, portal: &'a Portal) -> Self {
        Self { portal, token: self.token.clone() }
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = self.portal.request(Method::POST, path).bearer_auth(&self.token).json(body);
        self.portal.send(request.header("idempotency-key", key)).await
    }
}

fn restrict(address: &str) -> Value {
    json!({ "address": address, "reason": "sent spam" })
}

fn assert_replayed(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn what_is_sent_again_under_its_key_is_done_once_and_answered_as_it_was() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let first = script.post("a", USERS, &restrict("alice@example.org")).await;
    assert_eq!(first.status, 201);
    portal.pass(minutes(5)).await;
    let again = script.post("a", USERS, &restrict("alice@example.org")).await;
    assert_replayed(&again, &first);
    assert_eq!(portal.audited("alice@example.org").await, ["Listed"]);

    // Refusals for good are answers, too, even where they would not come any more.
    let path = format!("{USERS}/bob@example.org/unblock");
    let nobody = script.post("b", &path, &json!({})).await;
    nobody.problem("not-found");
    portal.restricted("bob@example.org").await;
    assert_replayed(&script.post("b", &path, &json!({})).await, &nobody);
    assert_eq!(script.post("c", &path, &json!({})).await.status, 202);
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_token() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    script.post("a", USERS, &restrict("alice@example.org")).await.ok();
    let other = script.post("a", USERS, &restrict("bob@example.org")).await;
    assert_eq!(other.status, 422);
    other.problem("idempotency-key-reused");
    let unblock = format!("{USERS}/alice@example.org/unblock");
    script
        .post("a", &unblock, &restrict("alice@example.org"))
        .await
        .problem("idempotency-key-reused");

    let somebody_else = Script::of(&portal).await;
    assert_eq!(somebody_else.post("a", USERS, &restrict("bob@example.org")).await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_not_taken_leaves_the_key_free() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    script.post("a", USERS, &json!({ "address": "alice@example.org" })).await.problem("invalid");
    assert_eq!(script.post("a", USERS, &restrict("alice@example.org")).await.status, 201);
}

#[tokio::test]
async fn keys_are_1_to_255_visible_characters_and_one_at_a_time() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    for bad in ["", "two words", "naïve", &"x".repeat(256)] {
        let answer = script.post(bad, USERS, &restrict("alice@example.org")).await;
        answer.invalid("Idempotency-Key");
    }
    let request = portal.request(Method::POST, USERS).bearer_auth(&script.token);
    let request = request.header("idempotency-key", "a").header("idempotency-key", "b");
    portal.send(request.json(&restrict("alice@example.org"))).await.invalid("Idempotency-Key");
    let long = "x".repeat(255);
    assert_eq!(script.post(&long, USERS, &restrict("alice@example.org")).await.status, 201);

    let request = portal.request(Method::POST, USERS).header("idempotency-key", "two words");
    portal.send(request).await.problem("signed-out");
    let body = json!({ "address": "a".repeat(1024 * 1024), "reason": "" });
    script.post("large", USERS, &body).await.problem("too-large");
}

#[tokio::test]
async fn of_many_at_once_at_two_replicas_one_is_done() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    let script = Script::of(&portal).await;
    let scripts: Vec<_> =
        (0..20).map(|it| script.at(if it % 2 == 0 { &portal } else { &replica })).collect();
    let body = restrict("alice@example.org");
    let mut answers = Vec::new();
    let all = scripts.iter().map(|script| script.post("a", USERS, &body));
    for answer in futures_util::future::join_all(all).await {
        if answer.status == 409 {
            answer.problem("in-progress");
            assert_eq!(answer.headers["retry-after"], "1");
        } else {
            answers.push(answer);
        }
    }
    let firsts: Vec<_> =
        answers.iter().filter(|it| !it.headers.contains_key("idempotency-replayed")).collect();
    assert_eq!(firsts.len(), 1);
    assert_eq!(firsts[0].status, 201);
    assert!(answers.iter().all(|answer| answer.text == firsts[0].text));
    assert_replayed(&script.at(&replica).post("a", USERS, &body).await, firsts[0]);
    assert_eq!(portal.audited("alice@example.org").await, ["Listed"]);
}

#[tokio::test]
async fn what_a_killed_process_left_under_way_is_free_after_a_minute() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let body = restrict("alice@example.org");
    let left = serde_json::to_vec(&body).unwrap();
    let left = KeyedRequest::of(&script.token.as_str().into(), "a", USERS, &left);
    let begun = portal.app.store.begin_request(&left, portal.clock.now()).await.unwrap();
    let Begun::Now(attempt) = begun else { panic!("{begun:?}") };

    script.post("a", USERS, &body).await.problem("in-progress");
    portal.pass(TimeDelta::seconds(59)).await;
    script.post("a", USERS, &body).await.problem("in-progress");
    portal.pass(TimeDelta::seconds(1)).await;
    let first = script.post("a", USERS, &body).await;
    assert_eq!(first.status, 201);
    // Whoever comes to an end after all does not take the key away from who has it now.
    portal.app.store.forget_request(&left, attempt).await.unwrap();
    assert_replayed(&script.post("a", USERS, &body).await, &first);
}

#[tokio::test]
async fn who_hangs_up_gets_the_answer_when_it_asks_again() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let addresses: Vec<_> = (0..40).map(|it| format!("user{it}@example.org")).collect();
    for address in &addresses {
        portal.restricted(address).await;
    }
    let body = json!({ "addresses": addresses });
    let mut connection =
        TcpStream::connect(portal.url.trim_start_matches("http://")).await.unwrap();
    let (token, length) = (&script.token, body.to_string().len());
    let head = format!(
        "POST {UNBLOCKS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nidempotency-key: a\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    eventually("the first of many is unblocked", async || {
        portal.user("user0@example.org").await["state"] == "unblocking"
    })
    .await;
    drop(connection);

    let mut answer = None;
    eventually("the answer is there", async || {
        let again = script.post("a", UNBLOCKS, &body).await;
        answer = Some(again).filter(|again| again.status == 200);
        answer.is_some()
    })
    .await;
    let answer = answer.unwrap();
    assert_eq!(answer.headers["idempotency-replayed"], "true");
    let items = &answer.json()["items"];
    assert_eq!(texts(items, "address"), addresses);
    assert!(items.as_array().unwrap().iter().all(|item| item["status"] == 202));
}

#[tokio::test]
async fn a_key_holds_for_24_hours_and_is_then_deleted() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let first = script.post("a", USERS, &restrict("alice@example.org")).await;
    portal.pass(KEPT - TimeDelta::seconds(1)).await;
    retention::delete_all_old(&portal.app).await.unwrap();
    assert_replayed(&script.post("a", USERS, &restrict("alice@example.org")).await, &first);
    portal.pass(TimeDelta::seconds(1)).await;
    script.post("a", USERS, &restrict("alice@example.org")).await.problem("already-restricted");

    portal.pass(KEPT + minutes(1)).await;
    retention::delete_all_old(&portal.app).await.unwrap();
    let before = portal.clock.now() - KEPT;
    assert_eq!(portal.app.store.delete_some_requests(before).await.unwrap(), 0);
    assert_eq!(script.post("a", USERS, &restrict("bob@example.org")).await.status, 201);
}

#[tokio::test]
async fn an_answer_with_a_secret_is_replayed_and_not_kept_for_others_to_read() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let body = json!({ "name": "ci", "role_group": "security_reader" });
    let first = script.post("a", "/api/v1/tokens", &body).await;
    assert_replayed(&script.post("a", "/api/v1/tokens", &body).await, &first);
    let token = first.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 43);
    let request = KeyedRequest::of(
        &script.token.as_str().into(),
        "a",
        "/api/v1/tokens",
        &serde_json::to_vec(&body).unwrap(),
    );
    let kept = portal.app.store.begin_request(&request, portal.clock.now()).await.unwrap();
    let Begun::Before(kept) = kept else { panic!("{kept:?}") };
    assert!(!kept.sealed.contains(&token));
    assert!(String::from_utf8(request.opened(&kept.sealed).unwrap()).unwrap().contains(&token));
    let stranger = KeyedRequest::of(&"stolen".into(), "a", "/api/v1/tokens", b"");
    assert_eq!(stranger.opened(&kept.sealed), None);
}

#[tokio::test]
async fn what_mail_servers_tell_is_known_by_its_queue_id_and_by_no_key() {
    let portal = Portal::start().await;
    let script = Script::of(&portal).await;
    let message = json!({ "sender": "alice@example.org", "recipients": ["bob@remote.example"] });
    for _ in 0..2 {
        let told = script.post("a", "/api/v1/outbound-messages", &message).await;
        assert_eq!(told.ok()["accepted"], 1);
        assert!(!told.headers.contains_key("idempotency-replayed"));
    }
    for queue_id in ["4F1B2C", "4F1B2D"] {
        let report = json!({
            "user": "alice@example.org", "qid": queue_id, "action": "no action",
            "rcpt": ["bob@remote.example"],
        });
        let told = script.post("a", "/api/v1/verdicts/rspamd", &report).await;
        assert_eq!(told.status, 204, "{told:?}");
        assert!(!told.headers.contains_key("idempotency-replayed"));
    }
    assert_eq!(portal.messages("alice@example.org").await.len(), 4);
}

#[tokio::test]
async fn an_answer_outlives_the_process_that_gave_it() {
    let database = Database::create().await;
    let serve = Serve::start(&database, "30m");
    let create = ["token", "create", "--name", "t", "--role", "security-administrator"];
    let token = result_of(&database, &create);
    let post = async |serve: &Serve| {
        let request = reqwest::Client::new().post(format!("{}{USERS}", serve.url));
        let request = request.bearer_auth(token.trim()).header("idempotency-key", "a");
        let answer = request.json(&restrict("alice@example.org")).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let first = post(&serve).await;
    assert_eq!(first.0, 201);
    serve.kill();
    assert_eq!(post(&Serve::start(&database, "30m")).await, first);
}
