//! Writes the last hash of the audit log into the service's own log at each start and day, so that
//! it stands where whoever changes the database does not reach.

use crate::app::App;
use crate::model::restriction::next_midnight;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

/// How long to wait before the database is asked again after it failed.
const RETRY: TimeDelta = TimeDelta::seconds(1);

/// Runs until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("notary", "the notary");
    loop {
        let next = match rounds.round(app.background.last_audit_record()).await {
            Some(end) => {
                tracing::info!(number = end.number, hash = end.hash, "the audit log ends here");
                next_midnight(app.clock.now())
            }
            None => app.clock.now() + RETRY,
        };
        if stop.run_until_cancelled(app.clock.sleep_until(next)).await.is_none() {
            return;
        }
    }
}
