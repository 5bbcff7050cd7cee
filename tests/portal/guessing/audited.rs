//! What the audit log tells of failures to sign in: enough to see who guesses, and never so much that
//! strangers fill it.

use super::{OLIVIA, PASSWORD, WRONG, device, portal, sign_in, try_from};
use crate::harness::{Portal, eventually, minutes};
use chrono::TimeDelta;
use restricted_users::bookkeeper;
use restricted_users::model::address::Address;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// What the audit log tells of failures: who, from where, and what.
async fn failures(portal: &Portal) -> Vec<(String, Option<String>, Value)> {
    let log = portal.get("/api/v1/audit?action=SignInFailed&limit=200").await.ok();
    let items = log["items"].as_array().unwrap().iter();
    let mut failures: Vec<_> = items
        .map(|item| {
            let text = |field: &str| item[field].as_str().map(ToOwned::to_owned);
            (text("actor").unwrap(), text("client_address"), item["after"].clone())
        })
        .collect();
    failures.sort_by_key(|(actor, from, _)| (actor.clone(), from.clone()));
    failures
}

#[tokio::test]
async fn failures_become_one_audit_record_per_account_network_and_minute() {
    let portal = portal().await;
    for _ in 0..3 {
        try_from(&portal, "192.0.2.1", WRONG, "").await;
    }
    for host in 1..=2 {
        try_from(&portal, &format!("2001:db8::{host}"), WRONG, "").await;
    }
    sign_in(&portal, "192.0.2.2", "my secret password", WRONG, "").await;
    portal.app.store.audit_failures(portal.clock.now()).await.unwrap();
    assert_eq!(failures(&portal).await, []);
    portal.clock.advance(TimeDelta::seconds(65));
    portal.app.store.audit_failures(portal.clock.now()).await.unwrap();
    eventually("they are audited", async || failures(&portal).await.len() == 3).await;
    let row = |actor: &str, from: &str, after| (actor.to_owned(), Some(from.to_owned()), after);
    assert_eq!(
        failures(&portal).await,
        [
            row(OLIVIA, "192.0.2.1", json!({ "failures": 3 })),
            row(OLIVIA, "2001:db8::", json!({ "failures": 2, "network": "2001:db8::/64" })),
            row("unknown account", "192.0.2.2", json!({ "failures": 1 })),
        ]
    );
    let whole = portal.get("/api/v1/audit").await.text;
    assert!(!whole.contains("my secret"), "{whole}");
}

#[tokio::test]
async fn attempts_above_the_limit_are_counted_and_not_listed() {
    let portal = portal().await;
    for account in 0..60 {
        let (name, from) = (format!("user{account}@example.org"), format!("2001:db8::{account:x}"));
        sign_in(&portal, &from, &name, WRONG, "").await;
    }
    bookkeeper::write_sign_in_failures(&portal.app).await.unwrap();
    portal.clock.advance(TimeDelta::seconds(65));
    bookkeeper::write_sign_in_failures(&portal.app).await.unwrap();
    eventually("they are audited", async || failures(&portal).await.len() == 2).await;
    let unknown = json!({ "failures": 50, "network": "2001:db8::/64" });
    assert_eq!(
        failures(&portal).await,
        [
            ("unknown account".into(), Some("2001:db8::".into()), unknown),
            ("various accounts".into(), None, json!({ "refused": 10 })),
        ]
    );
}

/// Somebody fails from so many networks.
async fn fail_from(portal: &Portal, networks: u32) {
    for network in 0..networks {
        let from = Ipv4Addr::from(0xC633_0000 + network);
        let noted = portal.app.store.note_failure(None, Some(from.into()), portal.clock.now());
        noted.await.unwrap();
    }
}

#[tokio::test]
async fn of_a_minute_with_thousands_of_networks_the_audit_log_names_few_and_counts_the_rest() {
    let portal = portal().await;
    let olivia = Address::stored(OLIVIA);
    fail_from(&portal, 2_500).await;
    let noted = portal.app.store.note_failure(
        Some(&olivia),
        Some([192, 0, 2, 1].into()),
        portal.clock.now(),
    );
    noted.await.unwrap();
    portal.clock.advance(TimeDelta::seconds(65));
    bookkeeper::write_sign_in_failures(&portal.app).await.unwrap();
    eventually("they are audited", async || !failures(&portal).await.is_empty()).await;
    let failures = failures(&portal).await;
    assert_eq!(failures.len(), 50);
    let various = failures.iter().filter(|(actor, ..)| actor == "various accounts");
    let various: Vec<_> = various.map(|(_, _, after)| after).collect();
    // Only so many are kept apart in the database, too.
    assert!(various.contains(&&json!({ "failures": 1_952, "networks": 1_952 })), "{various:?}");
    assert!(various.contains(&&json!({ "refused": 501 })), "{various:?}");
}

#[tokio::test]
async fn an_hour_of_guessing_from_everywhere_leaves_the_audit_log_readable_and_the_owner_in() {
    let portal = portal().await;
    let known = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    let before = portal.app.store.last_audit_record().await.unwrap().number;
    for minute in 0..60 {
        fail_from(&portal, 60).await;
        for host in 0..10 {
            // One network has its attempts, and then only knocks.
            let from = format!("2001:db8::{minute:x}:{host:x}");
            sign_in(&portal, &from, &format!("user{host}@example.org"), WRONG, "").await;
        }
        guess_from_everywhere(&portal, minute).await;
        if minute % 10 == 9 {
            assert_eq!(try_from(&portal, "2001:db8::1", PASSWORD, &known).await.status, 303);
        }
        portal.clock.advance(minutes(1));
        bookkeeper::write_sign_in_failures(&portal.app).await.unwrap();
    }
    portal.clock.advance(minutes(1));
    let writes_all = async || {
        bookkeeper::write_sign_in_failures(&portal.app).await.unwrap();
        !portal.app.store.audit_failures(portal.clock.now()).await.unwrap()
    };
    eventually("all is audited", writes_all).await;
    let written = portal.app.store.last_audit_record().await.unwrap().number - before;
    assert!((2_900..=3_006).contains(&written), "{written}");
}

/// The addresses that guess one password for an hour.
fn addresses() -> u32 {
    std::env::var("GUESSING_ADDRESSES").map_or(600, |count| count.parse().unwrap())
}

/// What a minute of the hour brings.
async fn guess_from_everywhere(portal: &Portal, minute: u32) {
    let a_minute = addresses().div_ceil(60);
    let guesses = (0..a_minute).map(async |number| {
        let from = Ipv4Addr::from(0xC612_0000 + minute * a_minute + number);
        try_from(portal, &from.to_string(), WRONG, "").await.status.as_u16()
    });
    for status in futures_util::future::join_all(guesses).await {
        assert!([401, 429, 503].contains(&status), "{status}");
    }
}
