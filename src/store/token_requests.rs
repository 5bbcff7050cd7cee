//! How many requests each token sent in a minute.

use super::{Result, Store, on};
use crate::rate_limit::minute;
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};

impl Store {
    /// Counts a request of a token, and answers the how manyth of its minute it is.
    pub async fn count_request(&self, token: &SecretHash, now: DateTime<Utc>) -> Result<i64> {
        let mut tx = self.begin().await?;
        let requests = on!(&mut tx, |tx| sqlx::query_scalar(
            "INSERT INTO token_requests (secret_hash, minute, requests) VALUES ($1, $2, 1)
             ON CONFLICT (secret_hash, minute)
             DO UPDATE SET requests = token_requests.requests + 1
             RETURNING requests"
        )
        .bind(token)
        .bind(minute(now))
        .fetch_one(&mut **tx)
        .await)?;
        tx.commit().await?;
        Ok(requests)
    }

    /// Deletes the counts of minutes that are over; there is one for each token and minute.
    ///
    /// # Errors
    /// When the database fails; then none is deleted.
    pub async fn delete_old_request_counts(&self, now: DateTime<Utc>) -> Result<u64> {
        // Asked without keeping anybody from writing.
        let any: bool = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM token_requests WHERE minute < $1)"
        )
        .bind(minute(now))
        .fetch_one(pool)
        .await)?;
        if !any {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let deleted =
            on!(&mut tx, |tx| sqlx::query("DELETE FROM token_requests WHERE minute < $1")
                .bind(minute(now))
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(deleted)
    }
}
