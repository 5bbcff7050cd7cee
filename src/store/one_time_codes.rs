//! The secrets of one-time codes. See migration 0003 for why they are no hashes.

use super::second_factors::{Added, NewFactor};
use super::{Result, Store, Tx, on};
use crate::one_time_code::CodeSecret;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// A secret that nobody has shown a code of is of no use after so long.
const SETUP_LASTS: TimeDelta = TimeDelta::minutes(30);

/// Of codes that are good at one time, the steps lie no further apart: one is as late as one is early.
const STEPS_APART: i64 = 2;

impl Store {
    /// Keeps a secret that does not count yet, in place of another such; false where one counts.
    pub async fn begin_one_time_codes(
        &self,
        operator: Uuid,
        secret: &CodeSecret,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let kept = on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO one_time_codes (operator_id, secret, created_at, last_step)
             VALUES ($1, $2, $3, 0)
             ON CONFLICT (operator_id) DO UPDATE SET secret = $2, created_at = $3
              WHERE one_time_codes.confirmed_at IS NULL"
        )
        .bind(operator)
        .bind(secret.base32())
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(kept == 1)
    }

    /// The secret that an operator is setting up.
    pub async fn unconfirmed_secret(
        &self,
        operator: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<CodeSecret>> {
        let secret: Option<String> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT secret FROM one_time_codes
              WHERE operator_id = $1 AND confirmed_at IS NULL AND created_at > $2"
        )
        .bind(operator)
        .bind(now - SETUP_LASTS)
        .fetch_optional(pool)
        .await)?;
        Ok(secret.map(CodeSecret::stored))
    }

    /// The secret that an operator signs in with.
    pub async fn code_secret(&self, operator: Uuid) -> Result<Option<CodeSecret>> {
        let secret: Option<String> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT secret FROM one_time_codes
              WHERE operator_id = $1 AND confirmed_at IS NOT NULL"
        )
        .bind(operator)
        .fetch_optional(pool)
        .await)?;
        Ok(secret.map(CodeSecret::stored))
    }

    /// Lets the secret count whose code of `step` was shown; nothing where it is another by now.
    pub async fn confirm_one_time_codes(
        &self,
        secret: &CodeSecret,
        step: i64,
        new: NewFactor<'_>,
    ) -> Result<Option<Added>> {
        let mut tx = self.begin().await?;
        let confirmed = on!(&mut tx, |tx| sqlx::query(
            "UPDATE one_time_codes SET confirmed_at = $3, last_step = $4
              WHERE operator_id = $1 AND secret = $2 AND confirmed_at IS NULL"
        )
        .bind(new.operator)
        .bind(secret.base32())
        .bind(new.now)
        .bind(step)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        if confirmed == 0 {
            return Ok(None);
        }
        tx.factor_added(new, "one-time codes").await.map(Some)
    }

    /// Takes the code of a step; false where it, or a later one, was taken before.
    pub async fn take_code(&self, operator: Uuid, step: i64) -> Result<bool> {
        let mut tx = self.begin().await?;
        let taken = on!(&mut tx, |tx| sqlx::query(
            "UPDATE one_time_codes SET last_step = $2
              WHERE operator_id = $1 AND confirmed_at IS NOT NULL
                -- A step that no code is good for yet was taken by a clock that was ahead.
                AND (last_step < $2 OR last_step > $3)"
        )
        .bind(operator)
        .bind(step)
        .bind(step + STEPS_APART)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(taken == 1)
    }
}

impl Tx {
    pub(super) async fn delete_one_time_codes(&mut self, operator: Uuid) -> Result<bool> {
        let deleted =
            on!(self, |tx| sqlx::query("DELETE FROM one_time_codes WHERE operator_id = $1")
                .bind(operator)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()))?;
        Ok(deleted == 1)
    }
}
