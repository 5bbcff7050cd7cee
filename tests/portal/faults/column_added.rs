//! A newer program adds a column while an older one runs.

use super::Load;
use crate::harness::{BAD_OUTBOUND_SENDER, Database, Portal, eventually};
use restricted_users::model::clock::Clock;
use std::sync::Arc;

const TABLES: [&str; 7] =
    ["restrictions", "history", "messages", "alerts", "tokens", "sessions", "operators"];

#[tokio::test]
async fn a_column_that_a_newer_program_adds_disturbs_nothing_that_runs() {
    let database = Arc::new(Database::create().await);
    let settings = vec![("propagation_delay".to_owned(), "0s".to_owned())];
    let portal = Portal::on(Arc::clone(&database), Clock::default(), settings).await;
    // Everything is prepared.
    for _ in 0..3 {
        lives(&portal).await;
    }
    let load = Load::on(portal.policy_port());
    load.lasts(1).await;
    for table in TABLES {
        database.execute(format!("ALTER TABLE {table} ADD COLUMN added_later TEXT")).await;
        lives(&portal).await;
    }
    assert!(portal.is_ready().await);
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
}

/// Somebody is restricted, found, counted, and released.
async fn lives(portal: &Portal) {
    let address = format!("{}@example.org", uuid::Uuid::now_v7());
    for _ in 0..5 {
        portal.sends_spam(&address).await;
    }
    eventually("the fifth spam restricts", async || {
        portal.policy_answer(&address, "bob@remote.example").await == BAD_OUTBOUND_SENDER
    })
    .await;
    for path in ["restricted-users?state=all", "messages", "alerts", "audit", "events?after=0"] {
        portal.get(&format!("/api/v1/{path}")).await.ok();
    }
    assert_eq!(portal.user(&address).await["cause"], "outbound_spam");
    assert_eq!(portal.unblock(&address).await["state"], "released");
    assert_eq!(portal.history(&address).await, ["restricted", "unblock_requested", "released"]);
}
