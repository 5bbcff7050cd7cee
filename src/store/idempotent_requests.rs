//! Requests under an `Idempotency-Key`, and their answers.

use super::{Result, Store, Tx, on};
use crate::idempotency::{KEPT, KeyedRequest, LONGEST};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// Rows deleted in one transaction, so that no other write waits long.
const AT_ONCE: i64 = 500;

/// What is known of a request when it comes.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing, or nothing that holds any more: it is to be done, by this attempt.
    Now(Uuid),
    Before(KeptAnswer),
    UnderWay,
    /// The key stands for another request.
    Another,
}

/// An answer that was kept.
#[derive(Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u16,
    pub sealed: String,
}

#[derive(FromRow)]
struct Row {
    fingerprint: String,
    status: Option<i64>,
    answer: Option<String>,
}

impl Store {
    /// Begins a request, unless it was begun before. Of many at once, over all replicas, one begins.
    pub async fn begin_request(&self, request: &KeyedRequest, now: DateTime<Utc>) -> Result<Begun> {
        let mut tx = self.begin().await?;
        let attempt = Uuid::now_v7();
        if tx.begin_request(request, attempt, now).await? {
            tx.commit().await?;
            return Ok(Begun::Now(attempt));
        }
        let row: Option<Row> = on!(&mut tx, |tx| sqlx::query_as(
            "SELECT fingerprint, status, answer FROM idempotent_requests WHERE id = $1"
        )
        .bind(request.id())
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map_or(Begun::UnderWay, |row| row.begun(request)))
    }

    /// Keeps the answer of the attempt that began the request last.
    pub async fn keep_answer(
        &self,
        request: &KeyedRequest,
        attempt: Uuid,
        answer: &KeptAnswer,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "UPDATE idempotent_requests SET status = $3, answer = $4
              WHERE id = $1 AND attempt = $2"
        )
        .bind(request.id())
        .bind(attempt)
        .bind(i64::from(answer.status))
        .bind(&answer.sealed)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Forgets an attempt that did nothing, so that the same key can be sent again.
    pub async fn forget_request(&self, request: &KeyedRequest, attempt: Uuid) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM idempotent_requests WHERE id = $1 AND attempt = $2"
        )
        .bind(request.id())
        .bind(attempt)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Deletes some of the requests that were begun before `before`, and answers how many; none when
    /// nothing is left.
    ///
    /// # Errors
    /// When the database fails; then none is deleted.
    pub async fn delete_some_requests(&self, before: DateTime<Utc>) -> Result<u64> {
        // Asked without keeping anybody from writing.
        let any: bool = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM idempotent_requests WHERE begun_at < $1)"
        )
        .bind(before)
        .fetch_one(pool)
        .await)?;
        if !any {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let deleted = on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM idempotent_requests
              WHERE id IN (SELECT id FROM idempotent_requests
                            WHERE begun_at < $1 ORDER BY begun_at LIMIT $2)"
        )
        .bind(before)
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(deleted)
    }
}

impl Tx {
    async fn begin_request(
        &mut self,
        request: &KeyedRequest,
        attempt: Uuid,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        Ok(on!(self, |tx| sqlx::query(
            "INSERT INTO idempotent_requests (id, fingerprint, attempt, begun_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE
                SET fingerprint = $2, attempt = $3, begun_at = $4, status = NULL, answer = NULL
              WHERE idempotent_requests.begun_at <= $5
                 -- Left by a process that was killed.
                 OR (idempotent_requests.status IS NULL AND idempotent_requests.begun_at <= $6)"
        )
        .bind(request.id())
        .bind(request.fingerprint())
        .bind(attempt)
        .bind(now)
        .bind(now - KEPT)
        .bind(now - LONGEST)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected() == 1))?)
    }
}

impl Row {
    fn begun(self, request: &KeyedRequest) -> Begun {
        let status = self.status.and_then(|status| u16::try_from(status).ok());
        match (status, self.answer) {
            _ if self.fingerprint != request.fingerprint() => Begun::Another,
            (Some(status), Some(sealed)) => Begun::Before(KeptAnswer { status, sealed }),
            _ => Begun::UnderWay,
        }
    }
}
