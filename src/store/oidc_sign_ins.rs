//! Sign-ins at the identity provider that have begun, and the ID tokens of those that went well.

use super::{Result, Store, on};
use crate::oidc::Begun;
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// Sign-ins that are at the provider at once. Where strangers begin more, the oldest is forgotten for the
/// newest.
const MOST: i64 = 5_000;

impl Store {
    /// Keeps a sign-in that has begun in `browser` until `expires_at`; those that are over by `now`
    /// are forgotten on the occasion.
    pub async fn keep_sign_in(
        &self,
        begun: &Begun,
        browser: &SecretHash,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM oidc_sign_ins
              WHERE expires_at <= $1
                 OR state_hash = (SELECT state_hash FROM oidc_sign_ins
                                   WHERE (SELECT COUNT(*) FROM oidc_sign_ins) >= $2
                                   ORDER BY expires_at LIMIT 1)"
        )
        .bind(now)
        .bind(MOST)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO oidc_sign_ins (state_hash, browser_hash, nonce, verifier, expires_at)
             VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(SecretHash::of(begun.state.expose_secret()))
        .bind(browser)
        .bind(begun.nonce.expose_secret())
        .bind(begun.verifier.expose_secret())
        .bind(expires_at)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Uses up the sign-in that `state` belongs to; nothing where it was used before, has expired,
    /// or began in another browser.
    pub async fn take_sign_in(
        &self,
        state: SecretString,
        browser: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Begun>> {
        let mut tx = self.begin().await?;
        let kept: Option<(String, String)> = on!(&mut tx, |tx| sqlx::query_as(
            "DELETE FROM oidc_sign_ins
              WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3
             RETURNING nonce, verifier"
        )
        .bind(SecretHash::of(state.expose_secret()))
        .bind(browser)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        tx.commit().await?;
        Ok(kept.map(|(nonce, verifier)| Begun {
            state,
            nonce: nonce.into(),
            verifier: verifier.into(),
        }))
    }

    /// Keeps the ID token that a session began with.
    pub async fn keep_id_token(&self, session: &SecretHash, id_token: &SecretString) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("UPDATE sessions SET id_token = $2 WHERE secret_hash = $1")
            .bind(session)
            .bind(id_token.expose_secret())
            .execute(&mut **tx)
            .await
            .map(drop))?;
        tx.commit().await
    }

    /// Ends the sessions of a subject whom its provider gives no role group any more; it may get one
    /// again.
    pub async fn end_sessions_vouched_for(&self, issuer: &str, subject: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let operator: Option<Option<Uuid>> = on!(&mut tx, |tx| sqlx::query_scalar(
            "SELECT operator_id FROM oidc_subjects WHERE issuer = $1 AND subject = $2"
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(&mut **tx)
        .await)?;
        if let Some(operator) = operator.flatten() {
            tx.end_sessions_but(operator, None).await?;
        }
        tx.commit().await
    }

    /// The ID token that a session began with; nothing where it began with a password.
    pub async fn id_token(&self, session: &SecretHash) -> Result<Option<SecretString>> {
        let id_token: Option<Option<String>> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT id_token FROM sessions WHERE secret_hash = $1"
        )
        .bind(session)
        .fetch_optional(pool)
        .await)?;
        Ok(id_token.flatten().map(Into::into))
    }
}
