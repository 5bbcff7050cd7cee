//! Deletes evidence that is older than the setting `message_retention`, and answers that are kept
//! for those who ask again, in small steps.

use crate::app::App;
use crate::idempotency::KEPT;
use crate::outage::Outage;
use crate::store::{Evidence, Result};
use chrono::TimeDelta;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for what is too old.
const EVERY: TimeDelta = TimeDelta::minutes(10);

/// How long other writers of the same SQLite file get between two steps; they look every
/// millisecond.
const BREATH: Duration = Duration::from_millis(10);

/// Runs until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut outage = Outage::of("retention");
    loop {
        match stop.run_until_cancelled(delete_all_old(app)).await {
            Some(Ok(())) => outage.over(),
            Some(Err(error)) => outage.note(&error),
            None => return,
        }
        let next = app.clock.now() + EVERY;
        if stop.run_until_cancelled(app.clock.sleep_until(next)).await.is_none() {
            return;
        }
    }
}

/// Deletes everything that is too old now.
///
/// # Errors
/// When the database fails; what was deleted before stays deleted.
pub async fn delete_all_old(app: &App) -> Result<()> {
    let before = app.clock.now() - app.config.message_retention;
    for evidence in Evidence::ALL {
        while app.store.delete_some(evidence, before).await? > 0 {
            tokio::time::sleep(BREATH).await;
        }
    }
    app.store.delete_old_request_counts(app.clock.now()).await?;
    while app.store.delete_some_requests(app.clock.now() - KEPT).await? > 0 {
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}
