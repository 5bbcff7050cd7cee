//! A failover or a restored backup that loses the last transactions.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, eventually};
use restricted_users::model::alert::{AlertPolicyId, WENT_BACK};
use serde_json::json;

const OUTSIDE: &str = "bob@remote.example";

#[tokio::test]
async fn a_database_that_went_back_is_followed_as_it_is_now() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let replica = portal.replica().await;
    for name in ["kept", "released"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let backup = portal.database.back_up().await;
    portal.unblock("released@example.org").await;
    for number in 0..20 {
        portal.restricted(&format!("gone{number}@example.org")).await;
    }
    for service in [&portal, &replica] {
        eventually("all that is lost then was known", async || {
            service.policy_answer("gone19@example.org", OUTSIDE).await == BAD_OUTBOUND_SENDER
        })
        .await;
    }
    portal.policy_answer("gone3@example.org", OUTSIDE).await;

    portal.database.restore(backup).await;
    for service in [&portal, &replica] {
        eventually("who was restricted since is free", async || {
            service.policy_answer("gone3@example.org", OUTSIDE).await == DUNNO
        })
        .await;
        let refused = service.policy_answer("released@example.org", OUTSIDE).await;
        assert_eq!(refused, BAD_OUTBOUND_SENDER, "its release never happened");
    }
    portal.restricted("new@example.org").await;
    portal.unblock("kept@example.org").await;
    for service in [&portal, &replica] {
        eventually("new restrictions and releases are in force", async || {
            service.policy_answer("new@example.org", OUTSIDE).await == BAD_OUTBOUND_SENDER
                && service.policy_answer("kept@example.org", OUTSIDE).await == DUNNO
        })
        .await;
    }
    portal.write_refusals().await;
    eventually("admins are told once", async || {
        let alerts = portal.alerts_of(AlertPolicyId::ReleaseFailed).await;
        matches!(&alerts[..], [alert] if alert.reason == WENT_BACK)
    })
    .await;
}

async fn put_spam_messages(portal: &Portal, spam_messages: i64) {
    let policy = json!({ "spam_messages": spam_messages });
    portal.put("/api/v1/outbound-spam-policies/default", policy).await.ok();
}

#[tokio::test]
async fn limits_that_were_changed_since_are_those_of_the_database_again() {
    let portal = Portal::start().await;
    let backup = portal.database.back_up().await;
    put_spam_messages(&portal, 2).await;
    for _ in 0..2 {
        portal.sends_spam("alice@example.org").await;
    }
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);

    portal.database.restore(backup).await;
    eventually("it is noticed", async || {
        portal.policy_answer("alice@example.org", OUTSIDE).await == DUNNO
    })
    .await;
    // The same revision as before, with another limit.
    put_spam_messages(&portal, 4).await;
    for _ in 0..3 {
        portal.sends_spam("carol@example.org").await;
    }
    assert_eq!(portal.policy_answer("carol@example.org", OUTSIDE).await, DUNNO);
}
