//! How much every sender sent, by minute.

use super::known::LastReleases;
use super::{Result, Store, Touched};
use crate::model::Message;
use crate::model::address::Address;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

/// What messages add to the counts of a minute, or changes of them take away.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Sum {
    pub messages: i64,
    pub spam: i64,
    pub inside: i64,
    pub outside: i64,
    /// Recipients of whom nobody knows where they are.
    pub unplaced: i64,
}

impl Sum {
    pub(super) fn of(message: &Message) -> Self {
        Self {
            messages: 1,
            spam: i64::from(message.is_spam()),
            inside: message.recipients.inside,
            outside: message.recipients.outside,
            unplaced: message.recipients.unplaced,
        }
    }
}

impl Sub for Sum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            messages: self.messages - other.messages,
            spam: self.spam - other.spam,
            inside: self.inside - other.inside,
            outside: self.outside - other.outside,
            unplaced: self.unplaced - other.unplaced,
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.spam += other.spam;
        self.inside += other.inside;
        self.outside += other.outside;
        self.unplaced += other.unplaced;
    }
}

/// What a batch adds to a sender's counts.
#[derive(Debug, Default)]
pub(super) struct Addition {
    /// The microsecond since 1970 from which on mail counts; 0 where the sender never was released.
    pub(super) since: i64,
    /// By minute and by the release they come behind.
    deltas: BTreeMap<(i64, i64), Sum>,
}

impl Addition {
    /// Whether it changes any count.
    pub(super) fn counts(&self) -> bool {
        self.deltas.values().any(|delta| *delta != Sum::default())
    }

    /// The senders of `touched` messages, in order.
    pub(super) fn of(
        touched: &[Touched],
        last: &LastReleases,
        now: DateTime<Utc>,
    ) -> BTreeMap<Address, Self> {
        let mut additions = BTreeMap::<Address, Self>::new();
        for touched in touched {
            let message = &touched.after;
            let released = last.get(&message.sender).copied().unwrap_or_default();
            let addition = additions.entry(message.sender.clone()).or_default();
            addition.since = released;
            let since = counts_since(message.at.timestamp_micros(), released, now);
            *addition.deltas.entry((minute(message.at), since)).or_default() += touched.delta();
        }
        additions
    }
}

/// Since when what was sent at `at` counts: what came before the last release was counted before it,
/// and no longer counts. A release by a clock that was ahead lies before everything that comes now.
fn counts_since(at: i64, released: i64, now: DateTime<Utc>) -> i64 {
    if at < released && released <= now.timestamp_micros() { 0 } else { released }
}

/// What a batch adds to the counts of a sender in a minute, behind the release it comes after.
pub(super) type Row<'a> = (&'a Address, (i64, i64), Sum);

/// A batch as rows; what changes nothing is none.
pub(super) fn rows(additions: &BTreeMap<Address, Addition>) -> Vec<Row<'_>> {
    let rows = additions.iter().flat_map(|(sender, addition)| {
        addition.deltas.iter().map(move |(key, delta)| (sender, *key, *delta))
    });
    rows.filter(|(_, _, delta)| *delta != Sum::default()).collect()
}

/// The minute since 1970.
pub(in crate::store) fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

impl Store {
    /// Adds sums of messages, by sender and minute, of which nothing more is known. They are judged
    /// with the sender's next message.
    ///
    /// # Errors
    /// When the database fails; then nothing is added.
    pub async fn add_sums(
        &self,
        sums: &BTreeMap<(Address, i64), Sum>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.lock_senders(sums.keys().map(|(sender, _)| sender)).await?;
        let senders = sums.keys().map(|(sender, _)| sender).collect();
        let (_, last) = tx.known_and_released(&[], DateTime::UNIX_EPOCH, senders).await?;
        let mut additions = BTreeMap::<Address, Addition>::new();
        for ((sender, minute), sum) in sums {
            let released = last.get(sender).copied().unwrap_or_default();
            let since = counts_since(minute * 60_000_000, released, now);
            let addition = additions.entry(sender.clone()).or_default();
            addition.deltas.insert((*minute, since), *sum);
        }
        tx.write_and_sum(&[], &rows(&additions), &[], DateTime::UNIX_EPOCH).await?;
        tx.commit().await
    }
}
