//! How much every sender sent, by minute.

use super::known::LastReleases;
use super::messages::push_messages;
use super::{Result, Store, Touched, Tx, chunks, filled_with};
use crate::address::Address;
use crate::outbound::{Message, OutboundSpamPolicy, Sending, first_match};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};
use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 24 * HOUR;

/// What messages add to the counts of a minute, or changes of them take away.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Sum {
    /// Messages.
    pub messages: i64,
    /// Spam messages.
    pub spam: i64,
    /// Recipients inside.
    pub inside: i64,
    /// Recipients outside.
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
    /// The senders of `touched` messages, in order.
    pub(super) fn of(touched: &[Touched], last: &LastReleases) -> BTreeMap<Address, Self> {
        let mut additions = BTreeMap::<Address, Self>::new();
        for touched in touched {
            let message = &touched.after;
            let released = last.get(&message.sender).copied().unwrap_or_default();
            let addition = additions.entry(message.sender.clone()).or_default();
            addition.since = released;
            // What came before the release was counted before it, and no longer counts.
            let since = if message.at.timestamp_micros() < released { 0 } else { released };
            *addition.deltas.entry((minute(message.at), since)).or_default() += touched.delta();
        }
        additions
    }
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

/// Those whose counts a batch changes.
pub(super) fn wanted(
    additions: &BTreeMap<Address, Addition>,
    policies: &[OutboundSpamPolicy],
    now: DateTime<Utc>,
) -> Vec<Wanted> {
    let counts = |addition: &Addition| addition.deltas.values().any(|it| *it != Sum::default());
    let changed = additions.iter().filter(|(_, addition)| counts(addition));
    changed
        .map(|(sender, addition)| Wanted::new(sender, addition.since, policies, minute(now)))
        .collect()
}

/// The minute since 1970.
pub(in crate::store) fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// Many rows of [`Sums`] as one; see [`crate::store::row::SQLITE_LIST`].
const SQLITE_LIST: &str = "SELECT json_group_array(json_object(
    'sender', sender, 'outside_in_hour', outside_in_hour, 'inside_in_hour', inside_in_hour,
    'outside_in_day', outside_in_day, 'inside_in_day', inside_in_day,
    'unplaced_in_day', unplaced_in_day, 'messages_in_day', messages_in_day,
    'spam_in_day', spam_in_day, 'spam_in_minutes', spam_in_minutes,
    'policies_revision', policies_revision, 'policies', policies)) FROM (";

#[derive(FromRow, Deserialize)]
pub(super) struct Sums {
    sender: String,
    outside_in_hour: i64,
    inside_in_hour: i64,
    outside_in_day: i64,
    inside_in_day: i64,
    unplaced_in_day: i64,
    messages_in_day: i64,
    spam_in_day: i64,
    spam_in_minutes: i64,
    policies_revision: i64,
    policies: i64,
}

impl Sums {
    /// At which revision the policies stood.
    pub(super) fn revision(&self) -> (i64, i64) {
        (self.policies_revision, self.policies)
    }

    pub(super) fn told(self) -> (Address, Sending) {
        (Address::stored(&self.sender), self.into())
    }
}

impl From<Sums> for Sending {
    fn from(sums: Sums) -> Self {
        Self {
            outside_in_hour: sums.outside_in_hour,
            inside_in_hour: sums.inside_in_hour,
            outside_in_day: sums.outside_in_day,
            inside_in_day: sums.inside_in_day,
            unplaced_in_day: sums.unplaced_in_day,
            messages_in_day: sums.messages_in_day,
            spam_in_day: sums.spam_in_day,
            spam_in_minutes: sums.spam_in_minutes,
        }
    }
}

impl Store {
    /// Adds sums of messages, by sender and minute, of which nothing more is known. They are judged
    /// with the sender's next message.
    ///
    /// # Errors
    /// When the database fails; then nothing is added.
    pub async fn add_sums(&self, sums: &BTreeMap<(Address, i64), Sum>) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.lock_senders(sums.keys().map(|(sender, _)| sender)).await?;
        let senders = sums.keys().map(|(sender, _)| sender).collect();
        let (_, last) = tx.known_and_released(&[], DateTime::UNIX_EPOCH, senders).await?;
        let mut additions = BTreeMap::<Address, Addition>::new();
        for ((sender, minute), sum) in sums {
            let released = last.get(sender).copied().unwrap_or_default();
            let since = if minute * 60_000_000 < released { 0 } else { released };
            let addition = additions.entry(sender.clone()).or_default();
            addition.deltas.insert((*minute, since), *sum);
        }
        tx.write_and_sum(&[], &rows(&additions), &[], DateTime::UNIX_EPOCH).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Writes messages, adds rows to the counts, and then tells what senders sent lately. SQLite does
    /// it all at once: from one statement to the next, one thread waits for another.
    pub(super) async fn write_and_sum(
        &mut self,
        messages: &[&Message],
        rows: &[Row<'_>],
        wanted: &[Wanted],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sums>> {
        let (messages, rows) = (chunks(messages), chunks(rows));
        let wanted = filled_with(wanted, Wanted::nobody);
        let now = minute(now);
        match self {
            Self::Sqlite(tx) => {
                let mut query = QueryBuilder::new("");
                for messages in messages {
                    push_messages(&mut query, messages);
                    query.push("; ");
                }
                for rows in rows {
                    push_rows(&mut query, rows);
                    query.push("; ");
                }
                for wanted in wanted {
                    query.push(SQLITE_LIST);
                    push_sums(&mut query, &wanted, now);
                    query.push("); ");
                }
                let lists: Vec<Json<Vec<Sums>>> =
                    query.build_query_scalar().fetch_all(&mut **tx).await?;
                Ok(lists.into_iter().flat_map(|Json(list)| list).collect())
            }
            Self::Postgres(tx) => {
                for messages in messages {
                    let mut query = QueryBuilder::new("");
                    push_messages(&mut query, messages);
                    query.build().execute(&mut **tx).await?;
                }
                for rows in rows {
                    let mut query = QueryBuilder::new("");
                    push_rows(&mut query, rows);
                    query.build().execute(&mut **tx).await?;
                }
                let mut sums = Vec::new();
                for wanted in wanted {
                    let mut query = QueryBuilder::new("");
                    push_sums(&mut query, &wanted, now);
                    sums.extend(query.build_query_as::<Sums>().fetch_all(&mut **tx).await?);
                }
                Ok(sums)
            }
        }
    }
}

/// Whose counts, and from when on.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) sender: String,
    pub(super) since: i64,
    /// Spam counts towards the spam rule behind this minute.
    pub(super) spam_after: i64,
}

impl Wanted {
    /// Somebody who sent nothing.
    fn nobody(_: &Self) -> Self {
        Self { sender: String::new(), since: 0, spam_after: 0 }
    }

    pub(super) fn new(
        sender: &Address,
        since: i64,
        policies: &[OutboundSpamPolicy],
        now: i64,
    ) -> Self {
        let policy = first_match(policies, sender);
        let minutes = policy.map_or(0, |policy| policy.spam_messages_minutes);
        Self { sender: sender.to_string(), since, spam_after: now - minutes }
    }
}

fn push_rows<DB: Database>(query: &mut QueryBuilder<DB>, rows: &[Row<'_>])
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
{
    query.push(
        "INSERT INTO sending
                (sender, minute, since, messages, spam, inside, outside, unplaced) ",
    );
    query.push_values(rows, |mut row, (sender, (minute, since), delta)| {
        row.push_bind(sender.as_str())
            .push_bind(*minute)
            .push_bind(*since)
            .push_bind(delta.messages)
            .push_bind(delta.spam)
            .push_bind(delta.inside)
            .push_bind(delta.outside)
            .push_bind(delta.unplaced);
    });
    query.push(
        " ON CONFLICT (sender, minute, since) DO UPDATE
             SET messages = sending.messages + excluded.messages,
                 spam = sending.spam + excluded.spam,
                 inside = sending.inside + excluded.inside,
                 outside = sending.outside + excluded.outside,
                 unplaced = sending.unplaced + excluded.unplaced",
    );
}

/// The query for the sums of some senders, and for the revision of the policies.
pub(super) fn push_sums<DB: Database>(query: &mut QueryBuilder<DB>, wanted: &[Wanted], now: i64)
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
{
    query.push("WITH wanted (sender, since, spam_after) AS (");
    query.push_values(wanted, |mut row, wanted| {
        row.push_bind(wanted.sender.as_str()).push_bind(wanted.since).push_bind(wanted.spam_after);
    });
    query.push(
        ")
         SELECT wanted.sender AS sender,
                CAST(SUM(CASE WHEN minute > ",
    );
    query.push_bind(now - HOUR);
    query.push(
        " THEN outside ELSE 0 END) AS BIGINT) AS outside_in_hour,
                CAST(SUM(CASE WHEN minute > ",
    );
    query.push_bind(now - HOUR);
    query.push(
        " THEN inside ELSE 0 END) AS BIGINT) AS inside_in_hour,
                CAST(SUM(outside) AS BIGINT) AS outside_in_day,
                CAST(SUM(inside) AS BIGINT) AS inside_in_day,
                CAST(SUM(unplaced) AS BIGINT) AS unplaced_in_day,
                CAST(SUM(messages) AS BIGINT) AS messages_in_day,
                CAST(SUM(spam) AS BIGINT) AS spam_in_day,
                CAST(SUM(CASE WHEN minute > wanted.spam_after THEN spam ELSE 0 END) AS BIGINT)
                    AS spam_in_minutes,
                (SELECT COALESCE(MAX(revision), 0) FROM outbound_spam_policies)
                    AS policies_revision,
                (SELECT COUNT(*) FROM outbound_spam_policies) AS policies
           FROM wanted
           JOIN sending ON sending.sender = wanted.sender
                       AND sending.since = wanted.since
                       AND sending.minute > ",
    );
    query.push_bind(now - DAY);
    query.push(" GROUP BY wanted.sender ORDER BY wanted.sender");
}
