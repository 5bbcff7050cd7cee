//! `kill -9` at any instant loses nothing that was acknowledged and releases nobody twice or early.

use crate::audit_chain;
use crate::harness::{Database, eventually};
use crate::program::{Serve, open, result_of};
use chrono::{DateTime, Utc};
use reqwest::Client;
use restricted_users::model::history::Event;
use restricted_users::model::restriction::State;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

const DELAY: &str = "1s";

/// How often the program is killed; 20 is asked for.
fn rounds() -> u64 {
    std::env::var("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

#[tokio::test]
async fn kill_9_loses_nothing_acknowledged_and_releases_nobody_twice_or_early() {
    let database = Database::create().await;
    let create = ["token", "create", "--name", "kill", "--role", "organization-management"];
    let token = result_of(&database, &create).trim().to_owned();
    let mut acknowledged = BTreeMap::new();
    for round in 0..rounds() {
        let serve = Serve::start(&database, DELAY);
        let stream = tokio::spawn(unblock_many(serve.url.clone(), token.clone(), round));
        // Each round a little later, so that the kill falls into every stage: requests, releases.
        tokio::time::sleep(Duration::from_millis(100 + 1_900 * round / rounds())).await;
        serve.kill();
        acknowledged.extend(stream.await.unwrap());
    }
    assert!(!acknowledged.is_empty());
    check(&database, &acknowledged).await;
}

/// Restricts and unblocks one after the other until the service is gone; answers what was
/// acknowledged.
async fn unblock_many(url: String, token: String, round: u64) -> BTreeMap<Uuid, Value> {
    let (client, mut acknowledged) = (Client::new(), BTreeMap::new());
    let post = |path: String, body: Value| {
        let request = client.post(format!("{url}{path}")).bearer_auth(&token).json(&body);
        async move { request.send().await?.json::<Value>().await }
    };
    for number in 0.. {
        let body = json!({ "address": format!("user{round}-{number}@example.org"), "reason": "x" });
        let Ok(user) = post("/api/v1/restricted-users".into(), body).await else { break };
        let id = user["id"].as_str().unwrap();
        acknowledged.insert(id.parse().unwrap(), user.clone());
        let path = format!("/api/v1/restricted-users/{id}/unblock");
        let Ok(user) = post(path, json!({})).await else { break };
        acknowledged.insert(id.parse().unwrap(), user.clone());
    }
    acknowledged
}

async fn check(database: &Database, acknowledged: &BTreeMap<Uuid, Value>) {
    let serve = Serve::start(database, DELAY);
    let store = open(database).await;
    eventually("nothing is due any more", async || store.next_release().await.unwrap().is_none())
        .await;
    for (id, user) in acknowledged {
        let restriction = store.restriction(*id).await.unwrap().expect("it was acknowledged");
        let history = store.history(*id).await.unwrap();
        let released: Vec<_> =
            history.iter().filter(|entry| entry.event == Event::Released).collect();
        if user["unblock"].is_object() {
            assert_eq!(restriction.state(), State::Released, "{restriction:?}");
            let due: DateTime<Utc> =
                user["unblock"]["takes_effect_at"].as_str().unwrap().parse().unwrap();
            assert_eq!(released.len(), 1, "{history:?}");
            assert!(released[0].at >= due, "released early: {restriction:?}");
        } else {
            assert!(released.len() <= 1, "{history:?}");
        }
    }
    audit_chain::checked(&store).await;
    serve.kill();
}
