//! Taking over restrictions from an export, in chunks that hold up nobody.

use super::postgres::patient;
use super::{Backend, Result, Store, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, Event, HistoryEntry, NewAuditEntry, NewHistoryEntry};
use crate::model::operator::Actor;
use crate::model::reason::Cause;
use crate::model::restriction::next_midnight;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;
use std::collections::HashSet;
use uuid::Uuid;

/// A restriction as an export tells it.
#[derive(Debug, Clone)]
pub struct ImportRow {
    pub address: Address,
    pub cause: Cause,
    /// Why; empty where the export does not say.
    pub reason: String,
    /// Since when; the time of the import where the export does not say.
    pub created: Option<DateTime<Utc>>,
    pub changed: Option<DateTime<Utc>>,
    pub temporary: bool,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportTally {
    pub imported: usize,
    /// Rows that were imported before, are restricted already, or have ended.
    pub skipped: usize,
}

/// What the store knows of a sender in the chunk.
#[derive(FromRow)]
struct Known {
    address: String,
    restricted_at: DateTime<Utc>,
    imported: bool,
    released_at: Option<DateTime<Utc>>,
}

/// Rows of one statement: SQLite takes 32,766 values.
const ROWS_AT_ONCE: usize = 1_000;

/// Memory for pages while much is imported into SQLite, in KiB: as much as a transaction of 100,000
/// rows changes. And fewer pages in the write-ahead log than at which a server moves them to the
/// file, so that none of its writes has to do that work for the import.
const SQLITE_FOR_MANY: &str = "PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 3000";

impl Store {
    /// Makes room for many chunks to come.
    pub async fn expect_many(&self) -> Result<()> {
        if let Backend::Sqlite(writer) = &self.write {
            sqlx::raw_sql(SQLITE_FOR_MANY).execute(writer.pool()).await?;
        }
        Ok(())
    }

    /// Lets the planner know of the many rows that came in, and pages be counted in their indexes
    /// alone. Postgres would do so by itself within minutes and answer slowly until then; SQLite
    /// takes the indexes that are meant without knowing the rows.
    pub async fn settle(&self) -> Result<()> {
        if let Backend::Postgres(server) = &self.write {
            let patient = patient(server.pool());
            sqlx::query("VACUUM (ANALYZE) restrictions").execute(&patient).await?;
            patient.close().await;
        }
        Ok(())
    }

    /// Imports rows in one transaction.
    ///
    /// # Errors
    /// When the database fails; then none of them is imported.
    pub async fn import(&self, rows: &[ImportRow], now: DateTime<Utc>) -> Result<ImportTally> {
        let mut tx = self.begin().await?;
        tx.write_back_early().await?;
        let mut history = Vec::new();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let known = tx.known(rows).await?;
            let new = Sieve::new(known, now).new_rows(rows);
            let imported = tx.insert_imported(new, now).await?;
            history.extend(imported.iter().map(|(id, row)| began(*id, row, now)));
        }
        tx.record(&history, Vec::new()).await?;
        tx.commit().await?;
        Ok(ImportTally { imported: history.len(), skipped: rows.len() - history.len() })
    }

    /// Writes the audit record that an import begins.
    pub async fn record_import_began(
        &self,
        file: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let audit = NewAuditEntry::new(actor, Action::ImportBegan, now);
        let mut tx = self.begin().await?;
        tx.record(&[], vec![audit.after(json!({ "file": file }))]).await?;
        tx.commit().await
    }

    /// Writes the audit record that an import has ended, and what became of its rows.
    pub async fn record_import(
        &self,
        file: &str,
        tally: ImportTally,
        bad: usize,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let audit = NewAuditEntry::new(actor, Action::RestrictionsImported, now).after(json!({
            "file": file, "imported": tally.imported, "skipped": tally.skipped, "bad": bad,
        }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Lets Postgres hand pages that it has no room for to the disk at once. Left to the operating
    /// system they pile up until a checkpoint waits for all of them, and every other commit with it.
    async fn write_back_early(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SET LOCAL backend_flush_after = '256kB'").execute(&mut **tx).await?;
        }
        Ok(())
    }

    async fn known(&mut self, rows: &[ImportRow]) -> Result<Vec<Known>> {
        Ok(on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new("");
            for half in [
                // The two halves have an index each.
                "SELECT address, restricted_at, imported, released_at
                   FROM restrictions
                  WHERE released_at IS NULL AND address IN (",
                " UNION ALL
                 SELECT address, restricted_at, imported, released_at
                   FROM restrictions
                  WHERE released_at IS NOT NULL AND address IN (",
            ] {
                let mut addresses = query.push(half).separated(", ");
                for row in rows {
                    addresses.push_bind(row.address.as_str());
                }
                query.push(")");
            }
            query.build_query_as().fetch_all(&mut **tx).await
        })?)
    }

    /// Answers those of the rows that are restrictions now, with their ids.
    async fn insert_imported<'a>(
        &mut self,
        rows: Vec<&'a ImportRow>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, &'a ImportRow)>> {
        let mut rows: Vec<_> = rows.into_iter().map(|row| (Uuid::now_v7(), row)).collect();
        if rows.is_empty() {
            return Ok(rows);
        }
        let insert = self.many("INSERT OR FAIL INTO restrictions", "INSERT INTO restrictions");
        let inserted: u64 = on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(insert);
            query.push(
                "       (id, address, domain, cause, reason, temporary, imported,
                         ends_at, restricted_at, changed_at) ",
            );
            query.push_values(&rows, |mut values, (id, row)| {
                let restricted_at = row.restricted_at(now);
                values
                    .push_bind(*id)
                    .push_bind(row.address.as_str())
                    .push_bind(row.address.domain())
                    .push_bind(row.cause)
                    .push_bind(&row.reason)
                    .push_bind(row.temporary)
                    .push_bind(true)
                    .push_bind(row.ends_at(now))
                    .push_bind(restricted_at)
                    .push_bind(row.changed.unwrap_or(restricted_at));
            });
            query.push(" ON CONFLICT (address) WHERE released_at IS NULL DO NOTHING");
            query.build().execute(&mut **tx).await.map(|done| done.rows_affected())
        })?;
        // To ask for each is slow, and somebody else restricted one of them meanwhile only seldom.
        if inserted < rows.len() as u64 {
            let inserted = self.existing(rows.iter().map(|(id, _)| *id)).await?;
            rows.retain(|(id, _)| inserted.contains(id));
        }
        Ok(rows)
    }

    async fn existing(&mut self, ids: impl Iterator<Item = Uuid> + Clone) -> Result<HashSet<Uuid>> {
        let ids: Vec<Uuid> = on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new("SELECT id FROM restrictions WHERE id IN (");
            let mut separated = query.separated(", ");
            for id in ids.clone() {
                separated.push_bind(id);
            }
            query.push(")");
            query.build_query_scalar().fetch_all(&mut **tx).await
        })?;
        Ok(ids.into_iter().collect())
    }
}

/// The first line of an imported restriction's history.
fn began(id: Uuid, row: &ImportRow, now: DateTime<Utc>) -> NewHistoryEntry {
    NewHistoryEntry {
        restriction_id: id,
        entry: HistoryEntry {
            at: row.restricted_at(now),
            event: Event::Restricted,
            actor: None,
            comment: None,
            detail: Some("imported".into()),
        },
    }
}

impl ImportRow {
    fn restricted_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.created.unwrap_or(now)
    }

    fn ends_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.temporary.then(|| next_midnight(self.restricted_at(now)))
    }
}

/// Holds back what is not new. A row is known by address and creation time, or by the address
/// alone where it has none; a sender can be restricted only once.
struct Sieve {
    restricted: HashSet<String>,
    imported: HashSet<String>,
    imported_at: HashSet<(String, DateTime<Utc>)>,
    now: DateTime<Utc>,
}

impl Sieve {
    fn new(known: Vec<Known>, now: DateTime<Utc>) -> Self {
        let mut sieve = Self {
            restricted: HashSet::new(),
            imported: HashSet::new(),
            imported_at: HashSet::new(),
            now,
        };
        for known in known {
            if known.released_at.is_none() {
                sieve.restricted.insert(known.address.clone());
            }
            if known.imported {
                sieve.imported.insert(known.address.clone());
                sieve.imported_at.insert((known.address, known.restricted_at));
            }
        }
        sieve
    }

    fn new_rows(mut self, rows: &[ImportRow]) -> Vec<&ImportRow> {
        rows.iter().filter(|row| self.is_new(row)).collect()
    }

    fn is_new(&mut self, row: &ImportRow) -> bool {
        let address = row.address.as_str();
        let imported_before = match row.created {
            Some(created) => self.imported_at.contains(&(address.to_owned(), created)),
            None => self.imported.contains(address),
        };
        let over = row.ends_at(self.now).is_some_and(|ends_at| ends_at <= self.now);
        !imported_before && !over && self.restricted.insert(address.to_owned())
    }
}
