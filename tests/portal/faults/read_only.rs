//! Postgres that takes nothing that is written, as a standby does, or a server whose disk fills up.

use super::Load;
use crate::harness::{Database, Portal, eventually};
use restricted_users::model::clock::Clock;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_database_that_is_read_only_for_a_while_loses_nothing() {
    let database = Arc::new(Database::create().await);
    if !database.is_postgres() {
        return;
    }
    let portal = Portal::on(Arc::clone(&database), Clock::default(), Vec::new()).await;
    let load = Load::on(portal.policy_port());
    load.lasts(1).await;

    database.set_read_only(true).await;
    eventually("it is unready", async || !portal.is_ready().await).await;
    let body = json!({ "address": "carol@example.org", "reason": "sent spam" });
    portal.post("/api/v1/restricted-users", body.clone()).await.problem("unavailable");
    let told = json!({ "sender": "carol@example.org", "recipients": ["bob@remote.example"] });
    portal.post("/api/v1/outbound-messages", told.clone()).await.problem("unavailable");
    load.lasts(2).await;
    assert!(!portal.is_ready().await);

    database.set_read_only(false).await;
    eventually("it is ready again", async || portal.is_ready().await).await;
    eventually("it takes what is new", async || {
        portal.post("/api/v1/restricted-users", body.clone()).await.status == 201
    })
    .await;
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
}
