//! Counts what every sender sends. Reports wait here for the next transaction, many share one, and
//! while the database is away they are kept.

#[cfg(test)]
mod tests;
mod waiting;

use crate::app::App;
use crate::outage::Outage;
use crate::outbound::Report;
use crate::store::{Counted, CountingTransaction, KnownPolicies, Result, StoreError, Written};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use waiting::{Entry, Kind, MOST_KEPT, Waiting};

/// How long a mail server waits for the commit that counts its message; a database that is slow or
/// away shall not hold up mail.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Between two tries while the database is away.
const RETRY: Duration = Duration::from_millis(250);

/// The database does not answer and the reports were not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// What waits to be counted.
#[derive(Debug)]
pub struct Meter {
    waiting: Mutex<Waiting>,
    bell: Notify,
    /// Whether the last transaction failed or takes too long; then nobody waits for the next.
    away: AtomicBool,
    metrics: Metrics,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            bell: Notify::new(),
            away: AtomicBool::new(false),
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
            return Err(Away);
        }
        let entry = Kind { kept: false, tried: false };
        self.enter(reports, entry).await.unwrap_or(Err(Away))
    }

    /// Counts what is new about a message that is known by its id.
    ///
    /// # Errors
    /// When the database does not answer; then nothing is counted.
    pub async fn count_again(&self, report: Report) -> std::result::Result<(), Away> {
        if self.is_away() {
            return Err(Away);
        }
        let entry = Kind { kept: false, tried: true };
        self.enter(vec![report], entry).await.unwrap_or(Err(Away)).map(drop)
    }

    /// How many messages wait, or are kept while the database is away.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let waiting = self.locked();
        waiting.reports + waiting.summed
    }

    /// Whether the database is known to be away.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Relaxed)
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
    let mut outage = Outage::of("the meter");
    let mut rounds = Rounds::default();
    loop {
        match round(app, &mut rounds).await {
            Ok(()) => outage.over(),
            Err(error) => outage.note(&error),
        }
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
#[derive(Default)]
struct Rounds {
    policies: KnownPolicies,
    /// Those who wait for the disk, while the next transaction runs.
    answers: TaskTracker,
}

/// Counts everything that waits.
///
/// # Errors
/// When the database is away; what nobody would send again is kept.
async fn round(app: &App, rounds: &mut Rounds) -> Result<()> {
    let meter = &app.meter;
    if meter.is_away() && meter.waiting() == 0 {
        app.store.ping().await.inspect(|()| meter.away.store(false, Relaxed))?;
    }
    while !meter.locked().entries.is_empty() {
        let begun = app.store.begin_counting().await;
        // Those who came while it began are counted with it.
        let next = meter.locked().next();
        count(app, begun, next, rounds).await?;
        meter.metrics.tell_waiting(meter.waiting());
    }
    write_sums(app).await
}

async fn count(
    app: &App,
    begun: Result<CountingTransaction>,
    entries: Vec<Entry>,
    rounds: &mut Rounds,
) -> Result<()> {
    let meter = &app.meter;
    match count_together(app, begun, &entries, &mut rounds.policies).await {
        Ok(counted) => {
            meter.away.store(false, Relaxed);
            app.committed(&counted.committed);
            if counted.raised {
                app.alerts_raised.notify_one();
            }
            meter.locked().reports -= reports(&entries);
            rounds.answers.spawn(answer(entries, counted.news, counted.written));
            Ok(())
        }
        Err(error) if error.is_outage() => {
            meter.away.store(true, Relaxed);
            let (kept, refused): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|entry| entry.kind.kept);
            meter.locked().reports -= reports(&refused);
            for entry in refused {
                // Whoever asked may have gone.
                let _ = entry.counted.send(Err(Away));
            }
            meter.locked().put_back(kept);
            meter.metrics.tell_waiting(meter.waiting());
            Err(error)
        }
        Err(error) => {
            Box::pin(count_one_by_one(app, entries, rounds, error)).await;
            Ok(())
        }
    }
}

async fn count_together(
    app: &App,
    begun: Result<CountingTransaction>,
    entries: &[Entry],
    policies: &mut KnownPolicies,
) -> Result<Counted> {
    let reports: Vec<Report> =
        entries.iter().flat_map(|entry| entry.reports.iter().cloned()).collect();
    let again = entries.iter().any(|entry| entry.kind.tried);
    app.store.count_reports(begun?, &reports, again, policies, app.clock.now()).await
}

/// The database refuses something in here: the others shall not suffer from it, and it shall not be
/// tried for ever.
async fn count_one_by_one(app: &App, entries: Vec<Entry>, rounds: &mut Rounds, error: StoreError) {
    if entries.len() == 1 {
        app.meter.locked().reports -= reports(&entries);
        app.meter.metrics.lost.increment(entries[0].reports.len() as u64);
        tracing::error!(error = std::error::Error::source(&error), "reports cannot be counted");
        return;
    }
    for entry in entries {
        // What fails because the database is away now was put back.
        let _ = count(app, app.store.begin_counting().await, vec![entry], rounds).await;
    }
}

fn reports(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.reports.len()).sum()
}

/// Answers those whose reports were written, once a loss of power no longer takes them away.
async fn answer(entries: Vec<Entry>, news: Vec<bool>, written: Written) {
    let durable = written.durable().await;
    let mut news = news.into_iter();
    for entry in entries {
        let own = news.by_ref().take(entry.reports.len()).collect();
        // Whoever asked may have stopped waiting.
        let _ = entry.counted.send(durable.as_ref().map(|()| own).map_err(|_| Away));
    }
}

/// Writes sums in steps, so that no other write waits long.
async fn write_sums(app: &App) -> Result<()> {
    loop {
        let sums = app.meter.locked().next_sums();
        if sums.is_empty() {
            return Ok(());
        }
        let written = app.store.add_sums(&sums).await;
        let mut waiting = app.meter.locked();
        match written {
            Ok(()) => {
                let messages: i64 = sums.values().map(|sum| sum.messages).sum();
                waiting.summed -= usize::try_from(messages).unwrap_or(waiting.summed);
            }
            Err(error) => {
                for (key, sum) in sums {
                    *waiting.sums.entry(key).or_default() += sum;
                }
                return Err(error);
            }
        }
    }
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

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn tell_waiting(&self, messages: usize) {
        self.kept.set(messages as f64);
    }
}
