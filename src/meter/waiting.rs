//! What waits to be counted: reports in the order they came, and sums of those that are too many.

use super::Away;
use crate::model::address::Address;
use crate::model::{Report, Verdict};
use crate::store::Sum;
use metrics::Counter;
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::oneshot;

/// Reports that share a transaction; with more, the first of them would wait for the others.
pub(super) const AT_ONCE: usize = 256;
/// Messages kept in memory while the database is away; past them, sums.
pub(super) const MOST_KEPT: usize = 100_000;
/// Sums of a sender and minute kept past those; past them, mail is no longer counted.
const MOST_SUMS: usize = 500_000;
/// Past so many, reports are kept without what only people read.
pub(super) const FEW: usize = 1_000;
/// Recipients that such a report keeps by name.
pub(super) const SLIM_RECIPIENTS: usize = 5;

/// Messages summed up by sender and minute.
pub(super) type Sums = BTreeMap<(Address, i64), Sum>;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) entries: VecDeque<Entry>,
    /// Reports in the entries, and in those of the transaction under way.
    pub(super) reports: usize,
    pub(super) sums: Sums,
    /// Messages in the sums, and in those of the transaction under way.
    pub(super) summed: usize,
}

/// Reports that are counted together, and who wants to know.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) reports: Vec<Report>,
    pub(super) kind: Kind,
    pub(super) counted: oneshot::Sender<std::result::Result<Vec<bool>, Away>>,
}

/// What becomes of reports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Whether it stays when the database is away: nobody would send it again.
    pub(super) kept: bool,
    /// Whether its messages may be in the store by their ids: a transaction that held it failed,
    /// perhaps after its commit, or it is about a message that is there.
    pub(super) tried: bool,
}

impl Waiting {
    pub(super) fn push(&mut self, mut entry: Entry) {
        if entry.kind.kept && self.reports >= FEW {
            for report in &mut entry.reports {
                report.recipients.named.truncate(SLIM_RECIPIENTS);
                report.symbols = Vec::new();
            }
        }
        self.reports += entry.reports.len();
        self.entries.push_back(entry);
    }

    pub(super) fn sum_up(&mut self, reports: &[Report], lost: &Counter) {
        for report in reports {
            let key = (report.sender.clone(), report.at.timestamp().div_euclid(60));
            if self.sums.len() >= MOST_SUMS && !self.sums.contains_key(&key) {
                lost.increment(1);
                continue;
            }
            let sum = self.sums.entry(key).or_default();
            self.summed += 1;
            sum.messages += 1;
            sum.spam += i64::from(report.verdict == Some(Verdict::Spam));
            sum.inside += report.recipients.inside;
            sum.outside += report.recipients.outside;
            sum.unplaced += report.recipients.unplaced;
        }
    }

    /// The entries of the next transaction; those tried before alone, they need another look.
    pub(super) fn next(&mut self) -> Vec<Entry> {
        let mut next: Vec<Entry> = Vec::new();
        let mut reports = 0;
        while let Some(entry) = self.entries.front() {
            let other_kind = next.first().is_some_and(|first| first.kind.tried != entry.kind.tried);
            if !next.is_empty() && (other_kind || reports + entry.reports.len() > AT_ONCE) {
                break;
            }
            reports += entry.reports.len();
            next.extend(self.entries.pop_front());
        }
        next
    }

    /// The sums of the next transaction.
    pub(super) fn next_sums(&mut self) -> Sums {
        let later = self.sums.keys().nth(AT_ONCE).cloned();
        let later = later.map(|key| self.sums.split_off(&key)).unwrap_or_default();
        std::mem::replace(&mut self.sums, later)
    }

    /// Answers those who would send their reports again that nothing was counted.
    pub(super) fn refuse_what_comes_again(&mut self, away: Away) {
        let (kept, refused): (Vec<_>, Vec<_>) =
            self.entries.drain(..).partition(|entry| entry.kind.kept);
        self.entries = kept.into();
        for entry in refused {
            self.reports -= entry.reports.len();
            // Whoever asked may have gone.
            let _ = entry.counted.send(Err(away));
        }
    }

    /// Puts entries back that could not be counted, in their order.
    pub(super) fn put_back(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            let kind = Kind { tried: true, ..entry.kind };
            self.entries.push_front(Entry { kind, ..entry });
        }
    }
}
