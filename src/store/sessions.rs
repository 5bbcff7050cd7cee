//! Sessions of operators who signed in.

use super::{Result, Store, on};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, RoleGroup};
use crate::secret::SecretHash;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

/// A session ends when nothing was asked for so long …
pub(super) const IDLE: TimeDelta = TimeDelta::hours(1);
/// … and in any case after so long.
pub(super) const LONGEST: TimeDelta = TimeDelta::hours(12);
/// How far the clock of another replica may be ahead.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);
/// How exactly the last use is kept; a write at each request would be too many.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Who a session belongs to.
#[derive(Debug, Clone, FromRow)]
pub struct SessionRecord {
    pub id: Uuid,
    pub operator_id: Uuid,
    pub address: String,
    pub role_group: RoleGroup,
    /// Whether the operator has a password here, and does not come from an identity provider.
    pub is_local: bool,
    /// Whether the operator has one-time codes or a passkey here.
    pub has_second_factor: bool,
    last_seen_at: DateTime<Utc>,
}

/// A session that is about to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    pub secret: &'a SecretHash,
    pub operator: Uuid,
    pub browser: Option<&'a str>,
    /// What the operator proved to be the one with.
    pub with: &'static str,
}

impl Store {
    /// Begins a session; sessions that are over are deleted on the occasion.
    pub async fn begin_session(
        &self,
        new: NewSession<'_>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let id = Uuid::now_v7();
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM sessions WHERE last_seen_at <= $1 OR created_at <= $2"
        )
        .bind(now - IDLE)
        .bind(now - LONGEST)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO sessions (secret_hash, operator_id, created_at, last_seen_at, id,
                                   client_address, browser)
             VALUES ($1, $2, $3, $3, $4, $5, $6)"
        )
        .bind(new.secret)
        .bind(new.operator)
        .bind(now)
        .bind(id)
        .bind(actor.client_address.map(|address| address.to_string()))
        .bind(new.browser)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(&mut tx, |tx| sqlx::query("UPDATE operators SET last_sign_in_at = $2 WHERE id = $1")
            .bind(new.operator)
            .bind(now)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        let actor = Actor { session: Some(id), ..actor.clone() };
        let audit = NewAuditEntry::new(&actor, Action::SignedIn, now)
            .to(&actor.name)
            .after(json!({ "with": new.with }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }

    /// Who the session belongs to, while it lasts; that it was asked keeps it alive.
    pub async fn session(
        &self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<SessionRecord>> {
        let session = self.find_session(secret, now).await?;
        if session.as_ref().is_some_and(|session| now - session.last_seen_at >= SEEN_EVERY) {
            self.touch_session(secret, now).await?;
        }
        Ok(session)
    }

    /// The same, but it goes on as if nobody had asked.
    pub async fn find_session(
        &self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<SessionRecord>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT sessions.id, operator_id, operators.address, operators.role_group,
                    operators.password_hash IS NOT NULL AS is_local,
                    EXISTS (SELECT 1 FROM one_time_codes
                             WHERE one_time_codes.operator_id = operators.id
                               AND confirmed_at IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM passkeys
                                WHERE passkeys.operator_id = operators.id) AS has_second_factor,
                    sessions.last_seen_at
               FROM sessions JOIN operators ON operators.id = sessions.operator_id
              WHERE sessions.secret_hash = $1
                AND sessions.last_seen_at > $2
                AND sessions.created_at > $3
                -- A clock that was ahead would let it last for as much longer.
                AND sessions.last_seen_at <= $4"
        )
        .bind(secret)
        .bind(now - IDLE)
        .bind(now - LONGEST)
        .bind(now + CLOCKS_APART)
        .fetch_optional(pool)
        .await)?)
    }

    async fn touch_session(&self, secret: &SecretHash, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "UPDATE sessions SET last_seen_at = $2 WHERE secret_hash = $1"
        )
        .bind(secret)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Ends a session whose browser begins another; signing in is what is audited.
    pub async fn drop_session(&self, secret: &SecretHash) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("DELETE FROM sessions WHERE secret_hash = $1")
            .bind(secret)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        tx.commit().await
    }

    /// Ends a session.
    pub async fn end_session(
        &self,
        secret: &SecretHash,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("DELETE FROM sessions WHERE secret_hash = $1")
            .bind(secret)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        let audit = NewAuditEntry::new(actor, Action::SignedOut, now).to(&actor.name);
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }
}
