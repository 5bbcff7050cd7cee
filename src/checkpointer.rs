//! Moves pages from SQLite's write-ahead log to its file beside whoever writes, so that few commits
//! have to do that themselves.

use crate::app::App;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to move what there is. What was written since the last time is what the commit that
/// finds the log full has to move itself.
const EVERY: Duration = Duration::from_millis(250);

/// Runs until `stop`. On Postgres, which does so by itself, there is nothing to do.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("checkpointer", "the checkpointer");
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        rounds.round(app.background.checkpoint()).await;
    }
}
