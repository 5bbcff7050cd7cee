//! Reading the audit log, and checking its chain.

use super::statement::{Piece, build};
use super::{Result, Store, StoreError, on};
use crate::event::{NO_HASH, chained};
use chrono::{DateTime, Utc};
use sqlx::FromRow;

/// Records read at once.
const PAGE: i64 = 1_000;

/// Which audit records.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Whose deeds.
    pub actor: Option<String>,
    /// Done to whom.
    pub address: Option<String>,
    /// Whether `actor` and `address` are only how the names begin.
    pub by_beginning: bool,
    /// Which deeds.
    pub action: Option<String>,
    /// From when on.
    pub since: Option<DateTime<Utc>>,
    /// Until when, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Below which number to go on.
    pub before: Option<i64>,
    /// How many.
    pub limit: usize,
}

/// A record as it stands in the log.
#[derive(Debug, Clone, FromRow)]
pub struct AuditRecord {
    /// Its place.
    pub number: i64,
    /// The exact bytes that were hashed.
    pub record: String,
    /// The hash over the one before and these bytes.
    pub hash: String,
}

/// The last record of a chain that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// Its number; 0 while the log is empty.
    pub number: i64,
    /// Its hash.
    pub hash: String,
}

/// Where the chain breaks.
#[derive(Debug, thiserror::Error)]
pub enum BrokenChain {
    /// A record is missing.
    #[error("record {0} is missing")]
    Missing(i64),
    /// A record does not fit its hash, or the one before.
    #[error("record {0} does not fit its hash: it or one before it was changed")]
    Changed(i64),
    /// A record does not have the hash that it had.
    #[error("record {0} has another hash than before: the log was written anew")]
    Replaced(i64),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Audit records, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        let pieces = query.pieces();
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?)
    }

    /// The last record, unchecked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_audit_record(&self) -> Result<ChainEnd> {
        let last = self.audit(&AuditQuery { limit: 1, ..AuditQuery::default() }).await?.pop();
        Ok(last.map_or_else(ChainEnd::of_nothing, ChainEnd::at))
    }

    /// Checks the chain from the first record to the last, and that it still holds `known`.
    ///
    /// # Errors
    /// When the chain breaks, or the database fails.
    pub async fn verify_audit(
        &self,
        known: Option<&ChainEnd>,
    ) -> std::result::Result<ChainEnd, BrokenChain> {
        let mut end = ChainEnd::of_nothing();
        loop {
            let records = self.audit_after(end.number).await?;
            if records.is_empty() {
                break;
            }
            for record in records {
                end = end.next(record)?;
                if known.is_some_and(|known| known.number == end.number && *known != end) {
                    return Err(BrokenChain::Replaced(end.number));
                }
            }
        }
        match known {
            Some(known) if known.number > end.number => Err(BrokenChain::Missing(end.number + 1)),
            _ => Ok(end),
        }
    }

    async fn audit_after(&self, number: i64) -> Result<Vec<AuditRecord>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT number, record, hash FROM audit WHERE number > $1 ORDER BY number LIMIT $2"
        )
        .bind(number)
        .bind(PAGE)
        .fetch_all(pool)
        .await)?)
    }
}

impl ChainEnd {
    fn of_nothing() -> Self {
        Self { number: 0, hash: NO_HASH.into() }
    }

    fn at(record: AuditRecord) -> Self {
        Self { number: record.number, hash: record.hash }
    }

    fn next(&self, record: AuditRecord) -> std::result::Result<Self, BrokenChain> {
        if record.number != self.number + 1 {
            return Err(BrokenChain::Missing(self.number + 1));
        }
        if record.hash != chained(&self.hash, &record.record) {
            return Err(BrokenChain::Changed(record.number));
        }
        Ok(Self::at(record))
    }
}

impl AuditQuery {
    fn pieces(&self) -> Vec<Piece> {
        let text = |condition, text: &Option<String>| {
            text.clone().map(|text| [Piece::Sql(condition), Piece::Text(text)])
        };
        let time = |condition, at: Option<DateTime<Utc>>| {
            at.map(|at| [Piece::Sql(condition), Piece::Time(at)])
        };
        let (actor, address) =
            if self.by_beginning { (&None, &None) } else { (&self.actor, &self.address) };
        let conditions = [
            text(" AND actor = ", actor),
            text(" AND address = ", address),
            text(" AND action = ", &self.action),
            time(" AND at >= ", self.since),
            time(" AND at < ", self.until),
            self.before.map(|number| [" AND number < ".into(), Piece::Number(number)]),
        ];
        let mut pieces: Vec<Piece> =
            vec!["SELECT number, record, hash FROM audit WHERE TRUE".into()];
        pieces.extend(conditions.into_iter().flatten().flatten());
        if self.by_beginning {
            pieces.extend(self.beginnings());
        }
        pieces.push(" ORDER BY number DESC LIMIT ".into());
        pieces.push(Piece::Number(i64::try_from(self.limit).unwrap_or(i64::MAX)));
        pieces
    }

    /// Read from the newest on until a page is full, without an index: the log is read by people.
    fn beginnings(&self) -> impl Iterator<Item = Piece> + use<> {
        let begins = |column: [&'static str; 2], text: &Option<String>| {
            text.clone().map(|text| {
                let text = text.to_lowercase();
                [column[0].into(), Piece::Text(text.clone()), column[1].into(), Piece::Text(text)]
            })
        };
        let actor = begins([" AND substr(lower(actor), 1, length(", ")) = "], &self.actor);
        let address = begins([" AND substr(address, 1, length(", ")) = "], &self.address);
        [actor, address].into_iter().flatten().flatten()
    }
}
