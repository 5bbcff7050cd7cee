//! The current time, to the microsecond, which tests can set.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

/// The longest sleep before the system clock is read again, so that a suspended machine or a
/// corrected clock delays nothing by more than this.
const RECHECK: Duration = Duration::from_secs(30);

/// The clock that every part asks for the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The system's, and how many microseconds it is behind the one that it is set by.
    System(Arc<AtomicI64>),
    Stopped(watch::Sender<DateTime<Utc>>),
}

impl Default for Source {
    fn default() -> Self {
        Self::System(Arc::default())
    }
}

impl Clock {
    /// A clock that stands still at `now` until [`Clock::advance`] moves it.
    pub fn stopped(now: DateTime<Utc>) -> Self {
        Self(Source::Stopped(watch::Sender::new(now.trunc_subsecs(6))))
    }

    /// The current time in UTC, cut to the microsecond because Postgres keeps no more.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
            Source::System(behind) => {
                Utc::now().trunc_subsecs(6) + TimeDelta::microseconds(behind.load(Relaxed))
            }
            Source::Stopped(now) => *now.borrow(),
        }
    }

    /// Moves a stopped clock forward and wakes who sleeps; the system clock does not listen.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Stopped(now) = &self.0 {
            now.send_modify(|now| *now += by);
        }
    }

    /// Sets the clock by another one, which showed `other` at some time after `asked`. Answers how far
    /// the system's clock is behind it; a stopped clock is not set.
    pub fn set_by(&self, other: DateTime<Utc>, asked: DateTime<Utc>) -> TimeDelta {
        let Source::System(behind) = &self.0 else { return TimeDelta::zero() };
        let answered = self.now();
        let middle = asked + (answered - asked) / 2;
        let more = (other - middle).num_microseconds().unwrap_or_default();
        TimeDelta::microseconds(behind.fetch_add(more, Relaxed) + more)
    }

    /// Waits until it is `at`.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        match &self.0 {
            Source::System(_) => self.sleep_by_the_system_clock(at).await,
            Source::Stopped(now) => {
                let mut now = now.subscribe();
                // The sender lives in `self`, so waiting can only end with the time reached.
                let _ = now.wait_for(|now| *now >= at).await;
            }
        }
    }

    async fn sleep_by_the_system_clock(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - self.now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(RECHECK)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_shows_the_time_of_the_other_one() {
        let clock = Clock::default();
        let asked = clock.now();
        let behind = clock.set_by(asked + TimeDelta::minutes(5), asked);
        assert!((behind - TimeDelta::minutes(5)).abs() < TimeDelta::seconds(1));
        let ahead = clock.clone().now() - asked - TimeDelta::minutes(5);
        assert!(ahead.abs() < TimeDelta::seconds(1));
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_stopped_clock_reaches_its_time() {
        let clock = Clock::stopped(DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap());
        let start = clock.now();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(start + TimeDelta::minutes(30)).await;
                clock.now()
            }
        });
        clock.advance(TimeDelta::minutes(30));
        let woken = sleeper.await.unwrap();
        assert_eq!(woken.timestamp_subsec_nanos(), 123_456_000);
    }
}
