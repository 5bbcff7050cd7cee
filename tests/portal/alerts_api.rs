//! Alerts and alert policies over the API.

use crate::audit_chain;
use crate::harness::{Portal, minutes, texts};
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const ALERTS: &str = "/api/v1/alerts";
const POLICIES: &str = "/api/v1/alert-policies";

/// The alerts that a query finds, newest first.
async fn alerts(portal: &Portal, query: &str) -> Vec<Value> {
    let list = portal.get(&format!("{ALERTS}?{query}")).await.ok();
    list["items"].as_array().unwrap().clone()
}

/// The path of the only alert about a sender who has just been restricted.
async fn alert_about(portal: &Portal, address: &str) -> String {
    portal.restricted(address).await;
    let alerts = alerts(portal, "").await;
    let alert = alerts.iter().find(|alert| alert["address"] == address).unwrap();
    format!("{ALERTS}/{}", alert["id"].as_str().unwrap())
}

async fn operator(portal: &Portal, address: &str) {
    let new = json!({ "address": address, "role_group": "security_administrator" });
    portal.post("/api/v1/operators", new).await.ok();
}

#[tokio::test]
async fn a_restriction_raises_an_alert_that_is_listed_and_resolved_with_the_release() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let alice = portal.restricted("alice@example.org").await;
    let alert = alerts(&portal, "").await.remove(0);
    let expected = json!({
        "id": alert["id"],
        "policy": "user-restricted",
        "severity": "high",
        "status": "new",
        "address": "alice@example.org",
        "restricted_user_id": alice,
        "created_at": "2026-11-23T10:00:00Z",
        "changed_at": "2026-11-23T10:00:00Z",
        "activities": 1,
        "assigned_to": null,
        "comments": [],
    });
    assert_eq!(alert, expected);
    let path = format!("{ALERTS}/{}", alert["id"].as_str().unwrap());
    assert_eq!(portal.get(&path).await.ok(), expected);

    portal.clock.advance(minutes(5));
    portal.unblock(&alice).await;
    let alert = portal.get(&path).await.ok();
    assert_eq!(alert["status"], "resolved");
    assert_eq!(alert["changed_at"], "2026-11-23T10:05:00Z");
    assert_eq!(alert["comments"][0]["by"], "system");
    let text = alert["comments"][0]["text"].as_str().unwrap();
    assert!(text.contains("the user was released"), "{text}");
}

#[tokio::test]
async fn an_alert_is_taken_commented_resolved_and_opened_again() {
    let portal = Portal::start().await;
    operator(&portal, "olivia@example.org").await;
    let path = alert_about(&portal, "alice@example.org").await;
    let work = json!({
        "status": "in_progress", "assigned_to": "Olivia@Example.org", "comment": "Called her",
    });
    let alert = portal.patch(&path, work).await.ok();
    assert_eq!(alert["status"], "in_progress");
    assert_eq!(alert["assigned_to"], "olivia@example.org");
    assert_eq!(texts(&alert["comments"], "text"), ["Called her"]);
    assert_eq!(portal.get(&path).await.ok(), alert);

    // What is absent stays.
    let alert = portal.patch(&path, json!({ "status": "resolved" })).await.ok();
    assert_eq!(alert["assigned_to"], "olivia@example.org");
    let alert = portal.patch(&path, json!({ "status": "new", "assigned_to": null })).await.ok();
    assert_eq!((&alert["status"], &alert["assigned_to"]), (&json!("new"), &Value::Null));
    assert_eq!(portal.patch(&path, json!({})).await.ok(), alert);

    let records = audit_chain::checked(&portal.app.store).await;
    let updated = records.iter().filter(|record| record["action"] == "AlertUpdated");
    let told: Vec<_> =
        updated.map(|it| (&it["before"]["status"], &it["after"]["status"])).collect();
    let (new, taken, resolved) = (json!("new"), json!("in_progress"), json!("resolved"));
    assert_eq!(told, [(&new, &taken), (&taken, &resolved), (&resolved, &new)]);
}

#[tokio::test]
async fn what_cannot_be_done_with_an_alert_names_the_field_and_changes_nothing() {
    let portal = Portal::start().await;
    let path = alert_about(&portal, "alice@example.org").await;
    let before = portal.get(&path).await.ok();
    for (work, field) in [
        (json!({ "status": "done" }), "status"),
        (json!({ "assigned_to": "nobody@example.org" }), "assigned_to"),
        (json!({ "assigned_to": "no address \u{0}" }), "assigned_to"),
        (json!({ "comment": "" }), "comment"),
        (json!({ "comment": " \n" }), "comment"),
        (json!({ "comment": "NUL \u{0}" }), "comment"),
        (json!({ "comment": "x".repeat(2_001) }), "comment"),
        (json!({ "severity": "low" }), "severity"),
        (json!([]), "body"),
    ] {
        portal.patch(&path, work).await.invalid(field);
    }
    let both = json!({ "assigned_to": "nobody@example.org", "comment": "" });
    assert_eq!(portal.patch(&path, both).await.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(portal.get(&path).await.ok(), before);
    portal.patch(&path, json!({ "comment": "ü".repeat(2_000) })).await.ok();
    for nothing in ["0", "00000000-0000-0000-0000-000000000000"] {
        let path = format!("{ALERTS}/{nothing}");
        portal.get(&path).await.problem("not-found");
        portal.patch(&path, json!({ "status": "resolved" })).await.problem("not-found");
    }
}

#[tokio::test]
async fn two_who_work_on_an_alert_at_once_lose_no_comment() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    let path = alert_about(&portal, "alice@example.org").await;
    let texts: Vec<String> = (0..10).map(|number| format!("Comment {number}")).collect();
    let comments = texts.iter().enumerate().map(|(place, text)| {
        let at = if place % 2 == 0 { &portal } else { &replica };
        at.patch(&path, json!({ "comment": text, "status": "in_progress" }))
    });
    for answer in futures_util::future::join_all(comments).await {
        answer.ok();
    }
    let alert = portal.get(&path).await.ok();
    let mut kept = crate::harness::texts(&alert["comments"], "text");
    kept.sort();
    assert_eq!(kept, texts);
    assert_eq!(alert["status"], "in_progress");
}

#[tokio::test]
async fn the_list_is_filtered_and_its_pages_neither_repeat_nor_skip() {
    let portal = Portal::start().await;
    for number in 0..5 {
        portal.restricted(&format!("user{number}@example.org")).await;
    }
    let first = alerts(&portal, "limit=1").await.remove(0);
    assert_eq!(first["address"], "user4@example.org");
    let path = format!("{ALERTS}/{}", first["id"].as_str().unwrap());
    portal.patch(&path, json!({ "status": "resolved" })).await.ok();

    let mut seen = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let path = format!("{ALERTS}?status=new&policy=user-restricted&limit=2&cursor={cursor}");
        let page = portal.get(&path).await.ok();
        seen.extend(texts(&page["items"], "address"));
        next = page["next_cursor"].as_str().map(Into::into);
    }
    let expected = [3, 2, 1, 0].map(|number| format!("user{number}@example.org"));
    assert_eq!(seen, expected);
    assert_eq!(alerts(&portal, "status=resolved").await.len(), 1);
    assert!(alerts(&portal, "policy=sending-limit").await.is_empty());

    let cursor = portal.get(&format!("{ALERTS}?limit=1")).await.ok()["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for (query, field) in [
        (format!("status=new&cursor={cursor}"), "cursor"),
        ("cursor=x".into(), "cursor"),
        ("status=open".into(), "status"),
        ("policy=other".into(), "policy"),
        ("limit=0".into(), "limit"),
        ("limit=201".into(), "limit"),
        ("search=alice".into(), "search"),
    ] {
        portal.get(&format!("{ALERTS}?{query}")).await.invalid(field);
    }
}

#[tokio::test]
async fn the_four_policies_come_with_the_names_of_exchange_and_are_on() {
    let portal = Portal::start().await;
    let list = portal.get(POLICIES).await.ok();
    let ids = ["user-restricted", "release-failed", "suspicious-sending", "sending-limit"];
    assert_eq!(texts(&list["items"], "id"), ids);
    assert_eq!(list["next_cursor"], Value::Null);
    let restricted = json!({
        "id": "user-restricted",
        "name": "User restricted from sending email",
        "category": "Threat management",
        "severity": "high",
        "enabled": true,
        "recipients": [],
        "daily_limit": 100,
    });
    assert_eq!(list["items"][0], restricted);
    assert_eq!(portal.get(&format!("{POLICIES}/user-restricted")).await.ok(), restricted);
    portal.get(&format!("{POLICIES}/other")).await.problem("not-found");
    portal.put(&format!("{POLICIES}/other"), json!({})).await.problem("not-found");
}

#[tokio::test]
async fn a_policy_is_changed_as_a_whole_and_audited() {
    let portal = Portal::start().await;
    let path = format!("{POLICIES}/user-restricted");
    let mut policy = portal.get(&path).await.ok();
    policy["severity"] = json!("low");
    policy["recipients"] = json!([" a@example.org", "B@Elsewhere.example", "A@example.org"]);
    policy["daily_limit"] = Value::Null;
    let changed = portal.put(&path, policy.clone()).await.ok();
    policy["recipients"] = json!(["a@example.org", "B@Elsewhere.example"]);
    assert_eq!(changed, policy);
    assert_eq!(portal.get(&path).await.ok(), policy);
    // Once more changes nothing, and is not audited again.
    portal.put(&path, policy).await.ok();
    let records = audit_chain::checked(&portal.app.store).await;
    let audited: Vec<_> =
        records.iter().filter(|it| it["action"] == "AlertPolicyChanged").collect();
    assert_eq!(audited.len(), 1);
    assert_eq!(
        (&audited[0]["before"]["severity"], &audited[0]["after"]["severity"]),
        (&json!("high"), &json!("low"))
    );

    let default = portal.put(&path, json!({})).await.ok();
    assert_eq!(default["severity"], "high");
    assert_eq!((&default["enabled"], &default["daily_limit"]), (&json!(true), &json!(100)));
}

#[tokio::test]
async fn a_policy_that_is_off_raises_no_alert() {
    let portal = Portal::start().await;
    let path = format!("{POLICIES}/user-restricted");
    portal.put(&path, json!({ "enabled": false })).await.ok();
    portal.restricted("alice@example.org").await;
    assert!(alerts(&portal, "").await.is_empty());
    portal.put(&path, json!({ "severity": "informational" })).await.ok();
    portal.restricted("bob@example.org").await;
    assert_eq!(alerts(&portal, "").await[0]["severity"], "informational");
}

#[tokio::test]
async fn what_a_policy_does_not_take_names_the_field_and_changes_nothing() {
    let portal = Portal::start().await;
    let path = format!("{POLICIES}/sending-limit");
    let many: Vec<String> = (0..51).map(|number| format!("u{number}@example.org")).collect();
    for (document, field) in [
        (json!({ "id": "user-restricted" }), "id"),
        (json!({ "name": "Mine" }), "name"),
        (json!({ "category": "Others" }), "category"),
        (json!({ "severity": "extreme" }), "severity"),
        (json!({ "enabled": "yes" }), "enabled"),
        (json!({ "recipients": ["a@example.org", "alice"] }), "recipients[1]"),
        (json!({ "recipients": ["a@example.org\r\nBcc: b@example.org"] }), "recipients[0]"),
        (json!({ "recipients": ["Alice <a@example.org>"] }), "recipients[0]"),
        (json!({ "recipients": many }), "recipients"),
        (json!({ "daily_limit": 0 }), "daily_limit"),
        (json!({ "daily_limit": 1_441 }), "daily_limit"),
        (json!({ "daily_limit": 1.5 }), "daily_limit"),
        (json!({ "webhook": "x" }), "webhook"),
    ] {
        portal.put(&path, document).await.invalid(field);
    }
    assert_eq!(portal.get(&path).await.ok()["recipients"], json!([]));
    portal.put(&path, json!({ "recipients": many[..50], "daily_limit": 1_440 })).await.ok();
}

#[tokio::test]
async fn readers_see_alerts_and_policies_and_change_neither() {
    let portal = Portal::start().await;
    let path = alert_about(&portal, "alice@example.org").await;
    let token = portal.token(RoleGroup::SecurityReader).await;
    let ask = |method, path: &str| portal.request(method, path).bearer_auth(&token);
    portal.send(ask(reqwest::Method::GET, &path)).await.ok();
    let work = ask(reqwest::Method::PATCH, &path).json(&json!({ "status": "resolved" }));
    let told = portal.send(work).await.problem("forbidden");
    assert!(told.contains("may not work on alerts"), "{told}");
    let policy = format!("{POLICIES}/user-restricted");
    portal.send(ask(reqwest::Method::GET, &policy)).await.ok();
    let off = ask(reqwest::Method::PUT, &policy).json(&json!({ "enabled": false }));
    portal.send(off).await.problem("forbidden");
    assert_eq!(portal.get(&path).await.ok()["status"], "new");
}
