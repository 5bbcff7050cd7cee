//! What led to a restriction: on one user's page and in the fly-out.

use crate::harness::{Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const CAROL: &str = "carol@example.org";
/// The most spam that still restricts nobody, and the one that does.
const SPAM_THAT_RESTRICTS: usize = 5;

async fn page(portal: &Portal, path: &str) -> String {
    let session = portal.session(RoleGroup::SecurityAdministrator).await;
    let request = portal.request(Method::GET, path).header("cookie", session);
    portal.send(request).await.text
}

/// One user's page and the fly-out of a restriction.
async fn shown(portal: &Portal, id: &str) -> [String; 2] {
    let user = page(portal, &format!("/ui/restrictedusers/{id}")).await;
    [user, page(portal, &format!("/ui/restrictedusers/{id}/unblock")).await]
}

/// The id of the latest restriction of `address`.
async fn id_of(portal: &Portal, address: &str) -> String {
    portal.user(address).await["id"].as_str().unwrap().to_owned()
}

async fn tell(portal: &Portal, messages: Value) {
    let answer = portal.post("/api/v1/outbound-messages", messages).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn has(page: &str, told: &str) {
    assert!(page.contains(told), "{told}: {page}");
}

#[tokio::test]
async fn the_hours_before_the_figures_and_the_last_spam_are_shown() {
    let portal = Portal::start().await;
    for _ in 0..3 {
        portal.sends(ALICE, &[BOB, CAROL]).await;
    }
    portal.pass(minutes(125)).await;
    for _ in 0..SPAM_THAT_RESTRICTS {
        portal.sends_spam(ALICE).await;
    }
    portal.pass(minutes(10)).await;
    portal.sends(ALICE, &[CAROL]).await;
    portal.policy_answer(ALICE, BOB).await;
    portal.write_refusals().await;

    let [user, fly_out] = shown(&portal, &id_of(&portal, ALICE).await).await;
    for page in [&user, &fly_out] {
        for told in [
            "<strong>5 of 8</strong> messages were spam in 24 h",
            "<strong>8</strong> outside recipients in 24 h",
            "<strong>1</strong> client address<",
            "<strong>1</strong> recipient refused since",
            "<title>23 Nov 10:00 UTC: 3 messages, 0 of them spam</title>",
            "<title>23 Nov 12:00 UTC: 6 messages, 5 of them spam</title>",
            ">23 Nov 10:00</time></th><td>3</td><td>0</td><td>3</td><td>3</td></tr>",
            "restricted at 12:05 UTC",
            "Score 12.5",
            "<bdi>TEST_SPAM</bdi> <span>10</span>",
            "To <bdi>bob@remote.example</bdi>",
            "<code>192.0.2.7</code> (8)",
            "#/messagetrace?sender=alice%40example.org",
        ] {
            has(page, told);
        }
        assert_eq!(page.matches("<bdi>Cheap pills</bdi>").count(), 5, "{page}");
    }
    has(&user, "<title>23 Nov 10:00 UTC: 3 recipients outside, 3 others</title>");
}

#[tokio::test]
async fn what_was_sent_more_than_a_day_before_does_not_count() {
    let portal = Portal::start().await;
    portal.sends_spam(ALICE).await;
    portal.pass(minutes(24 * 60)).await;
    portal.sends(ALICE, &[BOB]).await;
    let id = portal.restricted(ALICE).await;
    for page in shown(&portal, &id).await {
        has(&page, "<strong>0 of 1</strong> messages were spam in 24 h");
        has(&page, "<bdi>Cheap pills</bdi>");
    }
}

#[tokio::test]
async fn a_restriction_of_an_account_without_mail_says_that_none_was_watched() {
    let portal = Portal::start().await;
    portal.sends_spam(CAROL).await;
    let id = portal.restricted(ALICE).await;
    for page in shown(&portal, &id).await {
        has(&page, "No mail of this account was watched");
        has(&page, "<strong>0</strong> recipients refused since");
        assert!(!page.contains("class=\"chart") && !page.contains("Cheap pills"), "{page}");
    }
}

#[tokio::test]
async fn different_client_addresses_are_counted_and_those_used_most_are_named() {
    let portal = Portal::start().await;
    let message =
        |from: &str| json!({ "sender": ALICE, "recipients": [BOB], "client_address": from });
    let from = ["192.0.2.1", "192.0.2.2", "192.0.2.2", "2001:db8::1"].map(message);
    tell(&portal, json!(from)).await;
    tell(&portal, json!({ "sender": ALICE, "recipients": [BOB] })).await;
    tell(&portal, json!({ "sender": CAROL, "recipients": [BOB], "client_address": "192.0.2.9" }))
        .await;
    let id = portal.restricted(ALICE).await;
    for page in shown(&portal, &id).await {
        has(&page, "<strong>3</strong> client addresses<");
        has(&page, "Most came from <code>192.0.2.2</code> (2), <code>192.0.2.1</code> (1)");
        assert!(!page.contains("192.0.2.9"), "{page}");
    }
}

#[tokio::test]
async fn spam_of_a_later_time_is_no_evidence_for_a_restriction_that_is_over() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let id = portal.restricted(ALICE).await;
    portal.unblock(&id).await;
    portal.pass(minutes(60)).await;
    portal.sends_spam(ALICE).await;
    let [user, _] = shown(&portal, &id).await;
    assert!(!user.contains("Cheap pills"), "{user}");
}

#[tokio::test]
async fn a_strangers_text_is_shown_as_text_and_cut() {
    let portal = Portal::start().await;
    let many: Vec<String> = (0..15).map(|number| format!("user{number}@remote.example")).collect();
    portal.sends_as(ALICE, "4F2B1C0A1", &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let report = json!({
        "user": ALICE, "qid": "4F2B1C0A1", "action": "reject", "score": 1e300, "ip": "<i>",
        "rcpt": ["<script>@remote.example"], "message_id": "<script>alert(1)</script>@x",
        "subject": format!("<script>\u{202e}alert(1)</script>{}", "x".repeat(300)),
        "symbols": [{ "name": "<b>\u{2067}S", "score": -0.5 }],
    });
    assert_eq!(portal.post("/api/v1/verdicts/rspamd", report).await.status, 204);
    let id = portal.restricted(ALICE).await;
    let [user, fly_out] = shown(&portal, &id).await;
    let trace = page(&portal, "/ui/messagetrace?sender=alice").await;
    for page in [user, fly_out, trace] {
        has(&page, "&#60;script&#62;\u{fffd}alert(1)");
        has(&page, "x…</bdi>");
        has(&page, "<bdi>user2@remote.example</bdi> and 12 more");
        has(&page, "<bdi>&#60;b&#62;\u{fffd}S</bdi> <span>-0.5</span>");
        has(&page, "1e300");
        assert!(
            !page.contains("<script") && !page.contains("<i>") && !page.contains("<b>"),
            "{page}"
        );
        assert!(!page.contains(&"x".repeat(121)), "{page}");
    }
}

#[tokio::test]
async fn an_empty_list_tells_how_many_messages_were_watched_in_the_last_hour() {
    let portal = Portal::start().await;
    let watched = "2 messages were watched in the last hour.";
    for _ in 0..2 {
        portal.sends(ALICE, &[BOB]).await;
    }
    has(&page(&portal, "/ui/restrictedusers").await, watched);
    has(&page(&portal, "/ui/restrictedusers/rows").await, watched);
    portal.pass(minutes(61)).await;
    portal.sends(CAROL, &[BOB]).await;
    has(&page(&portal, "/ui/restrictedusers").await, "1 message was watched in the last hour.");
}
