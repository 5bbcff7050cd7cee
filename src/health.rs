//! Which parts of the service run, and which of them get their work done.

use crate::store::StoreError;
use metrics::{Gauge, describe_gauge, gauge};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait before the database is asked again after it failed.
const RETRY: Duration = Duration::from_secs(1);
/// How often a part that is without its database says so.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// A part that has not ended a round for so long hangs.
const LONGEST_ROUND: Duration = Duration::from_mins(1);

const AWAY: &str = "restricted_users_database_away";

/// How every part is.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, Part>>>);

#[derive(Debug, Default)]
struct Part {
    runs: bool,
    /// For each of its loops, what it is at.
    loops: BTreeMap<&'static str, Doing>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    /// The last round went well, and the next has not begun.
    Rests,
    Works {
        since: Instant,
    },
    Fails,
}

/// A part that runs for as long as this is held.
#[derive(Debug)]
pub struct Running(Health, &'static str);

impl Health {
    /// Marks a part as running until the answer is dropped.
    pub fn running(&self, part: &'static str) -> Running {
        self.locked().entry(part).or_default().runs = true;
        Running(self.clone(), part)
    }

    /// A loop of a part, called `called` in sentences.
    pub fn rounds(&self, part: &'static str, called: &'static str) -> Rounds {
        describe_gauge!(AWAY, "Whether a part is without its database, 1 or 0");
        let away = gauge!(AWAY, "part" => called);
        away.set(0);
        Rounds { health: self.clone(), part, called, told: None, away }
    }

    /// Every part that ever ran, and whether it does its work.
    pub fn parts(&self) -> BTreeMap<&'static str, bool> {
        self.parts_at(Instant::now())
    }

    fn parts_at(&self, now: Instant) -> BTreeMap<&'static str, bool> {
        self.locked().iter().map(|(name, part)| (*name, part.works_at(now))).collect()
    }

    /// Whether every part runs, with a database or without.
    pub fn all_run(&self) -> bool {
        self.locked().values().all(|part| part.runs)
    }

    fn set(&self, part: &'static str, called: &'static str, doing: Doing) {
        self.locked().entry(part).or_default().loops.insert(called, doing);
    }

    // No code that holds the lock can panic half-way.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<&'static str, Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn works_at(&self, now: Instant) -> bool {
        self.runs
            && self.loops.values().all(|doing| match doing {
                Doing::Rests => true,
                Doing::Works { since } => now < *since + LONGEST_ROUND,
                Doing::Fails => false,
            })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.locked().entry(self.1).or_default().runs = false;
    }
}

/// The rounds of a loop that needs the database. It tells when it has none, and once that it is back.
#[derive(Debug)]
pub struct Rounds {
    health: Health,
    part: &'static str,
    called: &'static str,
    told: Option<Instant>,
    away: Gauge,
}

impl Rounds {
    /// Waits for the end of a round.
    pub fn round<T>(
        &mut self,
        round: impl Future<Output = Result<T, StoreError>>,
    ) -> impl Future<Output = Option<T>> {
        // A loop is large enough without all that it does.
        let round = Box::pin(round);
        async {
            self.begin();
            let ended = round.await;
            self.end(ended.as_ref().err());
            ended.ok()
        }
    }

    /// A round begins, or a step of one that has many.
    pub fn begin(&self) {
        // What failed goes on failing until a round goes well.
        if !self.fails() {
            self.health.set(self.part, self.called, Doing::Works { since: Instant::now() });
        }
    }

    /// A round has ended.
    pub fn end(&mut self, failed: Option<&StoreError>) {
        match failed {
            None => self.over(),
            Some(error) => self.note(error),
        }
    }

    /// Whether the last round failed.
    pub fn fails(&self) -> bool {
        self.told.is_some()
    }

    /// How long to wait for the next round: not for `usual` where the last one failed.
    pub fn pause(&self, usual: Duration) -> Duration {
        if self.fails() { RETRY.min(usual) } else { usual }
    }

    /// The database failed; told at the first failure and then once a minute.
    fn note(&mut self, error: &StoreError) {
        self.away.set(1);
        self.health.set(self.part, self.called, Doing::Fails);
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            let called = self.called;
            tracing::error!(error = error.source(), "{called} has no database and goes on trying");
            self.told = Some(Instant::now());
        }
    }

    fn over(&mut self) {
        self.away.set(0);
        self.health.set(self.part, self.called, Doing::Rests);
        if self.told.take().is_some() {
            tracing::info!("{} has its database back", self.called);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn works(health: &Health, seconds: u64) -> bool {
        health.parts_at(Instant::now() + Duration::from_secs(seconds))["unblocker"]
    }

    #[tokio::test]
    async fn a_part_that_ends_no_round_for_a_minute_does_not_work_although_it_runs() {
        let health = Health::default();
        let _running = health.running("unblocker");
        let mut rounds = health.rounds("unblocker", "the unblocker");
        rounds.round(async { Ok(()) }).await.unwrap();
        assert!(works(&health, 3_600), "it has nothing to do");
        rounds.begin();
        assert!(works(&health, 59));
        assert!(!works(&health, 60) && health.all_run());
    }

    #[tokio::test]
    async fn a_part_whose_round_failed_does_not_work_until_one_goes_well() {
        let health = Health::default();
        let _running = health.running("unblocker");
        let mut rounds = health.rounds("unblocker", "the unblocker");
        let failed = StoreError::from(sqlx::Error::PoolTimedOut);
        assert_eq!(rounds.round(async { Err::<(), _>(failed) }).await, None);
        assert!(!works(&health, 0));
        rounds.begin();
        assert!(!works(&health, 0));
        rounds.end(None);
        assert!(works(&health, 0));
    }
}
