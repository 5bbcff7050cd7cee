//! From restricted over unblocking to released, as contract.md tells the life of a restriction.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, minutes};
use serde_json::json;

const OUTSIDE: &str = "bob@remote.example";

#[tokio::test]
async fn an_unblock_takes_effect_when_its_delay_is_over() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;

    let user = portal.unblock(&alice).await;
    assert_eq!(user["state"], "unblocking");
    assert_eq!(user["unblock"]["requested_at"], "2026-11-23T10:00:00Z");
    assert_eq!(user["unblock"]["takes_effect_at"], "2026-11-23T10:30:00Z");
    assert_eq!(portal.policy_answer("Alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);

    portal.pass(minutes(29)).await;
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);

    portal.pass(minutes(1)).await;
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, DUNNO);
    let user = portal.user(&alice).await;
    assert_eq!(user["state"], "released");
    assert_eq!(user["released_at"], "2026-11-23T10:30:00Z");
    assert_eq!(portal.history(&alice).await, ["restricted", "unblock_requested", "released"]);
    assert_eq!(
        portal.audited("alice@example.org").await,
        ["Listed", "UnblockRequested", "Delisted"]
    );
}

#[tokio::test]
async fn the_unblocker_wakes_by_itself_at_the_due_time() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    portal.unblock(&alice).await;
    portal.clock.advance(minutes(30));
    crate::harness::eventually("alice is released", async || {
        portal.user(&alice).await["state"] == "released"
    })
    .await;
}

#[tokio::test]
async fn a_restriction_is_in_force_when_its_request_is_answered() {
    let portal = Portal::start().await;
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, DUNNO);
    portal.restricted("alice@example.org").await;
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);
}

#[tokio::test]
async fn without_a_delay_an_unblock_releases_at_once() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let alice = portal.restricted("alice@example.org").await;
    assert_eq!(portal.unblock(&alice).await["state"], "released");
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, DUNNO);
    assert_eq!(portal.history(&alice).await, ["restricted", "unblock_requested", "released"]);
    assert_eq!(
        portal.audited("alice@example.org").await,
        ["Listed", "UnblockRequested", "Delisted"]
    );
}

#[tokio::test]
async fn a_cancelled_unblock_never_takes_effect() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    portal.unblock(&alice).await;
    let user = portal.cancel_unblock(&alice).await.ok();
    assert_eq!((&user["state"], &user["unblock"]), (&json!("restricted"), &json!(null)));

    portal.pass(minutes(60)).await;
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);
    assert_eq!(
        portal.history(&alice).await,
        ["restricted", "unblock_requested", "unblock_cancelled"]
    );
}

#[tokio::test]
async fn cancelling_what_is_not_pending_changes_nothing() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    assert_eq!(portal.cancel_unblock(&alice).await.ok()["state"], "restricted");
    portal.unblock(&alice).await;
    portal.pass(minutes(30)).await;
    portal.cancel_unblock(&alice).await.problem("not-restricted");
    assert_eq!(portal.history(&alice).await, ["restricted", "unblock_requested", "released"]);
}

#[tokio::test]
async fn asking_twice_keeps_the_first_times() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    let first = portal.unblock(&alice).await;
    portal.pass(minutes(10)).await;
    assert_eq!(portal.unblock(&alice).await, first);
    assert_eq!(portal.history(&alice).await, ["restricted", "unblock_requested"]);
    portal.pass(minutes(20)).await;
    let path = format!("/api/v1/restricted-users/{alice}/unblock");
    portal.post(&path, json!({})).await.problem("not-restricted");
}

#[tokio::test]
async fn a_restriction_after_a_release_is_a_new_one() {
    let portal = Portal::start().await;
    let first = portal.restricted("alice@example.org").await;
    portal.unblock(&first).await;
    portal.pass(minutes(30)).await;
    let second = portal.restricted("alice@example.org").await;
    assert_ne!(first, second);
    assert_eq!(portal.policy_answer("alice@example.org", OUTSIDE).await, BAD_OUTBOUND_SENDER);
    assert_eq!(portal.user("alice@example.org").await["id"], second);
    assert_eq!(portal.user(&first).await["state"], "released");
}

#[tokio::test]
async fn an_address_names_its_active_restriction_else_its_latest() {
    let portal = Portal::start().await;
    let mut last = String::new();
    for _ in 0..2 {
        last = portal.restricted("alice@example.org").await;
        portal.unblock("Alice@Example.org").await;
        portal.pass(minutes(31)).await;
    }
    assert_eq!(portal.user("alice").await["id"], last);
    portal.get("/api/v1/restricted-users/nobody@example.org").await.problem("not-found");
}

#[tokio::test]
async fn whoever_is_restricted_cannot_be_restricted_again() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let again = json!({ "address": "\"ALICE\"@example.org.", "reason": "again" });
    portal.post("/api/v1/restricted-users", again).await.problem("already-restricted");
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_restricts_and_one_unblocks() {
    let portal = Portal::start().await;
    let body = json!({ "address": "alice@example.org", "reason": "sent spam" });
    let restrict = || portal.post("/api/v1/restricted-users", body.clone());
    let answers = tokio::join!(restrict(), restrict(), restrict(), restrict());
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status]
        .map(|s| s.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);

    let unblock = || portal.unblock("alice@example.org");
    let users = tokio::join!(unblock(), unblock(), unblock(), unblock());
    assert_eq!((&users.0, &users.1), (&users.2, &users.3));
    assert_eq!(portal.history("alice@example.org").await, ["restricted", "unblock_requested"]);
}

#[tokio::test]
async fn the_fourth_unblock_within_30_days_takes_organization_management() {
    use restricted_users::model::operator::RoleGroup::{
        OrganizationManagement, SecurityAdministrator,
    };
    let portal = Portal::start().await;
    for _ in 0..3 {
        portal.restricted("alice@example.org").await;
        portal.unblock("alice@example.org").await;
        portal.pass(minutes(30)).await;
    }
    portal.restricted("alice@example.org").await;
    let security_administrator = portal.token(SecurityAdministrator).await;
    let ask = || {
        let path = "/api/v1/restricted-users/alice@example.org/unblock";
        portal
            .send(portal.request(reqwest::Method::POST, path).bearer_auth(&security_administrator))
    };
    ask().await.problem("unblock-limit");
    for (role, warning) in [
        (SecurityAdministrator, "Once more takes somebody in Organization Management"),
        (OrganizationManagement, "Make sure that the cause is gone"),
    ] {
        let request =
            portal.request(reqwest::Method::GET, "/ui/restrictedusers/alice@example.org/unblock");
        let page = portal.send(request.header("cookie", portal.session(role).await)).await.text;
        assert!(page.contains("unblocked 3 times") && page.contains(warning), "{role}: {page}");
    }
    assert_eq!(portal.unblock("alice@example.org").await["state"], "unblocking");

    portal.cancel_unblock("alice@example.org").await.ok();
    portal.pass(minutes(30 * 24 * 60)).await;
    assert_eq!(ask().await.ok()["state"], "unblocking");
}

#[tokio::test]
async fn of_many_looked_up_at_once_each_is_answered_as_alone() {
    let portal = Portal::start().await;
    for number in 0..40 {
        portal.restricted(&format!("user{number}@example.org")).await;
    }
    let released = portal.restricted("released@example.org").await;
    portal.unblock(&released).await;
    portal.pass(minutes(30)).await;

    // More than one statement reads, some of them twice.
    let names = (0..100).map(|number| format!("user{}@example.org", number % 50));
    let names: Vec<_> = names.chain(["released@example.org".into()]).collect();
    let look_up = async |name: &String| {
        let user = portal.get(&format!("/api/v1/restricted-users/{name}")).await;
        if user.status == 404 { None } else { Some(user.ok()["address"].clone()) }
    };
    let found = futures_util::future::join_all(names.iter().map(look_up)).await;
    for (name, found) in names.iter().zip(found) {
        let number = name.strip_prefix("user").and_then(|rest| rest.split('@').next());
        let is_known = number.is_none_or(|number| number.parse::<u32>().unwrap() < 40);
        assert_eq!(found, is_known.then(|| json!(name)), "{name}");
    }
}

#[tokio::test]
async fn a_comment_and_who_asked_stay_on_the_released_entry() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    let path = format!("/api/v1/restricted-users/{alice}/unblock");
    portal.post(&path, json!({ "comment": "password changed" })).await.ok();
    portal.pass(minutes(30)).await;
    let unblock = &portal.user(&alice).await["unblock"];
    assert_eq!(unblock["comment"], "password changed");
    assert!(unblock["requested_by"].as_str().unwrap().starts_with("Organization Management"));
}

#[tokio::test]
async fn many_are_unblocked_in_one_call_each_answered_as_alone() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    portal.restricted("carol@example.org").await;
    portal.unblock("carol@example.org").await;
    portal.pass(minutes(30)).await;
    let addresses = ["alice@example.org", "carol@example.org", "nobody@example.org", "a\u{7}b"];
    let body = json!({ "addresses": addresses, "comment": "all clean" });
    let answer = portal.post("/api/v1/unblocks", body).await.ok();
    let outcomes: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["status"].as_u64().unwrap(), item["problem"]["type"].as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (202, None),
            (409, Some("/problems/not-restricted")),
            (404, Some("/problems/not-found")),
            (404, Some("/problems/not-found")),
        ]
    );
}
