//! Who has given the right password and not yet the second factor.

use super::{Result, Store, on};
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// Somebody who has given the right password.
#[derive(Debug, Clone, FromRow)]
pub struct HalfSignIn {
    pub operator_id: Uuid,
    pub address: String,
    /// How often a second factor was tried.
    pub attempts: i64,
}

/// How often a second factor may be tried before the password is asked again.
pub const SECOND_FACTOR_ATTEMPTS: i64 = 5;

impl Store {
    /// Keeps that the password was right; what nobody went on with is forgotten.
    pub async fn begin_half_sign_in(
        &self,
        secret: &SecretHash,
        operator: Uuid,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("DELETE FROM half_sign_ins WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO half_sign_ins (secret_hash, operator_id, attempts, expires_at)
             VALUES ($1, $2, 0, $3)"
        )
        .bind(secret)
        .bind(operator)
        .bind(expires_at)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Who is half signed in, while a second factor may still be tried.
    pub async fn half_sign_in(
        &self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<HalfSignIn>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT operator_id, operators.address, attempts
               FROM half_sign_ins JOIN operators ON operators.id = operator_id
              WHERE secret_hash = $1 AND expires_at > $2 AND attempts < $3"
        )
        .bind(secret)
        .bind(now)
        .bind(SECOND_FACTOR_ATTEMPTS)
        .fetch_optional(pool)
        .await)?)
    }

    /// Takes one of the attempts before the second factor is looked at, so that many at once
    /// cannot take more than there are.
    pub async fn try_second_factor(
        &self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<HalfSignIn>> {
        let mut tx = self.begin().await?;
        let half = on!(&mut tx, |tx| sqlx::query_as(
            "UPDATE half_sign_ins SET attempts = attempts + 1
              WHERE secret_hash = $1 AND expires_at > $2 AND attempts < $3
             RETURNING operator_id, attempts,
                       (SELECT address FROM operators WHERE id = operator_id) AS address"
        )
        .bind(secret)
        .bind(now)
        .bind(SECOND_FACTOR_ATTEMPTS)
        .fetch_optional(&mut **tx)
        .await)?;
        tx.commit().await?;
        Ok(half)
    }

    /// Ends it; false where it has ended already.
    pub async fn end_half_sign_in(&self, secret: &SecretHash) -> Result<bool> {
        let mut tx = self.begin().await?;
        let ended =
            on!(&mut tx, |tx| sqlx::query("DELETE FROM half_sign_ins WHERE secret_hash = $1")
                .bind(secret)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(ended == 1)
    }
}
