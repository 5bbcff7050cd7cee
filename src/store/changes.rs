//! Writing what happened: history and audit log, numbered in the order of commits.

use super::{Backend, Result, Store, Tx, on};
use crate::blocklist::Change;
use crate::committed::Committed;
use crate::event::{
    Action, AuditEntry, Event, HistoryEntry, NO_HASH, NewAuditEntry, NewHistoryEntry, chained,
};
use crate::operator::Actor;
use crate::restriction::Restriction;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// Postgres' advisory lock under which the numbers are given; an arbitrary key of ours.
const NUMBERS_LOCK: i64 = 0x5265_7374_7269_6374;

/// The columns of `history` and `audit` bound at once: SQLite takes 32,766 values in a statement.
const ROWS_AT_ONCE: usize = 1_000;

impl Tx {
    /// Writes history and audit records and gives them their numbers. Must be the last thing before
    /// the commit: it takes the lock under which all numbers are given. Answers the number of the
    /// first history entry.
    pub(super) async fn record(
        &mut self,
        history: &[NewHistoryEntry],
        audit: Vec<NewAuditEntry>,
    ) -> Result<i64> {
        self.lock_numbers().await?;
        let first = self.last_change().await? + 1;
        for (start, entries) in (first..).step_by(ROWS_AT_ONCE).zip(history.chunks(ROWS_AT_ONCE)) {
            self.insert_history(start, entries).await?;
        }
        self.count_restricted(history).await?;
        self.append_to_audit(audit).await?;
        Ok(first)
    }

    /// On SQLite whoever writes holds the only write lock already.
    async fn lock_numbers(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(NUMBERS_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn last_change(&mut self) -> Result<i64> {
        Ok(on!(self, |tx| sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM history")
            .fetch_one(&mut **tx)
            .await)?)
    }

    async fn insert_history(&mut self, first: i64, entries: &[NewHistoryEntry]) -> Result<()> {
        on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO history (number, restriction_id, at, event, actor, comment, detail) ",
            );
            query.push_values(first_to(first, entries), |mut row, (number, new)| {
                row.push_bind(number)
                    .push_bind(new.restriction_id)
                    .push_bind(new.entry.at)
                    .push_bind(new.entry.event)
                    .push_bind(new.entry.actor.as_deref())
                    .push_bind(new.entry.comment.as_deref())
                    .push_bind(new.entry.detail.as_deref());
            });
            query.build().execute(&mut **tx).await.map(drop)
        })?;
        Ok(())
    }

    async fn append_to_audit(&mut self, entries: Vec<NewAuditEntry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (number, hash) = self.last_audit_record().await?;
        let records = chain(number, hash, entries);
        for records in records.chunks(ROWS_AT_ONCE) {
            self.insert_audit(records).await?;
        }
        Ok(())
    }

    async fn last_audit_record(&mut self) -> Result<(i64, String)> {
        let last: Option<(i64, String)> = on!(self, |tx| sqlx::query_as(
            "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
        )
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(last.unwrap_or((0, NO_HASH.into())))
    }

    async fn insert_audit(&mut self, records: &[Record]) -> Result<()> {
        on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO audit (number, at, actor, address, action, record, hash) ",
            );
            query.push_values(records, |mut row, record| {
                row.push_bind(record.entry.number)
                    .push_bind(record.entry.at)
                    .push_bind(&record.entry.actor)
                    .push_bind(record.entry.address.as_deref())
                    .push_bind(&record.action)
                    .push_bind(&record.text)
                    .push_bind(&record.hash);
            });
            query.build().execute(&mut **tx).await.map(drop)
        })?;
        Ok(())
    }
}

fn first_to(
    first: i64,
    entries: &[NewHistoryEntry],
) -> impl Iterator<Item = (i64, &NewHistoryEntry)> {
    (first..).zip(entries)
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
    /// The number of the last change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_change(&self) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COALESCE(MAX(number), 0) FROM history"
        )
        .fetch_one(pool)
        .await)?)
    }

    /// Up to `limit` changes behind number `after`, in order, each with the state its restriction
    /// has by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes_after(&self, after: i64, limit: i64) -> Result<Vec<Change>> {
        let rows: Vec<(i64, Uuid, String, Option<DateTime<Utc>>)> = on!(&self.read, |pool| {
            sqlx::query_as(
                "SELECT history.number, restrictions.id, restrictions.address, restrictions.released_at
                   FROM history JOIN restrictions ON restrictions.id = history.restriction_id
                  WHERE history.number > $1
                  ORDER BY history.number
                  LIMIT $2"
            )
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows
            .into_iter()
            .map(|(number, id, address, released_at)| Change {
                number,
                id,
                address: crate::address::Address::stored(&address),
                active: released_at.is_none(),
            })
            .collect())
    }

    /// Every sender with an active restriction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_restrictions(&self) -> Result<Vec<(Box<str>, Uuid)>> {
        let rows: Vec<(Box<str>, Uuid)> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT address, id FROM restrictions WHERE released_at IS NULL"
        )
        .fetch_all(pool)
        .await)?;
        Ok(rows)
    }
}
