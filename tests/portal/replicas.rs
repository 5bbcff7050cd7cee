//! More than one process on one database.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Database, Portal, eventually, minutes};
use restricted_users::config::Config;
use restricted_users::store::Store;

const OUTSIDE: &str = "bob@remote.example";

#[tokio::test]
async fn what_one_process_commits_every_other_follows() {
    let portal = Portal::start().await;
    let other = portal.replica().await;
    let alice = portal.restricted("alice@example.org").await;
    eventually("the other refuses alice", async || {
        other.policy_answer("alice@example.org", OUTSIDE).await == BAD_OUTBOUND_SENDER
    })
    .await;

    other.unblock(&alice).await;
    portal.clock.advance(minutes(30));
    for process in [&portal, &other] {
        eventually("alice is released", async || {
            process.policy_answer("alice@example.org", OUTSIDE).await == DUNNO
        })
        .await;
    }
    assert_eq!(portal.history(&alice).await, ["restricted", "unblock_requested", "released"]);
}

#[tokio::test]
async fn an_unblock_outlives_the_process_that_took_it() {
    let portal = Portal::start().await;
    let other = portal.replica().await;
    let alice = portal.restricted("alice@example.org").await;
    portal.unblock(&alice).await;
    let clock = portal.clock.clone();
    portal.stop().await;
    clock.advance(minutes(30));
    eventually("the other releases alice", async || {
        other.user(&alice).await["state"] == "released"
    })
    .await;
}

#[tokio::test]
async fn several_that_start_at_once_migrate_an_empty_database_once() {
    let database = Database::create().await;
    let variables = [("RESTRICTED_USERS_DATABASE_URL", database.url.clone())];
    let config = Config::from_variables(variables).unwrap();
    let open = || Store::open(&config.database_url);
    let stores = tokio::join!(open(), open(), open(), open());
    for store in [stores.0, stores.1, stores.2, stores.3] {
        assert!(store.unwrap().is_migrated().await.unwrap());
    }
}

#[tokio::test]
async fn changes_of_two_processes_have_one_order_without_gaps() {
    let portal = Portal::start().await;
    let other = portal.replica().await;
    let restrict = async |portal: &Portal, name: &str| {
        for number in 0..20 {
            portal.restricted(&format!("{name}{number}@example.org")).await;
        }
    };
    tokio::join!(restrict(&portal, "one"), restrict(&other, "other"));
    let changes = portal.app.store.changes_from(1, 100).await.unwrap();
    let numbers: Vec<_> = changes.iter().map(|change| change.number).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    crate::audit_chain::checked(&portal.app.store).await;
    for process in [&portal, &other] {
        eventually("both know everybody", async || process.app.blocklist.len() == 40).await;
    }
}
