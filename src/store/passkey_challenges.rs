//! What authenticators were asked to sign.

use super::{Result, Store, on};
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};

/// Questions that wait at once. Where strangers ask for more, the oldest is forgotten for the newest.
const MOST: i64 = 5_000;

impl Store {
    /// Keeps what an authenticator was asked, in place of what the same browser asked before, and
    /// forgets what was never answered.
    pub async fn keep_challenge(
        &self,
        browser: &SecretHash,
        state: &str,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM passkey_challenges
              WHERE expires_at <= $1
                 OR secret_hash = (SELECT secret_hash FROM passkey_challenges
                                    WHERE (SELECT COUNT(*) FROM passkey_challenges) >= $2
                                    ORDER BY expires_at LIMIT 1)"
        )
        .bind(now)
        .bind(MOST)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO passkey_challenges (secret_hash, state, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (secret_hash) DO UPDATE SET state = $2, expires_at = $3"
        )
        .bind(browser)
        .bind(state)
        .bind(expires_at)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// What was asked, once.
    pub async fn take_challenge(
        &self,
        browser: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<String>> {
        let mut tx = self.begin().await?;
        let state = on!(&mut tx, |tx| sqlx::query_scalar(
            "DELETE FROM passkey_challenges
              WHERE secret_hash = $1 AND expires_at > $2
             RETURNING state"
        )
        .bind(browser)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        tx.commit().await?;
        Ok(state)
    }
}
