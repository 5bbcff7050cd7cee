//! Keeps the blocklist in step with what other processes commit.

use crate::app::App;
use crate::outage::Outage;
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
    let mut outage = Outage::of("the blocklist");
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        match follow(app).await {
            Ok(()) => outage.over(),
            Err(error) => outage.note(&error),
        }
    }
}

/// Takes in everything that was committed since the last time.
///
/// # Errors
/// When the database fails.
pub async fn follow(app: &App) -> Result<()> {
    loop {
        let changes = app.store.changes_after(app.blocklist.followed(), AT_ONCE).await?;
        app.blocklist.follow(&changes);
        if !changes.is_empty() {
            app.due_changed.notify_one();
            app.feed.grown.notify_one();
        }
        if i64::try_from(changes.len()).unwrap_or(i64::MAX) < AT_ONCE {
            return Ok(());
        }
    }
}
