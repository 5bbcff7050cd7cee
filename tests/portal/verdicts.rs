//! What filters and mailbox providers say of messages.

use crate::harness::{Answer, Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const RSPAMD: &str = "/api/v1/verdicts/rspamd";

impl Portal {
    async fn tells(&self, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
        let token = self.token(RoleGroup::MailServer).await;
        let request = self.request(Method::POST, path).basic_auth("rspamd", Some(token));
        self.send(request.header("content-type", kind).body(body)).await
    }

    async fn feedback(&self, kind: &str, rcpt: &str, original: &str) -> Answer {
        let report = format!(
            "From: <fbl@provider.example>\r\nSubject: FW: hi\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nSomebody marked this as spam.\r\n\
             --b\r\nContent-Type: message/feedback-report\r\n\r\n\
             Feedback-Type: {kind}\r\nUser-Agent: Provider/1\r\nVersion: 1\r\n{rcpt}\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\n{original}\r\n--b--\r\n"
        );
        self.tells("/api/v1/verdicts/arf", "message/rfc822", report).await
    }

    async fn verdict(&self) -> Value {
        self.messages(ALICE).await[0]["verdict"].clone()
    }
}

const ORIGINAL: &str = "Received: from laptop by mail.example.org (Postfix) with ESMTPSA id 4F2B1C0A1\r\n\
    \tfor <bob@remote.example>; Mon, 23 Nov 2026 08:00:00 +0000 (UTC)\r\n\
    From: Alice <alice@example.org>\r\nMessage-ID: <4F2B1C0A1@example.org>\r\n\r\nBuy!\r\n";

#[tokio::test]
async fn rspamd_is_understood_with_all_its_quirks() {
    let portal = Portal::start().await;
    for (body, messages) in [
        (json!({ "user": "unknown", "action": "reject", "rcpt": "unknown" }), 0),
        (json!({ "user": "", "action": "reject" }), 0),
        (json!({ "user": ALICE, "action": "greylist", "rcpt": [BOB] }), 0),
        (json!({ "user": ALICE, "action": "soft reject", "rcpt": [BOB] }), 0),
        (json!({ "user": ALICE, "action": "no action", "rcpt": "unknown", "qid": "unknown" }), 1),
        (
            json!({ "user": "Alice", "action": "reject", "rcpt": [BOB], "qid": "A1", "unheard": {} }),
            2,
        ),
        (json!({ "user": "Alice", "action": "reject", "rcpt": [BOB], "qid": "A1" }), 2),
    ] {
        let answer = portal.tells(RSPAMD, "text/plain", body.to_string()).await;
        assert_eq!(answer.status, 204, "{body}");
        assert_eq!(portal.messages(ALICE).await.len(), messages, "{body}");
    }
    let message = &portal.messages(ALICE).await[0];
    assert_eq!((&message["verdict"], &message["queue_id"]), (&json!("spam"), &json!("A1")));
}

#[tokio::test]
async fn what_is_no_report_of_rspamd_is_refused() {
    let portal = Portal::start().await;
    for body in ["", "{", "[]", "\"spam\"", &"[".repeat(100_000)] {
        portal.tells(RSPAMD, "text/plain", body.to_owned()).await.invalid("body");
    }
    let huge = vec![b'x'; 1024 * 1024 + 1];
    portal.tells(RSPAMD, "text/plain", huge).await.problem("too-large");
    let damaged = b"{\"user\":\"alice\",\"action\":\"reject\",\"subject\":\"\xff\xfe\"}".to_vec();
    assert_eq!(portal.tells(RSPAMD, "text/plain", damaged).await.status, 204);
    assert_eq!(portal.messages(ALICE).await[0]["subject"], "\u{fffd}\u{fffd}");
}

#[tokio::test]
async fn a_verdict_without_queue_id_finds_the_senders_newest_message_by_its_message_id() {
    let portal = Portal::start().await;
    for _ in 0..2 {
        let body = json!({ "sender": ALICE, "recipients": [BOB], "message_id": "<x@example.org>" });
        portal.post("/api/v1/outbound-messages", body).await.ok();
    }
    for user in [ALICE, "carol@example.org"] {
        let body = json!({ "user": user, "action": "reject", "message_id": "x@example.org" });
        portal.tells(RSPAMD, "application/json", body.to_string()).await;
    }
    let messages = portal.messages(ALICE).await;
    let verdicts: Vec<_> = messages.iter().map(|message| &message["verdict"]).collect();
    assert_eq!(verdicts, [&json!("spam"), &Value::Null]);
    assert_eq!(portal.messages("carol@example.org").await.len(), 1);
}

#[tokio::test]
async fn a_feedback_report_marks_a_message_of_ours_once() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    for _ in 0..3 {
        assert_eq!(portal.feedback("abuse", "", ORIGINAL).await.status, 204);
    }
    assert_eq!(portal.verdict().await, "spam");
    assert_eq!(portal.sending(ALICE).await.spam_in_day, 1);

    assert_eq!(portal.feedback("not-spam", "", ORIGINAL).await.status, 204);
    assert_eq!(portal.verdict().await, "clean");
    assert_eq!(portal.sending(ALICE).await.spam_in_day, 0);
}

#[tokio::test]
async fn weeks_later_a_report_that_names_a_recipient_still_finds_its_message() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB, "carol@example.org"]).await;
    portal.rspamd(ALICE, "4F2B1C0A1", "no action").await;
    portal.pass(minutes(14 * 24 * 60)).await;
    let without_queue_id = ORIGINAL.replace(" id 4F2B1C0A1", "");
    for rcpt in
        ["", "Original-Rcpt-To: carol@example.org\r\n", "Original-Rcpt-To: eve@x.example\r\n"]
    {
        let answer = portal.feedback("abuse", rcpt, &without_queue_id).await;
        assert_eq!(answer.status, 422, "{rcpt}");
    }
    assert_eq!(portal.verdict().await, "clean");
    let rcpt = "Original-Rcpt-To: <Bob@Remote.Example>\r\n";
    assert_eq!(portal.feedback("abuse", rcpt, &without_queue_id).await.status, 204);
    assert_eq!(portal.verdict().await, "spam");
}

const QUOTED: &str = "Received: from out.evil.example by mx.provider.example with ESMTPS id P1\r\n\
    Received: from evil.example by out.evil.example with ESMTP id E1\r\n\
    Received: from laptop by mail.example.org (Postfix) with ESMTPSA id 4F2B1C0A1\r\n\
    From: Mallory <mallory@evil.example>\r\nMessage-ID: <m@evil.example>\r\n\r\nBuy!\r\n";

/// Everybody who got the message knows its queue id, and can quote it in a message of theirs that a
/// provider then reports.
#[tokio::test]
async fn a_report_of_somebody_elses_message_that_quotes_a_queue_id_of_ours_marks_nothing() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    for provider in [
        "Original-Mail-From: <outsider@evil.example>\r\nOriginal-Rcpt-To: <mallory@provider.example>\r\n",
        "Original-Rcpt-To: <mallory@provider.example>\r\n",
        "Original-Mail-From: <outsider@evil.example>\r\n",
        "",
    ] {
        let answer = portal.feedback("abuse", provider, QUOTED).await;
        assert_eq!(answer.status, 422, "{provider}");
    }
    assert_eq!(portal.verdict().await, Value::Null);
    for provider in [
        "Original-Rcpt-To: <Bob@Remote.example>\r\n",
        "Original-Mail-From: <alice@example.org>\r\n",
    ] {
        let answer = portal.feedback("abuse", provider, QUOTED).await;
        assert_eq!(answer.status, 204, "{provider}");
    }
    assert_eq!(portal.verdict().await, "spam");
}

#[tokio::test]
async fn what_nests_without_end_is_refused_and_the_service_goes_on() {
    let portal = Portal::start().await;
    let message = "Content-Type:message/rfc822\n\n".repeat(360_000);
    portal.tells("/api/v1/verdicts/arf", "message/rfc822", message).await.invalid("body");
    let digest =
        |level| format!("Content-Type: multipart/digest; boundary=\"{level}\"\n\n--{level}\n");
    let digests: String = (0..170_000).map(digest).collect();
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    assert_eq!(portal.feedback("abuse", "", &format!("{ORIGINAL}{digests}")).await.status, 204);
    assert_eq!(portal.verdict().await, "spam");
}

#[tokio::test]
async fn of_thousands_of_symbols_the_heaviest_are_kept() {
    let portal = Portal::start().await;
    let light = r#"{"name":"","score":0,"x":[{"":{"":0}}]},"#.repeat(20_000);
    let body = format!(
        r#"{{"user":"{ALICE}","action":"reject","symbols":[{light}{{"name":"HEAVY","score":9}}]}}"#
    );
    assert_eq!(portal.tells(RSPAMD, "application/json", body).await.status, 204);
    assert_eq!(portal.messages(ALICE).await[0]["symbols"][0]["name"], "HEAVY");
}

#[tokio::test]
async fn a_report_with_a_nul_in_its_ids_finds_no_message_of_ours() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    let damaged = ORIGINAL.replace("4F2B1C0A1", "4F2B\0C0A1");
    let provider = format!("Original-Rcpt-To: <{BOB}>");
    assert_eq!(portal.feedback("abuse", &provider, &damaged).await.status, 422);
    assert_eq!(portal.verdict().await, Value::Null);
}

#[tokio::test]
async fn a_report_of_something_else_marks_nothing() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    assert_eq!(portal.feedback("auth-failure", "", ORIGINAL).await.status, 204);
    assert_eq!(portal.verdict().await, Value::Null);
    portal.tells("/api/v1/verdicts/arf", "text/plain", "hi").await.invalid("body");
}

#[tokio::test]
async fn a_feedback_report_cancels_no_pending_unblock() {
    let portal = Portal::start().await;
    portal.restricted(ALICE).await;
    portal.unblock(ALICE).await;
    portal.sends_as(ALICE, "4F2B1C0A1", &["carol@example.org"]).await;
    assert_eq!(portal.feedback("abuse", "", ORIGINAL).await.status, 204);
    assert_eq!(portal.verdict().await, "spam");
    assert_eq!(portal.user(ALICE).await["state"], "unblocking");
}
