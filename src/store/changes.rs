//! Writing what happened: history and audit log, numbered in the order of commits.

use super::restricted_days::restricted_days;
use super::{Result, Store, Tx, on};
use crate::blocklist::{Change, Mark};
use crate::committed::Committed;
use crate::model::history::{
    Action, AuditEntry, Event, HistoryEntry, NO_HASH, NewAuditEntry, NewHistoryEntry, chained,
};
use crate::model::operator::Actor;
use crate::model::restriction::Restriction;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

macro_rules! ends {
    () => {
        "SELECT (SELECT COALESCE(MAX(number), 0) FROM history),
                COALESCE(MAX(number), 0),
                MAX(hash)
           FROM (SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1) AS last"
    };
}

/// The ends of history and audit log. On SQLite whoever writes holds the only write lock already.
const ENDS: &str = ends!();
/// The same behind Postgres' advisory lock under which the numbers are given, an arbitrary key of ours.
/// Both are one step, because all other processes wait at the lock meanwhile.
const LOCK_AND_ENDS: &str = concat!("SELECT pg_advisory_xact_lock(5937278627730776948); ", ends!());

/// The rows of `history` and `audit` bound at once: SQLite takes 32,766 values in a statement.
const ROWS_AT_ONCE: usize = 1_000;

/// The last change, and number and hash of the last audit record.
type Ends = (i64, i64, Option<String>);

impl Tx {
    /// Writes history and audit records and gives them their numbers. Must be the last thing before
    /// the commit: it takes the lock under which all numbers are given. Answers the number of the
    /// first history entry.
    pub(super) async fn record(
        &mut self,
        history: &[NewHistoryEntry],
        audit: Vec<NewAuditEntry>,
    ) -> Result<i64> {
        let (last, number, hash) = self.lock_and_read_ends().await?;
        let records = chain(number, hash.unwrap_or_else(|| NO_HASH.into()), audit);
        let mut days = restricted_days(history);
        let mut entries = (last + 1..).step_by(ROWS_AT_ONCE).zip(history.chunks(ROWS_AT_ONCE));
        let mut records = records.chunks(ROWS_AT_ONCE);
        loop {
            let (some_entries, some_records) = (entries.next(), records.next().unwrap_or_default());
            if some_entries.is_none() && some_records.is_empty() {
                return Ok(last + 1);
            }
            let (first, entries) = some_entries.unwrap_or_default();
            self.write_changes(first, entries, &std::mem::take(&mut days), some_records).await?;
        }
    }

    async fn lock_and_read_ends(&mut self) -> Result<Ends> {
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_as(ENDS).fetch_one(&mut **tx).await?,
            Self::Postgres(tx) => {
                let rows = sqlx::raw_sql(LOCK_AND_ENDS).fetch_all(&mut **tx).await?;
                Ends::from_row(rows.last().ok_or(sqlx::Error::RowNotFound)?)?
            }
        })
    }

    /// Writes history entries from number `first` on, the sums of their days, and audit records, all
    /// in one statement.
    async fn write_changes(
        &mut self,
        first: i64,
        entries: &[NewHistoryEntry],
        days: &BTreeMap<NaiveDate, i64>,
        records: &[Record],
    ) -> Result<()> {
        let mut joints = self.joints(
            [entries.is_empty(), days.is_empty(), records.is_empty()]
                .iter()
                .filter(|empty| !**empty)
                .count(),
        );
        on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new("");
            if !entries.is_empty() {
                query.push(joints.next().unwrap_or_default()).push(
                    "INSERT INTO history (number, restriction_id, at, event, actor, comment, detail) ",
                );
                query.push_values((first..).zip(entries), |mut row, (number, new)| {
                    row.push_bind(number)
                        .push_bind(new.restriction_id)
                        .push_bind(new.entry.at)
                        .push_bind(new.entry.event)
                        .push_bind(new.entry.actor.as_deref())
                        .push_bind(new.entry.comment.as_deref())
                        .push_bind(new.entry.detail.as_deref());
                });
            }
            if !days.is_empty() {
                query
                    .push(joints.next().unwrap_or_default())
                    .push("INSERT INTO restricted_days (day, restricted) ");
                query.push_values(days, |mut row, (day, restricted)| {
                    row.push_bind(day.to_string()).push_bind(*restricted);
                });
                query.push(
                    " ON CONFLICT (day) DO UPDATE
                        SET restricted = restricted_days.restricted + excluded.restricted",
                );
            }
            if !records.is_empty() {
                query
                    .push(joints.next().unwrap_or_default())
                    .push("INSERT INTO audit (number, at, actor, address, action, record, hash) ");
                query.push_values(records, |mut row, record| {
                    row.push_bind(record.entry.number)
                        .push_bind(record.entry.at)
                        .push_bind(&record.entry.actor)
                        .push_bind(record.entry.address.as_deref())
                        .push_bind(&record.action)
                        .push_bind(&record.text)
                        .push_bind(&record.hash);
                });
            }
            query.build().execute(&mut **tx).await.map(drop)
        })?;
        Ok(())
    }

    /// What stands before each of so many statements that are sent as one: on SQLite they follow each
    /// other, on Postgres all but the last are common table expressions of it.
    fn joints(&self, statements: usize) -> impl Iterator<Item = String> + use<> {
        let is_postgres = matches!(self, Self::Postgres(_));
        (0..statements).map(move |number| match (is_postgres, number) {
            (_, 0) if statements == 1 => String::new(),
            (true, 0) => "WITH part_0 AS (".into(),
            (true, number) if number + 1 < statements => format!("), part_{number} AS ("),
            (true, _) => ") ".into(),
            (false, 0) => String::new(),
            (false, _) => "; ".into(),
        })
    }
}

struct Record {
    entry: AuditEntry,
    action: String,
    text: String,
    hash: String,
}

/// The entries behind record `number` with `hash`, each chained to the one before.
fn chain(number: i64, hash: String, entries: Vec<NewAuditEntry>) -> Vec<Record> {
    let mut before = hash;
    (number + 1..)
        .zip(entries)
        .map(|(number, entry)| {
            let entry = entry.numbered(number);
            let text = serde_json::to_string(&entry).expect("an entry has only text for keys");
            let hash = chained(&before, &text);
            before.clone_from(&hash);
            Record { action: format!("{:?}", entry.action), entry, text, hash }
        })
        .collect()
}

/// A line of history about `restriction` at the time it last changed.
pub(super) fn entry(
    restriction: &Restriction,
    event: Event,
    actor: Option<&str>,
) -> NewHistoryEntry {
    NewHistoryEntry {
        restriction_id: restriction.id,
        entry: HistoryEntry {
            at: restriction.changed_at,
            event,
            actor: actor.map(Into::into),
            comment: None,
            detail: None,
        },
    }
}

/// The audit record of a release, which nobody but the time has made.
pub(super) fn delisted(restriction: &Restriction, now: DateTime<Utc>) -> NewAuditEntry {
    NewAuditEntry::new(&Actor::system(), Action::Delisted, now)
        .to(&restriction.address)
        .before(json!({ "id": restriction.id, "unblock": restriction.unblock }))
}

/// What happened to restrictions: the history that was written from `first` on, each entry with its
/// restriction.
pub(super) fn committed(
    first: i64,
    history: Vec<NewHistoryEntry>,
    restrictions: impl IntoIterator<Item = Restriction>,
) -> Vec<Committed> {
    (first..)
        .zip(history.into_iter().zip(restrictions))
        .map(|(number, (new, restriction))| Committed { number, entry: new.entry, restriction })
        .collect()
}

impl Store {
    /// The last change; nothing while there was none.
    pub async fn last_change(&self) -> Result<Option<Mark>> {
        let row: Option<(i64, Uuid, DateTime<Utc>)> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT number, restriction_id, at FROM history ORDER BY number DESC LIMIT 1"
        )
        .fetch_optional(pool)
        .await)?;
        Ok(row.map(|(number, id, at)| Mark { number, id, at }))
    }

    /// Up to `limit` changes from number `first` on, in order, each with the state its restriction
    /// has by now.
    pub async fn changes_from(&self, first: i64, limit: i64) -> Result<Vec<Change>> {
        type Row = (i64, Uuid, DateTime<Utc>, String, Option<DateTime<Utc>>);
        let rows: Vec<Row> = on!(&self.read, |pool| {
            sqlx::query_as(
                "SELECT history.number, restrictions.id, history.at, restrictions.address,
                        restrictions.released_at
                   FROM history JOIN restrictions ON restrictions.id = history.restriction_id
                  WHERE history.number >= $1
                  ORDER BY history.number
                  LIMIT $2",
            )
            .bind(first)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows
            .into_iter()
            .map(|(number, id, at, address, released_at)| Change {
                number,
                id,
                at,
                address: crate::model::address::Address::stored(&address),
                active: released_at.is_none(),
            })
            .collect())
    }

    /// Every sender with an active restriction.
    pub async fn active_restrictions(&self) -> Result<Vec<(Box<str>, Uuid)>> {
        let rows: Vec<(Box<str>, Uuid)> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT address, id
               FROM restrictions
              WHERE released_at IS NULL
              -- The order of an index that holds both, so that no row of a million is fetched.
              ORDER BY cause, address"
        )
        .fetch_all(pool)
        .await)?;
        Ok(rows)
    }
}
