//! How many were restricted on each UTC day. Kept as sums, because a page shall not count a million
//! restrictions; written where all changes are numbered, under the lock that they share, so that the
//! sums are right for any number of processes and no two wait for each other in an order of their own.

use super::{Result, Store, StoreError, Tx, on};
use crate::event::{Event, NewHistoryEntry};
use chrono::NaiveDate;
use std::collections::BTreeMap;

impl Tx {
    /// Adds what began to the sums of its days. What was imported began elsewhere, and has no actor.
    pub(super) async fn count_restricted(&mut self, history: &[NewHistoryEntry]) -> Result<()> {
        let mut days: BTreeMap<NaiveDate, i64> = BTreeMap::new();
        for NewHistoryEntry { entry, .. } in history {
            if entry.event == Event::Restricted && entry.actor.is_some() {
                *days.entry(entry.at.date_naive()).or_default() += 1;
            }
        }
        for (day, restricted) in days {
            self.add_to_day(day, restricted).await?;
        }
        Ok(())
    }

    async fn add_to_day(&mut self, day: NaiveDate, restricted: i64) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "INSERT INTO restricted_days (day, restricted) VALUES ($1, $2)
             ON CONFLICT (day) DO UPDATE
               SET restricted = restricted_days.restricted + excluded.restricted"
        )
        .bind(day.to_string())
        .bind(restricted)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }
}

impl Store {
    /// How many were restricted on each UTC day from `first` on, imports left out; a day of none is
    /// not there. Days are written as `2026-11-23`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn restricted_per_day(&self, first: NaiveDate) -> Result<Vec<(String, i64)>> {
        on!(&self.read, |pool| sqlx::query_as(
            "SELECT day, restricted FROM restricted_days WHERE day >= $1 ORDER BY day"
        )
        .bind(first.to_string())
        .fetch_all(pool)
        .await)
        .map_err(StoreError::from)
    }
}
