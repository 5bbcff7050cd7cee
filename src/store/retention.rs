//! Deleting old evidence.

use super::alerts::day;
use super::counting::minute;
use super::trace::first_id_at;
use super::{Result, Store, Tx, on};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Rows deleted in one transaction, so that no other write waits long.
const AT_ONCE: i64 = 500;

/// What is deleted once it is old: one kind after the other, each by its own index.
#[derive(Debug, Clone, Copy)]
pub enum Evidence {
    Messages,
    /// How much was sent, by sender and minute.
    Sending,
    Crossings,
    /// Recipients that were refused, by restriction and minute.
    Refusals,
    /// Notices with their deliveries, and how many mails were sent a day.
    Notices,
}

impl Evidence {
    /// Every kind there is.
    pub const ALL: [Self; 5] =
        [Self::Messages, Self::Sending, Self::Crossings, Self::Refusals, Self::Notices];
}

impl Store {
    /// When the newest message or audit record was written.
    pub async fn newest_record(&self) -> Result<Option<DateTime<Utc>>> {
        let newest: Vec<DateTime<Utc>> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT at FROM (SELECT at FROM messages ORDER BY id DESC LIMIT 1) AS message
             UNION ALL
             SELECT at FROM (SELECT at FROM audit ORDER BY number DESC LIMIT 1) AS record"
        )
        .fetch_all(pool)
        .await)?;
        Ok(newest.into_iter().max())
    }

    /// Deletes some of one kind from before `before`, and answers how many; none when nothing is left.
    ///
    /// # Errors
    /// When the database fails; then none is deleted.
    pub async fn delete_some(&self, evidence: Evidence, before: DateTime<Utc>) -> Result<u64> {
        // Asked without keeping anybody from writing.
        if !self.has_old(evidence, before).await? {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let deleted = match evidence {
            Evidence::Messages => tx.delete_messages(before).await?,
            Evidence::Sending => tx.delete_sending(before).await?,
            Evidence::Crossings => tx.delete_crossings(before).await?,
            Evidence::Refusals => tx.delete_refusals(before).await?,
            Evidence::Notices => tx.delete_notices(before).await?,
        };
        tx.commit().await?;
        Ok(deleted)
    }

    async fn has_old(&self, evidence: Evidence, before: DateTime<Utc>) -> Result<bool> {
        let text = match evidence {
            Evidence::Messages => "SELECT EXISTS (SELECT 1 FROM messages WHERE id < $1)",
            Evidence::Sending => "SELECT EXISTS (SELECT 1 FROM sending WHERE minute < $1)",
            Evidence::Crossings => "SELECT EXISTS (SELECT 1 FROM crossings WHERE at < $1)",
            Evidence::Refusals => "SELECT EXISTS (SELECT 1 FROM refusals WHERE minute < $1)",
            Evidence::Notices => {
                "SELECT EXISTS (SELECT 1 FROM notices WHERE created_at < $1)
                     OR EXISTS (SELECT 1 FROM mails_of_day WHERE day < $2)"
            }
        };
        Ok(on!(&self.read, |pool| {
            let query = sqlx::query_scalar(text);
            let query = match evidence {
                Evidence::Messages => query.bind(first_id_at(before)),
                Evidence::Sending => query.bind(minute(before)),
                Evidence::Crossings | Evidence::Refusals => query.bind(before),
                Evidence::Notices => query.bind(before).bind(day(before)),
            };
            query.fetch_one(pool).await
        })?)
    }
}

impl Tx {
    async fn delete_messages(&mut self, before: DateTime<Utc>) -> Result<u64> {
        Ok(on!(self, |tx| sqlx::query(
            "DELETE FROM messages
              WHERE id IN (SELECT id FROM messages WHERE id < $1 ORDER BY id LIMIT $2)"
        )
        .bind(first_id_at(before))
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?)
    }

    async fn delete_sending(&mut self, before: DateTime<Utc>) -> Result<u64> {
        Ok(on!(self, |tx| sqlx::query(
            "DELETE FROM sending
              WHERE (sender, minute, since) IN (
                    SELECT sender, minute, since FROM sending
                     WHERE minute < $1 ORDER BY minute LIMIT $2)"
        )
        .bind(minute(before))
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?)
    }

    async fn delete_crossings(&mut self, before: DateTime<Utc>) -> Result<u64> {
        Ok(on!(self, |tx| sqlx::query(
            "DELETE FROM crossings
              WHERE id IN (SELECT id FROM crossings WHERE at < $1 ORDER BY at LIMIT $2)"
        )
        .bind(before)
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?)
    }

    async fn delete_refusals(&mut self, before: DateTime<Utc>) -> Result<u64> {
        Ok(on!(self, |tx| sqlx::query(
            "DELETE FROM refusals
              WHERE (restriction_id, minute) IN (
                    SELECT restriction_id, minute FROM refusals
                     WHERE minute < $1 ORDER BY minute LIMIT $2)"
        )
        .bind(before)
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?)
    }

    /// Notices with their deliveries, and how many mails their recipients got. An alert stays for
    /// as long as its restriction.
    async fn delete_notices(&mut self, before: DateTime<Utc>) -> Result<u64> {
        let old: Vec<Uuid> = on!(self, |tx| sqlx::query_scalar(
            "SELECT id FROM notices WHERE created_at < $1 ORDER BY created_at LIMIT $2"
        )
        .bind(before)
        .bind(AT_ONCE)
        .fetch_all(&mut **tx)
        .await)?;
        for notice in &old {
            on!(self, |tx| sqlx::query("DELETE FROM deliveries WHERE notice_id = $1")
                .bind(notice)
                .execute(&mut **tx)
                .await
                .map(drop))?;
            on!(self, |tx| sqlx::query("DELETE FROM notices WHERE id = $1")
                .bind(notice)
                .execute(&mut **tx)
                .await
                .map(drop))?;
        }
        let counts = on!(self, |tx| sqlx::query("DELETE FROM mails_of_day WHERE day < $1")
            .bind(day(before))
            .execute(&mut **tx)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(counts + u64::try_from(old.len()).unwrap_or_default())
    }
}
