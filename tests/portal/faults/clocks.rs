//! Clocks that are wrong.

use crate::harness::{BAD_OUTBOUND_SENDER, Database, Portal, eventually, minutes};
use crate::program::{Serve, at_another_time, result_of};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};
use std::sync::Arc;

const OUTSIDE: &str = "bob@remote.example";

#[tokio::test]
async fn on_postgres_a_replica_whose_clock_is_ahead_ends_no_delay_early() {
    let database = Database::create().await;
    if !database.is_postgres() {
        return;
    }
    let create = ["token", "create", "--name", "t", "--role", "organization-management"];
    let token = result_of(&database, &create).trim().to_owned();
    let right = Serve::start(&database, "5m");
    let mut wrong = Serve::running(at_another_time(&database, "+5m", "serve"));
    wrong.logs(
        "this machine's clock is behind the database's by so much; the database's is taken",
        "\"seconds\":-",
    );
    let api = async |url: &str, method: reqwest::Method, path: &str, body: Value| {
        let request = Client::new().request(method, format!("{url}/api/v1/{path}"));
        request.bearer_auth(&token).json(&body).send().await.unwrap()
    };
    let (post, get) = (reqwest::Method::POST, reqwest::Method::GET);
    let body = json!({ "address": "alice@example.org", "reason": "spam" });
    api(&right.url, post.clone(), "restricted-users", body).await;
    let unblock = "restricted-users/alice@example.org/unblock";
    let user: Value = api(&right.url, post.clone(), unblock, json!({})).await.json().await.unwrap();
    let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let takes_effect = at(&user["unblock"]["takes_effect_at"]);

    // The other one has rounds enough to find it due by its own clock.
    let body = json!({ "address": "carol@example.org", "reason": "spam" });
    let carol: Value = api(&wrong.url, post, "restricted-users", body).await.json().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let alice = api(&wrong.url, get, "restricted-users/alice@example.org", json!({})).await;
    assert_eq!(alice.json::<Value>().await.unwrap()["state"], "unblocking");
    let restricted_at = at(&carol["restricted_at"]);
    assert!(restricted_at < takes_effect - TimeDelta::minutes(4), "{restricted_at}");
    let doctor = at_another_time(&database, "+5m", "doctor").output().unwrap();
    let says = String::from_utf8(doctor.stdout).unwrap();
    assert!(says.contains("this machine's clock is -300 s behind the database's"), "{says}");
}

#[tokio::test]
async fn a_release_by_a_clock_that_was_ahead_makes_nobody_immune() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let (database, now) = (Arc::clone(&portal.database), portal.clock.now());
    portal.clock.advance(minutes(24 * 60));
    portal.restricted("alice@example.org").await;
    portal.unblock("alice@example.org").await;
    portal.stop().await;

    let portal = Portal::on(database, Clock::stopped(now), Vec::new()).await;
    for _ in 0..5 {
        portal.sends_spam("alice@example.org").await;
    }
    let answer = portal.policy_answer("alice@example.org", OUTSIDE).await;
    assert_eq!(answer, BAD_OUTBOUND_SENDER);
}

#[tokio::test]
async fn new_spam_cancels_an_unblock_that_a_clock_that_was_ahead_asked_for() {
    let portal = Portal::start().await;
    let (database, now) = (Arc::clone(&portal.database), portal.clock.now());
    portal.clock.advance(minutes(24 * 60));
    portal.restricted("alice@example.org").await;
    portal.unblock("alice@example.org").await;
    portal.stop().await;

    let portal = Portal::on(database, Clock::stopped(now), Vec::new()).await;
    portal.rspamd("alice@example.org", "Q1", "add header").await;
    eventually("it is cancelled", async || {
        portal.user("alice@example.org").await["state"] == "restricted"
    })
    .await;
}

#[tokio::test]
async fn a_session_that_a_clock_that_was_ahead_began_is_not_good() {
    let portal = Portal::start().await;
    let (database, now) = (Arc::clone(&portal.database), portal.clock.now());
    portal.clock.advance(minutes(24 * 60));
    let session = portal.session(RoleGroup::GlobalReader).await;
    portal.stop().await;

    let portal = Portal::on(database, Clock::stopped(now), Vec::new()).await;
    let request = portal.request(reqwest::Method::GET, "/api/v1/restricted-users");
    portal.send(request.header("cookie", session)).await.problem("signed-out");
}
