//! Recipients that were refused while their sender was restricted, by minute.

use super::{Result, Store, Tx, on};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// How many counts one statement writes.
const ROWS_AT_ONCE: usize = 1_000;

impl Store {
    /// Adds counts of refused recipients: restriction, minute, recipients. Those of a restriction that
    /// the database has lost are passed over.
    ///
    /// # Errors
    /// When the database fails; then none was added.
    pub async fn add_refusals(&self, counts: &[(Uuid, DateTime<Utc>, i64)]) -> Result<()> {
        let mut tx = self.begin().await?;
        for counts in counts.chunks(ROWS_AT_ONCE) {
            let ids: Vec<Uuid> = counts.iter().map(|(id, ..)| *id).collect();
            let known = tx.known_restrictions(&ids).await?;
            let counts: Vec<_> = counts.iter().filter(|(id, ..)| known.contains(id)).collect();
            if counts.is_empty() {
                continue;
            }
            on!(&mut tx, |tx| {
                let mut query = sqlx::QueryBuilder::new(
                    "INSERT INTO refusals (restriction_id, minute, recipients) ",
                );
                query.push_values(counts, |mut row, (id, minute, recipients)| {
                    row.push_bind(*id).push_bind(*minute).push_bind(*recipients);
                });
                query.push(
                    " ON CONFLICT (restriction_id, minute)
                      DO UPDATE SET recipients = refusals.recipients + excluded.recipients",
                );
                query.build().execute(&mut **tx).await.map(drop)
            })?;
        }
        tx.commit().await
    }

    /// How many recipients were refused since `since`, for those of the restrictions that had any.
    pub async fn refusals(
        &self,
        restrictions: &[Uuid],
        since: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, i64>> {
        if restrictions.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(Uuid, i64)> = on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(
                "SELECT restriction_id, CAST(SUM(recipients) AS BIGINT)
                   FROM refusals
                  WHERE minute >= ",
            );
            query.push_bind(since).push(" AND restriction_id IN (");
            let mut ids = query.separated(", ");
            for id in restrictions {
                ids.push_bind(*id);
            }
            query.push(") GROUP BY restriction_id");
            query.build_query_as().fetch_all(pool).await
        })?;
        Ok(rows.into_iter().collect())
    }
}

impl Tx {
    async fn known_restrictions(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        let known: Vec<Uuid> = on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new("SELECT id FROM restrictions WHERE id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            query.push(")");
            query.build_query_scalar().fetch_all(&mut **tx).await
        })?;
        Ok(known.into_iter().collect())
    }
}
