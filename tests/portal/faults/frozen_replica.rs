//! A replica that freezes, as a machine does whose memory is swapped out, perhaps in a transaction.

use super::Load;
use crate::harness::{Database, Portal, eventually};
use crate::program::{Serve, result_of};
use restricted_users::model::clock::Clock;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Freezes of so many hit a transaction in most runs.
fn freezes() -> usize {
    std::env::var("FREEZES").map_or(2, |count| count.parse().unwrap())
}

#[tokio::test]
async fn while_a_replica_is_frozen_the_others_restrict_and_unblock() {
    let database = Arc::new(Database::create().await);
    if !database.is_postgres() {
        return;
    }
    let create = ["token", "create", "--name", "t", "--role", "organization-management"];
    let token = result_of(&database, &create);
    let settings = vec![("propagation_delay".to_owned(), "0s".to_owned())];
    let portal = Portal::on(Arc::clone(&database), Clock::default(), settings).await;
    let frozen = Serve::start(&database, "0s");
    let (url, token) = (frozen.url.clone(), token.trim().to_owned());
    // It changes restrictions without end, so that it is in a transaction more often than not.
    let changes = tokio::spawn(async move {
        let http = reqwest::Client::new();
        for number in 0.. {
            let body = json!({ "address": format!("f{number}@example.org"), "reason": "spam" });
            let request = http.post(format!("{url}/api/v1/restricted-users"));
            if request.bearer_auth(&token).json(&body).send().await.is_err() {
                break;
            }
        }
    });
    let load = Load::on(&frozen.policy);
    for freeze in 0..freezes() {
        load.lasts(1).await;
        frozen.signal("STOP");
        let address = format!("alice{freeze}@example.org");
        let body = json!({ "address": address, "reason": "sent spam" });
        eventually("the other one restricts", async || {
            portal.post("/api/v1/restricted-users", body.clone()).await.status == 201
        })
        .await;
        let unblock = format!("/api/v1/restricted-users/{address}/unblock");
        eventually("the other one unblocks", async || {
            portal.post(&unblock, json!({})).await.status == 202
        })
        .await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        frozen.signal("CONT");
    }
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    frozen.kill();
    changes.await.unwrap();
    crate::audit_chain::checked(&portal.app.store).await;
}
