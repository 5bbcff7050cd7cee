//! Deletes evidence that is older than the setting `message_retention`, and answers that are kept
//! for those who ask again, in small steps.

use crate::app::App;
use crate::idempotency::KEPT;
use crate::store::{Evidence, Result};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often to look for what is too old.
const EVERY: TimeDelta = TimeDelta::minutes(10);

/// How long other writers of the same SQLite file get between two steps; they look every
/// millisecond.
const BREATH: Duration = Duration::from_millis(10);

/// Runs until `stop`.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("retention", "retention");
    let deleting = async {
        let mut trust = loop {
            match rounds.round(app.background.newest_record()).await {
                Some(newest) => break Trust::since(newest),
                None => tokio::time::sleep(rounds.pause(Duration::MAX)).await,
            }
        };
        loop {
            if trust.in_clock(app.clock.now(), Instant::now()) {
                while rounds.round(delete_some_old(app)).await == Some(true) {
                    tokio::time::sleep(BREATH).await;
                }
            }
            if rounds.fails() {
                tokio::time::sleep(rounds.pause(Duration::MAX)).await;
            } else {
                app.clock.sleep_until(app.clock.now() + EVERY).await;
            }
        }
    };
    stop.run_until_cancelled(deleting).await;
}

/// How far the time may get ahead of what is known of it before nothing is deleted for a while.
const FAR_AHEAD: TimeDelta = TimeDelta::days(1);

/// A clock that is far ahead for so long is believed: the service had nothing to do, or did not run.
const BELIEVED_AFTER: Duration = Duration::from_hours(1);

/// Whether the clock can be right. One that is set wrongly for a moment shall not delete all evidence.
#[derive(Debug)]
struct Trust {
    /// A time that was right, and when that was.
    known: Option<(DateTime<Utc>, Instant)>,
    doubted_since: Option<Instant>,
}

impl Trust {
    /// The newest record is the last that is known of the time.
    fn since(newest_record: Option<DateTime<Utc>>) -> Self {
        let known = newest_record.map(|newest| (newest, Instant::now()));
        Self { known, doubted_since: None }
    }

    fn in_clock(&mut self, now: DateTime<Utc>, instant: Instant) -> bool {
        let passed =
            |since: Instant| TimeDelta::from_std(instant - since).unwrap_or(TimeDelta::MAX);
        let ahead = self.known.map(|(known, at)| now - known - passed(at));
        if let Some(ahead) = ahead.filter(|ahead| *ahead > FAR_AHEAD) {
            let since = *self.doubted_since.get_or_insert_with(|| {
                tracing::warn!(
                    days = ahead.num_days(),
                    "the clock is ahead of the newest record by so much: nothing is deleted for an hour"
                );
                instant
            });
            if instant - since < BELIEVED_AFTER {
                return false;
            }
        }
        self.doubted_since = None;
        self.known = Some((now, instant));
        true
    }
}

/// Deletes everything that is too old now.
///
/// # Errors
/// When the database fails; what was deleted before stays deleted.
pub async fn delete_all_old(app: &App) -> Result<()> {
    while delete_some_old(app).await? {
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

/// Deletes some of what is too old now, and answers whether there may be more.
async fn delete_some_old(app: &App) -> Result<bool> {
    let (store, now) = (&app.background, app.clock.now());
    for evidence in Evidence::ALL {
        if store.delete_some(evidence, now - app.config.message_retention).await? > 0 {
            return Ok(true);
        }
    }
    store.delete_old_request_counts(now).await?;
    Ok(store.delete_some_requests(now - KEPT).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_far_ahead_is_believed_after_an_hour() {
        let (now, began) = (DateTime::UNIX_EPOCH + TimeDelta::days(20_000), Instant::now());
        let (hour, day) = (Duration::from_hours(1), TimeDelta::days(1));
        let mut trust = Trust::since(Some(now));
        assert!(trust.in_clock(now + day, began));
        assert!(trust.in_clock(now + day * 4, began + 72 * hour), "time went by");
        let (ahead, later) = (now + day * 44, began + 72 * hour);
        assert!(!trust.in_clock(ahead, later));
        assert!(!trust.in_clock(ahead, later + hour / 2));
        assert!(trust.in_clock(now + day * 4, later + hour / 2), "the clock was set right");
        assert!(!trust.in_clock(ahead, later + hour));
        assert!(trust.in_clock(ahead, later + 2 * hour));
    }

    #[test]
    fn a_start_long_after_the_newest_record_deletes_nothing_for_an_hour() {
        let (now, began) = (DateTime::UNIX_EPOCH + TimeDelta::days(20_000), Instant::now());
        let mut trust = Trust::since(Some(now - TimeDelta::days(40)));
        assert!(!trust.in_clock(now, began));
        assert!(trust.in_clock(now, began + Duration::from_hours(1)));
        assert!(Trust::since(None).in_clock(now, began));
    }
}
