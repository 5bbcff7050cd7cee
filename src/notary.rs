//! Writes the last hash of the audit log into the service's own log at each start and day, so that
//! it stands where whoever changes the database does not reach.

use crate::app::App;
use crate::outage::Outage;
use crate::restriction::next_midnight;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut outage = Outage::of("the notary");
    loop {
        match app.store.last_audit_record().await {
            Ok(end) => {
                outage.over();
                tracing::info!(number = end.number, hash = end.hash, "the audit log ends here");
            }
            Err(error) => outage.note(&error),
        }
        let midnight = next_midnight(app.clock.now());
        if stop.run_until_cancelled(app.clock.sleep_until(midnight)).await.is_none() {
            return;
        }
    }
}
