//! What happened to restrictions, in the order of commits.

use super::row::RestrictionRow;
use super::{Result, Store, on};
use crate::model::history::Event;
use crate::model::restriction::Restriction;
use crate::store::columns;
use chrono::{DateTime, Utc};
use sqlx::FromRow;

/// Something that happened to a restriction, which is as it stands by now.
#[derive(Debug, Clone)]
pub struct Happened {
    /// Its number: larger than that of everything before.
    pub number: i64,
    pub at: DateTime<Utc>,
    pub event: Event,
    pub restriction: Restriction,
}

#[derive(FromRow)]
struct HappenedRow {
    number: i64,
    at: DateTime<Utc>,
    event: Event,
    #[sqlx(flatten)]
    restriction: RestrictionRow,
}

impl Store {
    /// Up to `limit` events behind number `after`, in order.
    pub async fn events_after(&self, after: i64, limit: i64) -> Result<Vec<Happened>> {
        let rows: Vec<HappenedRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT history.number, history.at, history.event, ",
            columns!(restrictions),
            "
               FROM history JOIN restrictions ON restrictions.id = history.restriction_id
              WHERE history.number > $1
              ORDER BY history.number
              LIMIT $2"
        ))
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl From<HappenedRow> for Happened {
    fn from(row: HappenedRow) -> Self {
        let restriction = row.restriction.into();
        Self { number: row.number, at: row.at, event: row.event, restriction }
    }
}
