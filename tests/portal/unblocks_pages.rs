//! Unblocking several users at once, in three steps as one.

use crate::harness::{Answer, Portal, minutes};
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};

const STEPS: &str = "/ui/unblocks/steps";
const UNBLOCKS: &str = "/ui/unblocks";

async fn press(portal: &Portal, path: &str, fields: &[(&str, &str)]) -> Answer {
    let session = portal.session(RoleGroup::SecurityAdministrator).await;
    portal.form(path, &session, fields).await
}

/// The ids of some users who were just restricted.
async fn restricted<const N: usize>(portal: &Portal, names: [&str; N]) -> [String; N] {
    let mut ids = Vec::new();
    for name in names {
        ids.push(portal.restricted(&format!("{name}@example.org")).await);
    }
    ids.try_into().unwrap()
}

/// What the audit log keeps of the request to unblock `address`.
async fn request(portal: &Portal, address: &str) -> Value {
    let path = format!("/api/v1/audit?address={address}&action=UnblockRequested");
    portal.get(&path).await.ok()["items"][0]["after"].clone()
}

#[tokio::test]
async fn all_who_are_selected_are_unblocked_with_one_comment_and_the_same_ticks() {
    let portal = Portal::start().await;
    let [alice, bob, carol] = restricted(&portal, ["alice", "bob", "carol"]).await;
    portal.policy_answer("bob@example.org", "eve@remote.example").await;
    portal.write_refusals().await;
    let steps = press(&portal, STEPS, &[("user", &alice), ("user", &bob)]).await.text;
    assert!(steps.contains("<dialog") && steps.contains("Unblock 2 users?"), "{steps}");
    assert!(steps.contains("alice@example.org") && steps.contains("bob@example.org"), "{steps}");
    assert!(steps.contains("Still trying: 1 refused in 10 minutes"), "{steps}");
    assert!(steps.contains("1 of them is still trying to send"), "{steps}");
    assert!(steps.contains("in 30 minutes") && !steps.contains("carol"), "{steps}");

    let fields = [
        ("user", alice.as_str()),
        ("user", &bob),
        ("done", "mfa"),
        ("done", "password"),
        ("comment", "One phishing mail"),
    ];
    let answer = press(&portal, UNBLOCKS, &fields).await.text;
    assert!(answer.contains("The unblocks of 2 users are on their way."), "{answer}");
    assert!(!answer.contains("<dialog"), "{answer}");
    for (id, address) in [(&alice, "alice@example.org"), (&bob, "bob@example.org")] {
        assert!(answer.contains(&format!("<tr id=\"user-{id}\"")), "{answer}");
        let user = portal.user(id).await;
        assert_eq!(user["state"], "unblocking");
        assert_eq!(user["unblock"]["comment"], "One phishing mail");
        let request = request(&portal, address).await;
        assert_eq!(request["done"], json!(["mfa", "password"]));
        let skipped = json!(["sessions", "forwarding", "delegates", "devices"]);
        assert_eq!(request["skipped"], skipped);
    }
    assert_eq!(portal.user(&carol).await["state"], "restricted");
}

#[tokio::test]
async fn who_could_not_be_unblocked_is_listed_with_the_reason() {
    let portal = Portal::with(&[("unblock_limit", "1")]).await;
    let often = portal.restricted("often@example.org").await;
    portal.unblock(&often).await;
    portal.pass(minutes(30)).await;
    let [often, over, alice] = restricted(&portal, ["often", "over", "alice"]).await;
    let selected = [("user", often.as_str()), ("user", &over), ("user", &alice)];
    let steps = press(&portal, STEPS, &selected).await.text;
    assert!(steps.contains("Unblocked once in the last 30 days. Once more takes"), "{steps}");

    portal.unblock(&over).await;
    portal.pass(minutes(30)).await;
    let answer = press(&portal, UNBLOCKS, &selected).await.text;
    let list = answer.split("<dialog").nth(1).unwrap();
    assert!(list.contains("2 of 3 users could not be unblocked"), "{list}");
    assert!(list.contains("often@example.org") && list.contains("unblocked too often"), "{list}");
    assert!(list.contains("over@example.org") && list.contains("has ended"), "{list}");
    assert!(list.contains("The unblock of 1 user is on its way."), "{list}");
    assert!(!list.contains("alice@"), "{list}");
    assert!(answer.contains("Released"), "{answer}");
    assert_eq!(portal.user(&often).await["state"], "restricted");
    assert_eq!(portal.user(&alice).await["state"], "unblocking");
}

#[tokio::test]
async fn without_a_delay_all_are_released_at_once() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let [alice, bob] = restricted(&portal, ["alice", "bob"]).await;
    let selected = [("user", alice.as_str()), ("user", &bob)];
    assert!(press(&portal, STEPS, &selected).await.text.contains("will flow again at once."));
    let answer = press(&portal, UNBLOCKS, &selected).await.text;
    assert!(answer.contains("2 users are released. Their mail flows again."), "{answer}");
    assert_eq!(portal.user(&bob).await["state"], "released");
}

#[tokio::test]
async fn a_selection_that_cannot_be_is_refused_and_nobody_is_unblocked() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    for path in [STEPS, UNBLOCKS] {
        press(&portal, path, &[]).await.invalid("user");
        press(&portal, path, &vec![("user", alice.as_str()); 1_001]).await.invalid("user");
        for other in ["", "alice", "019aafc2-4f0f-7d5e-b5b1-3c4f1f3b6f5e"] {
            let fields = [("user", alice.as_str()), ("user", other)];
            press(&portal, path, &fields).await.problem("not-found");
        }
    }
    let fields = [("user", alice.as_str()), ("done", "nothing")];
    press(&portal, UNBLOCKS, &fields).await.invalid("done");
    let long = "x".repeat(501);
    let fields = [("user", alice.as_str()), ("comment", &long)];
    press(&portal, UNBLOCKS, &fields).await.invalid("comment");
    assert_eq!(portal.user(&alice).await["state"], "restricted");
}
