//! What mail servers find in the socketmaps. How the port takes bad clients is tested beside its
//! code.

use crate::harness::{Portal, eventually, minutes};

const ALICE: &str = "alice@example.org";
const REFUSED: &str = "OK 550 5.1.8 Access denied, bad outbound sender";
const BOUNCED: &str = "OK error:5.1.8 Access denied, bad outbound sender";
const HIGH_RISK: &str = "OK hirisk:[192.0.2.66]";
const NOT_FOUND: &str = "NOTFOUND ";

impl Portal {
    async fn with_high_risk_transport() -> Self {
        Self::with(&[
            ("socketmap_listen", "127.0.0.1:0"),
            ("high_risk_transport", "hirisk:[192.0.2.66]"),
        ])
        .await
    }

    async fn maps(&self, key: &str) -> [String; 2] {
        [self.look_up("restricted", key).await, self.look_up("transport", key).await]
    }
}

#[tokio::test]
async fn a_sender_is_found_from_its_restriction_to_its_release() {
    let portal = Portal::with(&[("socketmap_listen", "127.0.0.1:0")]).await;
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
    portal.restricted(ALICE).await;
    for key in [ALICE, "Alice@EXAMPLE.org.", "alice"] {
        assert_eq!(portal.maps(key).await, [REFUSED, BOUNCED], "{key}");
    }
    assert_eq!(portal.maps("@example.org").await, [NOT_FOUND, NOT_FOUND]);

    portal.unblock(ALICE).await;
    assert_eq!(portal.maps(ALICE).await, [REFUSED, BOUNCED]);
    portal.pass(minutes(30)).await;
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
}

#[tokio::test]
async fn mail_of_a_sender_at_warning_level_takes_the_high_risk_transport() {
    let portal = Portal::with_high_risk_transport().await;
    for _ in 0..2 {
        portal.sends_spam(ALICE).await;
    }
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
    portal.sends_spam(ALICE).await;
    assert_eq!(portal.maps("Alice@example.org").await, [NOT_FOUND, HIGH_RISK]);
    assert_eq!(portal.maps("carol@example.org").await, [NOT_FOUND, NOT_FOUND]);

    for _ in 0..2 {
        portal.sends_spam(ALICE).await;
    }
    assert_eq!(portal.maps(ALICE).await, [REFUSED, BOUNCED]);
    portal.unblock(ALICE).await;
    portal.pass(minutes(30)).await;
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
}

#[tokio::test]
async fn without_a_high_risk_transport_mail_at_warning_level_goes_its_usual_way() {
    let portal = Portal::with(&[("socketmap_listen", "127.0.0.1:0")]).await;
    for _ in 0..3 {
        portal.sends_spam(ALICE).await;
    }
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
}

#[tokio::test]
async fn while_the_database_is_away_the_restricted_are_found_and_mail_at_warning_level_flows() {
    let portal = Portal::with_high_risk_transport().await;
    portal.restricted(ALICE).await;
    for _ in 0..3 {
        portal.sends_spam("carol@example.org").await;
    }
    let absence = portal.database.take_away().await;
    assert_eq!(portal.maps(ALICE).await, [REFUSED, BOUNCED]);
    // On SQLite somebody else who writes keeps nobody from reading.
    let carol = if portal.database.is_postgres() { NOT_FOUND } else { HIGH_RISK };
    assert_eq!(portal.maps("carol@example.org").await, [NOT_FOUND, carol]);

    portal.database.bring_back(absence).await;
    eventually("the warning level is known again", async || {
        portal.look_up("transport", "carol@example.org").await == HIGH_RISK
    })
    .await;
}

#[tokio::test]
async fn looking_up_counts_nothing() {
    let portal = Portal::with(&[("socketmap_listen", "127.0.0.1:0")]).await;
    for _ in 0..1_001 {
        portal.look_up("restricted", ALICE).await;
    }
    assert_eq!(portal.messages(ALICE).await, [] as [serde_json::Value; 0]);
    assert_eq!(portal.maps(ALICE).await, [NOT_FOUND, NOT_FOUND]);
}
