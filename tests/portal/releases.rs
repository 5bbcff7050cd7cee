//! Releases: all that are due, each exactly once, and never against a cancel.

use crate::harness::{Portal, eventually, minutes};
use crate::program::{Serve, open};
use restricted_users::model::address::Address;
use restricted_users::model::reason::Cause;
use restricted_users::store::ImportRow;
use std::sync::Arc;

/// How many fall due at once; the figure asked for is 100,000.
fn due_at_once() -> usize {
    std::env::var("RELEASES").map_or(3_000, |count| count.parse().unwrap())
}

/// So many senders whose day blocks end at the next midnight.
async fn day_blocks(portal: &Portal, count: usize) {
    let now = portal.clock.now();
    let rows: Vec<_> = (0..count)
        .map(|number| ImportRow {
            address: Address::stored(&format!("user{number}@example.org")),
            cause: Cause::SendingLimit,
            reason: "EmailSendingLimitExceeded".into(),
            created: Some(now - minutes(1)),
            changed: None,
            temporary: true,
        })
        .collect();
    for chunk in rows.chunks(1_000) {
        assert_eq!(portal.app.store.import(chunk, now).await.unwrap().imported, chunk.len());
    }
    restricted_users::follower::follow(&portal.app).await.unwrap();
}

#[tokio::test]
async fn day_blocks_end_by_themselves_at_utc_midnight() {
    let portal = Portal::start().await;
    day_blocks(&portal, 1).await;
    let user = portal.user("user0@example.org").await;
    assert_eq!(
        (&user["temporary"], &user["ends_at"]),
        (&true.into(), &"2026-11-24T00:00:00Z".into())
    );
    portal.pass(minutes(14 * 60 - 1)).await;
    assert_eq!(portal.user("user0@example.org").await["state"], "restricted");
    portal.pass(minutes(1)).await;
    assert_eq!(portal.user("user0@example.org").await["state"], "released");
    assert_eq!(portal.history("user0@example.org").await, ["restricted", "released"]);
    assert_eq!(portal.audited("user0@example.org").await, ["Delisted"]);
}

#[tokio::test]
async fn an_unblock_of_a_day_block_takes_effect_at_its_midnight_at_the_latest() {
    let portal = Portal::start().await;
    day_blocks(&portal, 2).await;
    let early = portal.unblock("user0@example.org").await;
    assert_eq!(early["unblock"]["takes_effect_at"], "2026-11-23T10:30:00Z");
    portal.pass(minutes(14 * 60 - 10)).await;
    let late = portal.unblock("user1@example.org").await;
    assert_eq!(late["unblock"]["takes_effect_at"], "2026-11-24T00:00:00Z");
    portal.cancel_unblock("user1@example.org").await.ok();
    portal.pass(minutes(10)).await;
    assert_eq!(portal.user("user1@example.org").await["state"], "released");
}

/// Asks for the unblock of everybody, as of the time they were restricted.
const UNBLOCK_ALL: &str = "UPDATE restrictions
    SET unblock_requested_by = 'olivia@example.org', unblock_requested_at = restricted_at,
        takes_effect_at = restricted_at, ends_at = NULL, temporary = FALSE";

#[tokio::test]
async fn what_falls_due_at_one_instant_is_released_exactly_once_by_two_processes() {
    let count = due_at_once();
    let portal = Portal::start().await;
    day_blocks(&portal, count).await;
    let (database, store) = (Arc::clone(&portal.database), open(&portal.database).await);
    portal.stop().await;
    database.try_execute(UNBLOCK_ALL).await.unwrap();
    let processes = [Serve::start(&database, "30m"), Serve::start(&database, "30m")];
    eventually("all are released", async || store.next_release().await.unwrap().is_none()).await;
    for process in processes {
        process.kill();
    }
    // Each line of history and each audit record stands once: import and release of everybody.
    let changes = store.last_change().await.unwrap().unwrap().number;
    assert_eq!(usize::try_from(changes).unwrap(), 2 * count);
    let records = crate::audit_chain::checked(&store).await;
    let mut delisted: Vec<_> = records
        .iter()
        .filter(|record| record["action"] == "Delisted")
        .map(|record| record["address"].as_str().unwrap())
        .collect();
    assert_eq!(delisted.len(), count);
    delisted.sort_unstable();
    delisted.dedup();
    assert_eq!(delisted.len(), count);
}

#[tokio::test]
async fn a_cancel_and_a_release_never_both_win() {
    let portal = Portal::start().await;
    for round in 0..10 {
        let address = format!("user{round}@example.org");
        let id = portal.restricted(&address).await;
        portal.unblock(&id).await;
        portal.clock.advance(minutes(30));
        let cancelled = portal.cancel_unblock(&id).await.status == 200;
        if !cancelled {
            eventually("the release is there", async || {
                portal.user(&id).await["state"] == "released"
            })
            .await;
        }
        let history = portal.history(&id).await;
        let end = if cancelled { "unblock_cancelled" } else { "released" };
        assert_eq!(history, ["restricted", "unblock_requested", end]);
    }
}
