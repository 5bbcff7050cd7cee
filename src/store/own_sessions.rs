//! An operator's sessions, listed and ended; and the own password.

use super::sessions::{IDLE, LONGEST};
use super::{Result, Store, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::secret::PasswordHash;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

/// A session as its owner sees it.
#[derive(Debug, FromRow)]
pub struct OwnSession {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    /// When something was asked last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// From where it began.
    pub client_address: Option<String>,
    pub browser: Option<String>,
}

impl Store {
    /// An operator's sessions, the one used last first.
    pub async fn own_sessions(
        &self,
        operator: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<OwnSession>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT id, created_at, last_seen_at, client_address, browser
               FROM sessions
              WHERE operator_id = $1 AND last_seen_at > $2 AND created_at > $3
              ORDER BY last_seen_at DESC, id DESC"
        )
        .bind(operator)
        .bind(now - IDLE)
        .bind(now - LONGEST)
        .fetch_all(pool)
        .await)?)
    }

    /// Ends one of an operator's sessions, or all but the one that asks; how many ended.
    pub async fn revoke_sessions(
        &self,
        operator: Uuid,
        which: WhichSessions,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let mut tx = self.begin().await?;
        let ended = match which {
            WhichSessions::One(id) => tx.end_session_of(operator, id).await?,
            WhichSessions::AllBut(id) => tx.end_sessions_but(operator, Some(id)).await?,
        };
        if ended > 0 {
            let audit = NewAuditEntry::new(actor, Action::SessionRevoked, now)
                .to(&actor.name)
                .after(json!({ "sessions_ended": ended }));
            tx.record(&[], vec![audit]).await?;
        }
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends all of an operator's sessions, for an admin; how many ended, nothing where there is no
    /// such operator.
    pub async fn end_sessions_of(
        &self,
        address: &Address,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>> {
        let Some(operator) = self.operator(address).await? else { return Ok(None) };
        let mut tx = self.begin().await?;
        let ended = tx.end_sessions_but(operator.id, None).await?;
        // Also where none was open: that the admin wanted it is worth knowing.
        let audit = NewAuditEntry::new(actor, Action::SessionRevoked, now)
            .to(address)
            .after(json!({ "sessions_ended": ended }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(Some(ended))
    }

    /// Changes an operator's password and ends everything that the old one opened but `session`.
    pub async fn change_password(
        &self,
        operator: Uuid,
        password: &PasswordHash,
        session: Uuid,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("UPDATE operators SET password_hash = $2 WHERE id = $1")
            .bind(operator)
            .bind(password)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        // A link for a new password may be in the hands of whoever made the old one unsafe.
        on!(&mut tx, |tx| sqlx::query("DELETE FROM one_time_links WHERE operator_id = $1")
            .bind(operator)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        tx.end_sessions_but(operator, Some(session)).await?;
        tx.forget_devices(operator).await?;
        let audit = NewAuditEntry::new(actor, Action::PasswordChanged, now).to(&actor.name);
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }
}

/// Sessions to be ended.
#[derive(Debug, Clone, Copy)]
pub enum WhichSessions {
    One(Uuid),
    AllBut(Uuid),
}

impl Tx {
    async fn end_session_of(&mut self, operator: Uuid, id: Uuid) -> Result<u64> {
        Ok(on!(self, |tx| sqlx::query("DELETE FROM sessions WHERE operator_id = $1 AND id = $2")
            .bind(operator)
            .bind(id)
            .execute(&mut **tx)
            .await
            .map(|done| done.rows_affected()))?)
    }

    /// Ends what an operator has open: sessions, but perhaps one, and sign-ins that wait for the
    /// second factor. How many sessions ended.
    pub(super) async fn end_sessions_but(
        &mut self,
        operator: Uuid,
        kept: Option<Uuid>,
    ) -> Result<u64> {
        on!(self, |tx| sqlx::query("DELETE FROM half_sign_ins WHERE operator_id = $1")
            .bind(operator)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(on!(self, |tx| sqlx::query("DELETE FROM sessions WHERE operator_id = $1 AND id <> $2")
            .bind(operator)
            .bind(kept.unwrap_or_default())
            .execute(&mut **tx)
            .await
            .map(|done| done.rows_affected()))?)
    }

    /// Forgets the browsers that are trusted with more attempts: one of them may have been used by
    /// whoever knew the old password.
    pub(super) async fn forget_devices(&mut self, operator: Uuid) -> Result<()> {
        on!(self, |tx| sqlx::query("DELETE FROM known_devices WHERE operator_id = $1")
            .bind(operator)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }
}
