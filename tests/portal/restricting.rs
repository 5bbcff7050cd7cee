//! The message that crosses a line restricts its sender.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, minutes};
use serde_json::{Value, json};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const CAROL: &str = "carol@example.org";

impl Portal {
    async fn sends_spams(&self, login: &str, count: usize) {
        for _ in 0..count {
            self.sends_spam(login).await;
        }
    }

    /// A message to so many recipients outside.
    async fn sends_to(&self, login: &str, count: usize) {
        let recipients: Vec<_> =
            (0..count).map(|number| format!("r{number}@remote.example")).collect();
        let body = json!({ "sender": login, "recipients": recipients });
        self.post("/api/v1/outbound-messages", body).await.ok();
    }

    async fn is_refused(&self, login: &str) -> bool {
        self.policy_answer(login, BOB).await == BAD_OUTBOUND_SENDER
    }

    async fn change_default_policy(&self, changes: Value) {
        let mut policy = self.get("/api/v1/outbound-spam-policies/default").await.ok();
        policy.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.put("/api/v1/outbound-spam-policies/default", policy).await.ok();
    }
}

#[tokio::test]
async fn the_fifth_spam_message_in_ten_minutes_restricts_its_sender_at_once() {
    let portal = Portal::start().await;
    portal.sends(ALICE, &[BOB, CAROL]).await;
    portal.sends_spams(ALICE, 4).await;
    assert!(!portal.is_refused(ALICE).await);
    portal.sends_spams(ALICE, 1).await;

    assert!(portal.is_refused(ALICE).await);
    assert_eq!(portal.policy_answer(ALICE, CAROL).await, DUNNO);
    assert!(!portal.is_refused(CAROL).await);
    let user = portal.user(ALICE).await;
    assert_eq!((&user["cause"], &user["temporary"]), (&json!("outbound_spam"), &json!(false)));
    assert_eq!(user["restricted_by"], "system");
    let last = &portal.messages(ALICE).await[0]["id"];
    let reason = format!(
        "OutboundSpamLast24Hours=5;OutboundMailLast24Hours=6;OutboundSpamPercent=83;\
         Last Spam Message MessagetraceId:{}",
        last.as_str().unwrap()
    );
    assert_eq!(user["reason"], reason);
    assert_eq!(portal.history(ALICE).await, ["restricted"]);
    assert_eq!(portal.audited(ALICE).await, ["Listed"]);
}

#[tokio::test]
async fn four_spam_messages_and_one_more_after_ten_minutes_restrict_nobody() {
    let portal = Portal::start().await;
    portal.sends_spams(ALICE, 4).await;
    portal.pass(minutes(10)).await;
    portal.sends_spams(ALICE, 1).await;
    assert!(!portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn a_fifth_of_twenty_messages_restricts_however_long_they_took() {
    let portal = Portal::start().await;
    for _ in 0..4 {
        portal.sends_spam(ALICE).await;
        for _ in 0..4 {
            portal.sends(ALICE, &[BOB]).await;
        }
        assert!(
            !portal.is_refused(ALICE).await || portal.sending(ALICE).await.messages_in_day == 20
        );
        portal.pass(minutes(60)).await;
    }
    assert!(portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn the_recipient_that_is_one_too_many_restricts() {
    let portal = Portal::start().await;
    portal.sends_to(ALICE, 500).await;
    assert!(!portal.is_refused(ALICE).await);
    portal.sends(ALICE, &[BOB]).await;
    assert!(portal.is_refused(ALICE).await);
    let user = portal.user(ALICE).await;
    assert_eq!(user["cause"], "sending_limit");
    let reason = user["reason"].as_str().unwrap();
    assert!(reason.starts_with(
        "EmailSendingLimitExceeded;InternalRecipientCountToday=0;ExternalRecipientCountToday=501;\
         ExceedingLimitType=External;Last MessagetraceId="
    ));
    assert!(reason.ends_with(";LastMessageRcptCount=1;"), "{reason}");
}

#[tokio::test]
async fn a_limit_holds_over_all_replicas() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    portal.sends_to(ALICE, 300).await;
    replica.sends_to(ALICE, 201).await;
    assert!(replica.is_refused(ALICE).await);
    portal.pass(minutes(0)).await;
    assert!(portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn a_day_block_ends_at_the_next_midnight_and_spam_makes_it_last() {
    let portal = Portal::start().await;
    portal
        .change_default_policy(json!({ "action_when_threshold_reached": "block_user_for_today" }))
        .await;
    for login in [ALICE, CAROL] {
        portal.sends_to(login, 501).await;
        let user = portal.user(login).await;
        assert_eq!(user["temporary"], true);
        assert_eq!(user["ends_at"], "2026-11-24T00:00:00Z");
    }
    portal.unblock(CAROL).await;
    portal.rspamd(CAROL, "A1", "reject").await;
    portal.sends_spams(CAROL, 4).await;

    let carol = portal.user(CAROL).await;
    assert_eq!((&carol["temporary"], &carol["ends_at"]), (&json!(false), &Value::Null));
    assert_eq!((&carol["cause"], &carol["unblock"]), (&json!("outbound_spam"), &Value::Null));
    let history = portal.history(CAROL).await;
    assert_eq!(history, ["restricted", "unblock_requested", "unblock_cancelled", "changed"]);
    portal.pass(minutes(14 * 60)).await;
    assert!(!portal.is_refused(ALICE).await);
    assert!(portal.is_refused(CAROL).await);
}

#[tokio::test]
async fn spam_while_an_unblock_is_pending_cancels_it() {
    let portal = Portal::start().await;
    portal.restricted(ALICE).await;
    portal.sends_as(ALICE, "OLD", &[CAROL]).await;
    portal.pass(minutes(1)).await;
    portal.unblock(ALICE).await;
    portal.pass(minutes(1)).await;
    // A verdict on an older message changes nothing.
    portal.rspamd(ALICE, "OLD", "add header").await;
    assert_eq!(portal.user(ALICE).await["state"], "unblocking");

    portal.sends_as(ALICE, "NEW", &[CAROL]).await;
    portal.rspamd(ALICE, "NEW", "add header").await;
    assert_eq!(portal.user(ALICE).await["state"], "restricted");
    portal.pass(minutes(60)).await;
    assert!(portal.is_refused(ALICE).await);
    let history = portal.get(&format!("/api/v1/restricted-users/{ALICE}/history")).await.ok();
    assert_eq!(history["items"][2]["event"], "unblock_cancelled");
    assert_eq!(history["items"][2]["actor"], "system");
    assert_eq!(history["items"][2]["detail"], "New spam was sent while the unblock was pending.");
}

#[tokio::test]
async fn counting_starts_afresh_with_a_release() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    portal.sends_as(ALICE, "EARLY", &[BOB]).await;
    portal.sends_spams(ALICE, 5).await;
    assert!(portal.is_refused(ALICE).await);
    portal.clock.advance(chrono::TimeDelta::seconds(1));
    portal.unblock(ALICE).await;
    assert!(!portal.is_refused(ALICE).await);

    // In the same minute.
    portal.rspamd(ALICE, "EARLY", "add header").await;
    portal.sends_spams(ALICE, 4).await;
    assert_eq!(portal.sending(ALICE).await.spam_in_minutes, 4);
    assert!(!portal.is_refused(ALICE).await);
    portal.sends_spams(ALICE, 1).await;
    assert!(portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn a_manual_restriction_leaves_the_counts_alone() {
    let portal = Portal::start().await;
    portal.sends_spams(ALICE, 3).await;
    portal.restricted(ALICE).await;
    assert_eq!(portal.sending(ALICE).await.spam_in_day, 3);
}

#[tokio::test]
async fn a_policy_in_shadow_shows_whom_it_would_have_restricted_and_restricts_nobody() {
    let portal = Portal::start().await;
    portal.change_default_policy(json!({ "shadow": true })).await;
    portal.sends_spams(ALICE, 6).await;
    assert!(!portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn a_limit_that_only_alerts_restricts_nobody() {
    let portal = Portal::start().await;
    portal.change_default_policy(json!({ "action_when_threshold_reached": "alert" })).await;
    portal.sends_to(ALICE, 501).await;
    assert!(!portal.is_refused(ALICE).await);
    portal.sends_spams(ALICE, 5).await;
    assert!(portal.is_refused(ALICE).await);
}

#[tokio::test]
async fn a_message_that_is_to_bounce_counts_nothing() {
    let portal = Portal::with(&[("restricted_answer", "bounce")]).await;
    portal.restricted(ALICE).await;
    let bounce = "action=FILTER error:5.1.8 Access denied, bad outbound sender";
    assert_eq!(
        portal.sends(ALICE, &[CAROL, BOB, "dan@remote.example"]).await,
        [DUNNO, bounce, DUNNO]
    );
    assert_eq!(portal.messages(ALICE).await.len(), 0);
    assert_eq!(portal.sends(ALICE, &[CAROL]).await, [DUNNO]);
    assert_eq!(portal.messages(ALICE).await.len(), 1);
}
