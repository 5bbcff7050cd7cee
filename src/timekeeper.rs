//! Sets the clock by the database's. Replicas whose clocks differ would end delays early, and miss that
//! spam came after somebody asked for an unblock.

use crate::app::App;
use crate::model::clock::Clock;
use crate::store::{Result, Store};
use chrono::TimeDelta;
use metrics::{describe_gauge, gauge};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the clocks are compared.
const EVERY: Duration = Duration::from_mins(1);

/// A clock that is so far off is worth a warning: it is right for nothing else on the machine.
pub const FAR_OFF: TimeDelta = TimeDelta::seconds(2);

const OFFSET: &str = "restricted_users_clock_offset_seconds";

/// Runs until `stop`. SQLite's clock is our own.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("timekeeper", "the timekeeper");
    while stop.run_until_cancelled(tokio::time::sleep(rounds.pause(EVERY))).await.is_some() {
        rounds.round(set(&app.clock, &app.background)).await;
    }
}

/// Sets the clock by the database's.
pub async fn set(clock: &Clock, store: &Store) -> Result<()> {
    let behind = offset(clock, store).await?;
    describe_gauge!(OFFSET, "Seconds that this machine's clock is behind the database's");
    gauge!(OFFSET).set(behind.as_seconds_f64());
    if behind.abs() >= FAR_OFF {
        tracing::warn!(
            seconds = behind.as_seconds_f64(),
            "this machine's clock is behind the database's by so much; the database's is taken"
        );
    }
    Ok(())
}

/// Sets a clock by the database's, and answers how far the machine's is behind it.
pub async fn offset(clock: &Clock, store: &Store) -> Result<TimeDelta> {
    let asked = clock.now();
    let time = store.time().await?;
    Ok(time.map_or(TimeDelta::zero(), |time| clock.set_by(time, asked)))
}
