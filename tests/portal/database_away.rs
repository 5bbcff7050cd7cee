//! A database that is away stops no mail; changes are answered 503, and nothing is lost.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Database, Portal, eventually, minutes};
use crate::program::{Serve, result_of};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn while_the_database_is_away_mail_is_decided_from_memory_and_changes_are_refused() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let absence = portal.database.take_away().await;

    let body = json!({ "address": "carol@example.org", "reason": "sent spam" });
    portal.post("/api/v1/restricted-users", body.clone()).await.problem("unavailable");
    assert_eq!(
        portal.policy_answer("alice@example.org", "bob@remote.example").await,
        BAD_OUTBOUND_SENDER
    );
    assert_eq!(portal.policy_answer("carol@example.org", "bob@remote.example").await, DUNNO);
    assert_eq!(portal.send(portal.request(Method::GET, "/healthz")).await.status, 200);
    if portal.database.is_postgres() {
        let ready = portal.send(portal.request(Method::GET, "/readyz")).await;
        assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (503, &json!("unready")));
        assert_eq!(ready.json()["checks"]["database"], "failed");
    }

    portal.database.bring_back(absence).await;
    eventually("the service has its database back", async || {
        portal.post("/api/v1/restricted-users", body.clone()).await.status == 201
    })
    .await;
    eventually("every part has it back", async || portal.is_ready().await).await;
}

#[tokio::test]
async fn what_falls_due_and_what_is_refused_meanwhile_is_made_up_for() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    portal.unblock(&alice).await;
    let absence = portal.database.take_away().await;
    portal.clock.advance(minutes(31));
    for _ in 0..3 {
        let answer = portal.policy_answer("alice@example.org", "bob@remote.example").await;
        assert_eq!(answer, BAD_OUTBOUND_SENDER);
    }
    portal.database.bring_back(absence).await;
    // The unblocker waits a second of the stopped clock before it tries again.
    portal.clock.advance(minutes(1));
    eventually("alice is released", async || {
        portal.get(&format!("/api/v1/restricted-users/{alice}")).await.text.contains("\"released\"")
    })
    .await;
    eventually("the refusals are written", async || {
        let id = alice.parse().unwrap();
        let since = portal.clock.now() - minutes(60);
        let refused = portal.app.store.refusals(&[id], since).await;
        refused.is_ok_and(|refused| refused.get(&id) == Some(&3))
    })
    .await;
}

#[tokio::test]
async fn messages_are_kept_while_the_database_is_away_and_judged_when_it_is_back() {
    let portal = Portal::start().await;
    for number in 0..3 {
        portal.sends_as("alice@example.org", &format!("A{number}"), &["bob@remote.example"]).await;
    }
    // A token is believed without a database when it was good before.
    portal.messages("alice@example.org").await;
    let absence = portal.database.take_away().await;
    // The first finds out within a second; nobody waits after that.
    for number in 0..3 {
        portal.rspamd("alice@example.org", &format!("A{number}"), "add header").await;
        portal.sends_spam("alice@example.org").await;
    }
    let told = json!({ "sender": "carol@example.org", "recipients": ["bob@remote.example"] });
    portal.post("/api/v1/outbound-messages", told).await.problem("unavailable");
    assert_eq!(portal.app.meter.waiting(), 9);
    assert_eq!(portal.policy_answer("alice@example.org", "bob@remote.example").await, DUNNO);

    portal.database.bring_back(absence).await;
    eventually("everything is counted", async || portal.app.meter.waiting() == 0).await;
    eventually("alice is restricted", async || {
        portal.policy_answer("alice@example.org", "bob@remote.example").await == BAD_OUTBOUND_SENDER
    })
    .await;
    let sending = portal.sending("alice@example.org").await;
    assert_eq!((sending.messages_in_day, sending.spam_in_day), (6, 6));
}

#[tokio::test]
async fn the_unblocker_tells_in_a_metric_and_in_the_log_that_it_has_no_database() {
    const AWAY: &str = "restricted_users_database_away{part=\"the unblocker\"}";
    let database = Database::create().await;
    let create = ["token", "create", "--name", "t", "--role", "organization-management"];
    let token = result_of(&database, &create);
    let mut serve = Serve::start(&database, "1s");
    let url = serve.url.clone();
    let send = async |method: Method, path: &str, body: serde_json::Value| {
        let request = reqwest::Client::new().request(method, format!("{url}{path}"));
        let answer = request.bearer_auth(token.trim()).json(&body).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let away = async |value: u8| {
        let metrics = send(Method::GET, "/metrics", json!({})).await;
        metrics.contains(&format!("{AWAY} {value}\n"))
    };
    let body = json!({ "address": "alice@example.org", "reason": "sent spam" });
    send(Method::POST, "/api/v1/restricted-users", body).await;
    let alice = "/api/v1/restricted-users/alice@example.org";
    send(Method::POST, &format!("{alice}/unblock"), json!({})).await;
    let absence = database.take_away().await;
    let goes_on = "the unblocker has no database and goes on trying";
    serve.logs(goes_on, "");
    assert!(away(1).await);

    database.bring_back(absence).await;
    serve.logs("the unblocker has its database back", "");
    assert_eq!(serve.logged(goes_on), 1);
    eventually("alice is released", async || {
        send(Method::GET, alice, json!({})).await.contains("\"released\"")
    })
    .await;
    assert!(away(0).await);
}
