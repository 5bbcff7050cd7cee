//! Checking the chain of the audit log.

use super::{Result, Store, StoreError, on};
use crate::model::history::{NO_HASH, chained};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::FromRow;

/// Records read at once.
const PAGE: i64 = 1_000;

/// The last record of a chain that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// Its number; 0 while the log is empty.
    pub number: i64,
    pub hash: String,
}

/// Where the chain breaks.
#[derive(Debug, thiserror::Error)]
pub enum BrokenChain {
    #[error("record {0} is missing")]
    Missing(i64),
    /// A record does not fit its hash, or the one before.
    #[error("record {0} does not fit its hash: it or one before it was changed")]
    Changed(i64),
    /// A record is found by something else than it tells.
    #[error(
        "record {0} is filed under another number, time, actor, address or action than it tells: \
         its columns were changed"
    )]
    Misfiled(i64),
    /// A record does not have the hash that it had.
    #[error("record {0} has another hash than before: the log was written anew")]
    Replaced(i64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A record as the chain sees it.
#[derive(Debug, FromRow)]
struct Link {
    number: i64,
    record: String,
    hash: String,
}

/// What a record tells, and has to be found by.
#[derive(Debug, Deserialize)]
struct Told {
    number: i64,
    at: DateTime<Utc>,
    actor: String,
    address: Option<String>,
    action: String,
}

impl Store {
    /// The last record, unchecked.
    pub async fn last_audit_record(&self) -> Result<ChainEnd> {
        let last: Option<Link> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT number, record, hash FROM audit ORDER BY number DESC LIMIT 1"
        )
        .fetch_optional(pool)
        .await)?;
        Ok(last.map_or_else(ChainEnd::of_nothing, |last| ChainEnd::at(&last)))
    }

    /// Checks the chain from the first record to the last, that it still holds `known`, and that every
    /// record is found by what it tells.
    ///
    /// # Errors
    /// When the chain breaks, or the database fails.
    pub async fn verify_audit(
        &self,
        known: Option<&ChainEnd>,
    ) -> std::result::Result<ChainEnd, BrokenChain> {
        let mut end = ChainEnd::of_nothing();
        loop {
            let links = self.audit_after(end.number).await?;
            if links.is_empty() {
                break;
            }
            for link in &links {
                end = end.next(link)?;
                if known.is_some_and(|known| known.number == end.number && *known != end) {
                    return Err(BrokenChain::Replaced(end.number));
                }
            }
            self.are_found_by_what_they_tell(&links).await?;
        }
        match known {
            Some(known) if known.number > end.number => Err(BrokenChain::Missing(end.number + 1)),
            _ => Ok(end),
        }
    }

    async fn audit_after(&self, number: i64) -> Result<Vec<Link>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT number, record, hash FROM audit WHERE number > $1 ORDER BY number LIMIT $2"
        )
        .bind(number)
        .bind(PAGE)
        .fetch_all(pool)
        .await)?)
    }

    /// The hash covers what a record tells, and searches go by the columns beside it. The database
    /// compares them: in SQLite a column takes values that read the same and are found elsewhere.
    async fn are_found_by_what_they_tell(
        &self,
        links: &[Link],
    ) -> std::result::Result<(), BrokenChain> {
        let told = links.iter().map(Told::by).collect::<std::result::Result<Vec<_>, _>>()?;
        let misfiled: Option<i64> = on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new("SELECT MIN(number) FROM audit JOIN (");
            query.push_values(told, |mut row, told| {
                row.push_bind(told.number)
                    .push_bind(told.at)
                    .push_bind(told.actor)
                    .push_bind(told.address)
                    .push_bind(told.action);
            });
            query.push(
                ") AS told ON number = column1
                  WHERE at <> column2
                     OR actor <> column3
                     OR address IS DISTINCT FROM column4
                     OR action <> column5",
            );
            query.build_query_scalar().fetch_one(pool).await
        })
        .map_err(StoreError::from)?;
        misfiled.map_or(Ok(()), |number| Err(BrokenChain::Misfiled(number)))
    }
}

impl Told {
    fn by(link: &Link) -> std::result::Result<Self, BrokenChain> {
        let told = serde_json::from_str(&link.record).ok();
        told.filter(|told: &Self| told.number == link.number)
            .ok_or(BrokenChain::Misfiled(link.number))
    }
}

impl ChainEnd {
    fn of_nothing() -> Self {
        Self { number: 0, hash: NO_HASH.into() }
    }

    fn at(link: &Link) -> Self {
        Self { number: link.number, hash: link.hash.clone() }
    }

    fn next(&self, link: &Link) -> std::result::Result<Self, BrokenChain> {
        if link.number != self.number + 1 {
            return Err(BrokenChain::Missing(self.number + 1));
        }
        if link.hash != chained(&self.hash, &link.record) {
            return Err(BrokenChain::Changed(link.number));
        }
        Ok(Self::at(link))
    }
}
