//! `POST /api/v1/outbound-messages`: mail servers and scripts tell of messages.

use crate::harness::{DUNNO, Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;
use std::time::{Duration, Instant};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const PATH: &str = "/api/v1/outbound-messages";
const QUESTION: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\n\
    sasl_username=bob@example.org\nrecipient=bob@remote.example\n\n";

#[tokio::test]
async fn a_list_is_counted_whole_and_a_message_without_queue_id_is_always_new() {
    let portal = Portal::start().await;
    let messages = json!([
        { "sender": "Alice", "recipients": [BOB, "carol@example.net"], "subject": "hi\nthere" },
        { "sender": "Alice", "recipients": [BOB], "message_id": "<x@example.org>" },
        { "sender": "Alice", "recipients": [BOB], "message_id": "<x@example.org>" },
        { "sender": "dave@example.org", "recipients": [BOB], "queue_id": "4F2B1C0A1" },
        { "sender": "dave@example.org", "recipients": [BOB], "queue_id": "4F2B1C0A1" },
        { "sender": "dave@example.org", "recipients": [BOB], "queue_id": "4F2B1C0A1",
          "verdict": "spam", "score": 8.5 },
    ]);
    let answer = portal.post(PATH, messages).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "accepted": 5, "duplicates": 1 }));

    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.messages_in_day, sending.outside_in_hour), (3, 3));
    assert_eq!(sending.inside_in_hour, 1);
    assert_eq!(portal.messages(ALICE).await[2]["subject"], "hi there");
    assert_eq!(portal.messages("dave@example.org").await[0]["score"], 8.5);
}

#[tokio::test]
async fn a_message_of_yesterday_counts_when_it_was_submitted() {
    let portal = Portal::start().await;
    let at = portal.clock.now() - minutes(90);
    portal.post(PATH, json!({ "sender": ALICE, "recipients": [BOB], "at": at })).await.ok();
    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.outside_in_hour, sending.outside_in_day), (0, 1));
}

#[tokio::test]
async fn one_bad_message_refuses_the_whole_list_and_says_which_field_of_which() {
    let portal = Portal::start().await;
    let good = json!({ "sender": ALICE, "recipients": [BOB] });
    let now = portal.clock.now();
    for (bad, field) in [
        (json!({ "recipients": [BOB] }), "[1].sender"),
        (json!({ "sender": " ", "recipients": [BOB] }), "[1].sender"),
        (json!({ "sender": ALICE, "recipients": [] }), "[1].recipients"),
        (json!({ "sender": ALICE, "recipients": [BOB, "al\u{7}ice"] }), "[1].recipients[1]"),
        (json!({ "sender": ALICE, "recipients": [BOB], "at": now + minutes(6) }), "[1].at"),
        (json!({ "sender": ALICE, "recipients": [BOB], "at": now - minutes(1_441) }), "[1].at"),
        (json!({ "sender": ALICE, "recipients": [BOB], "queue_id": "a b" }), "[1].queue_id"),
        (
            json!({ "sender": ALICE, "recipients": [BOB], "client_address": "x" }),
            "[1].client_address",
        ),
        (json!({ "sender": ALICE, "recipients": [BOB], "verdict": "ham" }), "[1].verdict"),
        (json!({ "sender": ALICE, "recipients": [BOB], "spam": true }), "[1].spam"),
    ] {
        let answer = portal.post(PATH, json!([good, bad])).await;
        assert_eq!(answer.status, 422, "{bad}");
        answer.invalid(field);
    }
    assert_eq!(portal.messages(ALICE).await.len(), 0);
}

#[tokio::test]
async fn a_list_of_a_thousand_is_taken_and_of_one_more_is_not() {
    let portal = Portal::start().await;
    let messages = |count| vec![json!({ "sender": ALICE, "recipients": ["x@example.org"] }); count];
    assert_eq!(portal.post(PATH, json!(messages(1_000))).await.json()["accepted"], 1_000);
    portal.post(PATH, json!(messages(1_001))).await.invalid("body");
    assert_eq!(portal.sending(ALICE).await.messages_in_day, 1_000);
}

#[tokio::test]
async fn a_body_may_have_16_mib_and_a_message_50_000_recipients() {
    let portal = Portal::start().await;
    let recipients: Vec<_> = (0..50_000).map(|number| format!("r{number}@example.org")).collect();
    let body = json!({ "sender": ALICE, "recipients": recipients });
    portal.post(PATH, body).await.ok();
    assert_eq!(portal.sending(ALICE).await.inside_in_hour, 50_000);
    let huge = json!({ "sender": ALICE, "recipients": [BOB], "subject": "x".repeat(16 << 20) });
    portal.post(PATH, huge).await.problem("too-large");
}

#[tokio::test]
async fn mail_servers_are_answered_while_a_long_list_is_read() {
    let portal = Portal::start().await;
    let message = json!({ "sender": ALICE, "recipients": vec![BOB; 1_000] });
    let list = json!(vec![message; 200]).to_string();
    let list = portal.authorized(Method::POST, PATH).body(list);
    let list = portal.send(list.header("content-type", "application/json"));
    let mut list = std::pin::pin!(list);
    let (told, mut longest) = (Instant::now(), Duration::ZERO);
    let answer = loop {
        let began = Instant::now();
        tokio::select! {
            answer = &mut list => break answer,
            decision = portal.ask_at_once(QUESTION) => assert_eq!(decision, DUNNO),
        }
        longest = longest.max(began.elapsed());
    };
    assert_eq!(answer.ok()["accepted"], 200);
    // However busy the machine is: to read the list takes nearly all of the time.
    assert!(longest < told.elapsed() / 3, "{longest:?} of {:?}", told.elapsed());
}

#[tokio::test]
async fn mail_servers_may_tell_and_readers_may_not() {
    let portal = Portal::start().await;
    for (role, status) in [(RoleGroup::MailServer, 202), (RoleGroup::SecurityAdministrator, 403)] {
        let token = portal.token(role).await;
        let request = portal.request(Method::POST, PATH).basic_auth("any", Some(token));
        let body = json!({ "sender": ALICE, "recipients": [BOB] });
        assert_eq!(portal.send(request.json(&body)).await.status, status, "{role}");
    }
}
