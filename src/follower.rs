//! Keeps the blocklist in step with what other processes commit.

use crate::app::App;
use crate::blocklist::Change;
use crate::store::Result;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the store is asked for changes of other processes, which shall be known within a
/// second. It is one look at the end of an index.
const EVERY: Duration = Duration::from_millis(250);

/// How many changes are fetched at once, so that a large import is followed in small bites.
const AT_ONCE: i64 = 1_000;

/// Runs until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("blocklist", "the blocklist");
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        rounds.round(follow(app)).await;
    }
}

/// Takes in everything that was committed since the last time. Where the database went back to an
/// earlier state, as after a failover or a restore that lost transactions, starts over with what it
/// has.
pub async fn follow(app: &App) -> Result<()> {
    loop {
        let known = app.blocklist.known();
        let first = known.followed.map_or(1, |followed| followed.number);
        let changes = app.background.changes_from(first, AT_ONCE).await?;
        let all = i64::try_from(changes.len()).unwrap_or(i64::MAX) < AT_ONCE;
        if known.contradicts(&changes, all) {
            app.start_over().await?;
            continue;
        }
        app.blocklist.follow(&changes);
        if changes.last().map(Change::mark) != known.followed {
            app.due_changed.notify_one();
            app.feed.grown.notify_one();
        }
        if all {
            return Ok(());
        }
    }
}
