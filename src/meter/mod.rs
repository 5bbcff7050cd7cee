//! Counts what every sender sends. Reports wait here for the next transaction, many share one, and
//! while the database is away they are kept.

#[cfg(test)]
mod tests;
mod waiting;

use crate::app::App;
use crate::health;
use crate::model::Report;
use crate::store::{Counted, CountingTransaction, KnownPolicies, Result, StoreError, Written};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use waiting::{Entry, Kind, MOST_KEPT, Sums, Waiting};

/// How long a mail server waits for the commit that counts its message; a database that is slow or
/// away shall not hold up mail.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Between two tries while the database is away.
const RETRY: Duration = Duration::from_millis(250);

/// The database takes nothing and the reports were not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Whether that is because its disk is full.
    pub disk_full: bool,
}

/// What waits to be counted.
#[derive(Debug)]
pub struct Meter {
    waiting: Mutex<Waiting>,
    bell: Notify,
    /// Whether the last transaction failed or takes too long; then nobody waits for the next.
    away: AtomicBool,
    /// Whether it failed because the disk is full.
    disk_full: AtomicBool,
    /// Whether the policies that are known may be those of another state of the database.
    policies_stale: AtomicBool,
    metrics: Metrics,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            bell: Notify::new(),
            away: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
            policies_stale: AtomicBool::new(false),
            metrics: Metrics::registered(),
        }
    }
}

impl Meter {
    /// Counts a report that nobody would send again, as one of a mail server. It is counted when
    /// this ends, or kept until the database is back; it ends within a second.
    pub async fn count(&self, report: Report) {
        let counted = self.enter(vec![report], Kind { kept: true, tried: false });
        if self.is_away() {
            return;
        }
        if tokio::time::timeout(LONGEST_WAIT, counted).await.is_err() {
            self.away.store(true, Relaxed);
            // It may have been counted in this very moment; then nothing else would ask again.
            self.bell.notify_one();
        }
    }

    /// Counts reports all together, and answers for each whether it told anything new.
    ///
    /// # Errors
    /// When the database does not answer; then none is counted.
    pub async fn count_all(&self, reports: Vec<Report>) -> std::result::Result<Vec<bool>, Away> {
        if self.is_away() {
            return Err(self.why_away());
        }
        let entry = Kind { kept: false, tried: false };
        self.enter(reports, entry).await.unwrap_or(Err(self.why_away()))
    }

    /// Counts what is new about a message that is known by its id.
    ///
    /// # Errors
    /// When the database does not answer; then nothing is counted.
    pub async fn count_again(&self, report: Report) -> std::result::Result<(), Away> {
        if self.is_away() {
            return Err(self.why_away());
        }
        let entry = Kind { kept: false, tried: true };
        self.enter(vec![report], entry).await.unwrap_or(Err(self.why_away())).map(drop)
    }

    /// How many messages wait, or are kept while the database is away.
    pub fn waiting(&self) -> usize {
        let waiting = self.locked();
        waiting.reports + waiting.summed
    }

    /// The database is away from the beginning.
    pub fn begin_away(&self) {
        self.away.store(true, Relaxed);
    }

    /// Whether the database is known to be away.
    pub fn is_away(&self) -> bool {
        self.away.load(Relaxed)
    }

    /// Reads the policies again before the next message is counted.
    pub fn forget_policies(&self) {
        self.policies_stale.store(true, Relaxed);
    }

    fn why_away(&self) -> Away {
        Away { disk_full: self.disk_full.load(Relaxed) }
    }

    fn set_away(&self, error: &StoreError) {
        self.disk_full.store(error.is_disk_full(), Relaxed);
        self.away.store(true, Relaxed);
    }

    /// Sets the gauge of what waits.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn tell_waiting(&self) {
        self.metrics.kept.set(self.waiting() as f64);
    }

    /// Puts back what nobody would send again; who else waits is answered that nothing was counted.
    fn keep(&self, entries: Vec<Entry>, error: &StoreError) {
        self.set_away(error);
        let mut waiting = self.locked();
        waiting.put_back(entries);
        waiting.refuse_what_comes_again(self.why_away());
    }

    fn enter(
        &self,
        reports: Vec<Report>,
        kind: Kind,
    ) -> oneshot::Receiver<std::result::Result<Vec<bool>, Away>> {
        let (counted, receiver) = oneshot::channel();
        let mut waiting = self.locked();
        if kind.kept && waiting.reports >= MOST_KEPT {
            waiting.sum_up(&reports, &self.metrics.lost);
        } else {
            waiting.push(Entry { reports, kind, counted });
        }
        drop(waiting);
        self.bell.notify_one();
        receiver
    }

    // No code that holds the lock can panic half-way, so a poisoned lock guards whole entries.
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until `stop`, and then until nothing waits any more or the database is away.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = Rounds {
        health: app.health.rounds("meter", "the meter"),
        policies: KnownPolicies::default(),
        answers: TaskTracker::new(),
        took_any: false,
        refused: Vec::new(),
    };
    loop {
        round(app, &mut rounds).await;
        let away = app.meter.is_away();
        if stop.is_cancelled() && (away || app.meter.waiting() == 0) {
            break;
        }
        let next = async {
            if away {
                tokio::time::sleep(RETRY).await;
            } else {
                app.meter.bell.notified().await;
            }
        };
        stop.run_until_cancelled(next).await;
    }
    rounds.answers.close();
    rounds.answers.wait().await;
}

/// What stays from one transaction to the next.
struct Rounds {
    health: health::Rounds,
    policies: KnownPolicies,
    /// Those who wait for the disk, while the next transaction runs.
    answers: TaskTracker,
    /// Whether the database took anything in this round.
    took_any: bool,
    /// What it refused in this round for the values that are in it, and its words.
    refused: Vec<(Entry, StoreError)>,
}

/// Counts everything that waits. While the database is away, what nobody would send again is kept.
async fn round(app: &App, rounds: &mut Rounds) {
    rounds.took_any = false;
    while let Some(done) = step(app, rounds).await {
        rounds.health.end(done.as_ref().err());
        if let Err(error) = done {
            return app.meter.set_away(&error);
        }
    }
}

/// Counts some of what waits; nothing where nothing does.
async fn step(app: &App, rounds: &mut Rounds) -> Option<Result<()>> {
    let meter = &app.meter;
    rounds.health.begin();
    let nothing_waits = meter.locked().entries.is_empty();
    if !rounds.refused.is_empty() && (rounds.took_any || nothing_waits) {
        return Some(settle(app, rounds));
    }
    if !nothing_waits {
        let begun = app.background.begin_counting().await;
        // Those who came while it began are counted with it.
        let next = meter.locked().next();
        return Some(count(app, begun, next, rounds).await);
    }
    let sums = meter.locked().next_sums();
    if !sums.is_empty() {
        return Some(write_sums(app, sums).await);
    }
    if meter.is_away() {
        let written = app.background.try_to_write(app.clock.now()).await;
        return Some(written.inspect(|()| meter.away.store(false, Relaxed)));
    }
    rounds.health.end(None);
    None
}

async fn count(
    app: &App,
    begun: Result<CountingTransaction>,
    entries: Vec<Entry>,
    rounds: &mut Rounds,
) -> Result<()> {
    match count_together(app, begun, &entries, &mut rounds.policies).await {
        Ok(counted) => {
            counted_all(app, entries, counted, rounds);
            Ok(())
        }
        Err(error) if error.is_outage() => {
            let refused = rounds.refused.drain(..).map(|(entry, _)| entry);
            app.meter.keep(refused.chain(entries).collect(), &error);
            Err(error)
        }
        Err(error) if entries.len() == 1 => {
            rounds.refused.extend(entries.into_iter().map(|entry| (entry, error.clone())));
            Ok(())
        }
        Err(_) => Box::pin(count_one_by_one(app, entries, rounds)).await,
    }
}

fn counted_all(app: &App, entries: Vec<Entry>, counted: Counted, rounds: &mut Rounds) {
    rounds.took_any = true;
    app.meter.away.store(false, Relaxed);
    app.committed(&counted.committed);
    if counted.raised {
        app.alerts_raised.notify_one();
    }
    app.meter.locked().reports -= reports(&entries);
    rounds.answers.spawn(answer(entries, counted.news, counted.written, app.meter.why_away()));
}

async fn count_together(
    app: &App,
    begun: Result<CountingTransaction>,
    entries: &[Entry],
    policies: &mut KnownPolicies,
) -> Result<Counted> {
    let reports: Vec<Report> =
        entries.iter().flat_map(|entry| entry.reports.iter().cloned()).collect();
    if app.meter.policies_stale.swap(false, Relaxed) {
        *policies = KnownPolicies::default();
    }
    let again = entries.iter().any(|entry| entry.kind.tried);
    app.background.count_reports(begun?, &reports, again, policies, app.clock.now()).await
}

/// The database refuses values of something in here: the others shall not suffer from it.
async fn count_one_by_one(app: &App, entries: Vec<Entry>, rounds: &mut Rounds) -> Result<()> {
    let mut left = entries.into_iter();
    while let Some(entry) = left.next() {
        let begun = app.background.begin_counting().await;
        if let Err(outage) = count(app, begun, vec![entry], rounds).await {
            app.meter.keep(left.collect(), &outage);
            return Err(outage);
        }
    }
    Ok(())
}

/// Drops what the database refused, where it took something else in the same round; else it may be
/// the database, and all of it is kept.
fn settle(app: &App, rounds: &mut Rounds) -> Result<()> {
    let (entries, errors): (Vec<_>, Vec<_>) = rounds.refused.drain(..).unzip();
    let error = errors.into_iter().next_back().expect("something was refused");
    if !rounds.took_any {
        app.meter.keep(entries, &error);
        return Err(error);
    }
    let reports = reports(&entries);
    app.meter.locked().reports -= reports;
    app.meter.metrics.lost.increment(reports as u64);
    tracing::error!(error = std::error::Error::source(&error), reports, "cannot be counted");
    Ok(())
}

fn reports(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.reports.len()).sum()
}

/// Answers those whose reports were written, once a loss of power no longer takes them away.
async fn answer(entries: Vec<Entry>, news: Vec<bool>, written: Written, away: Away) {
    let durable = written.durable().await;
    let mut news = news.into_iter();
    for entry in entries {
        let own = news.by_ref().take(entry.reports.len()).collect();
        // Whoever asked may have stopped waiting.
        let _ = entry.counted.send(durable.as_ref().map(|()| own).map_err(|_| away));
    }
}

/// Writes some sums, so few that no other write waits long.
async fn write_sums(app: &App, sums: Sums) -> Result<()> {
    let written = app.background.add_sums(&sums, app.clock.now()).await;
    let mut waiting = app.meter.locked();
    if written.is_ok() {
        let messages: i64 = sums.values().map(|sum| sum.messages).sum();
        waiting.summed -= usize::try_from(messages).unwrap_or(waiting.summed);
    } else {
        for (key, sum) in sums {
            *waiting.sums.entry(key).or_default() += sum;
        }
    }
    written
}

#[derive(Debug)]
struct Metrics {
    kept: Gauge,
    lost: Counter,
}

const KEPT: &str = "restricted_users_messages_waiting";
const LOST: &str = "restricted_users_messages_not_counted_total";

impl Metrics {
    fn registered() -> Self {
        describe_gauge!(
            KEPT,
            "Messages that wait to be counted; while the database is away they are kept"
        );
        describe_counter!(LOST, "Messages that could not be counted");
        Self { kept: gauge!(KEPT), lost: counter!(LOST) }
    }
}
