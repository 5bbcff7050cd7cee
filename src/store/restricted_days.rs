//! How many were restricted on each UTC day. Kept as sums, because a page shall not count a million
//! restrictions; written where all changes are numbered, under the lock that they share, so that the
//! sums are right for any number of processes and no two wait for each other in an order of their own.

use super::{Result, Store, StoreError, on};
use crate::model::history::{Event, NewHistoryEntry};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// How many began on each day. What was imported began elsewhere, and has no actor.
pub(super) fn restricted_days(history: &[NewHistoryEntry]) -> BTreeMap<NaiveDate, i64> {
    let mut days = BTreeMap::new();
    for NewHistoryEntry { entry, .. } in history {
        if entry.event == Event::Restricted && entry.actor.is_some() {
            *days.entry(entry.at.date_naive()).or_default() += 1;
        }
    }
    days
}

impl Store {
    /// How many were restricted on each UTC day from `first` on, imports left out; a day of none is
    /// not there. Days are written as `2026-11-23`.
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
