//! API tokens.

use super::{Result, Store, on};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, RoleGroup};
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;

/// A token as the store knows one.
#[derive(Debug, Clone, FromRow)]
pub struct TokenRecord {
    pub name: String,
    pub role_group: RoleGroup,
    pub created_at: DateTime<Utc>,
    /// Until when; for ever where there is nothing.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Adds a token; false where the name is taken.
    pub async fn add_token(
        &self,
        token: &TokenRecord,
        secret: &SecretHash,
        actor: &Actor,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let added = on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO tokens (secret_hash, name, role_group, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO NOTHING"
        )
        .bind(secret)
        .bind(&token.name)
        .bind(token.role_group)
        .bind(token.created_at)
        .bind(token.expires_at)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        if added == 0 {
            return Ok(false);
        }
        let audit = NewAuditEntry::new(actor, Action::TokenCreated, token.created_at)
            .to(&token.name)
            .after(json!({ "role_group": token.role_group, "expires_at": token.expires_at }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Every token, by name.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT name, role_group, created_at, expires_at FROM tokens ORDER BY name"
        )
        .fetch_all(pool)
        .await)?)
    }

    /// Revokes a token; false where there is none of this name.
    pub async fn revoke_token(
        &self,
        name: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let role: Option<RoleGroup> = on!(&mut tx, |tx| sqlx::query_scalar(
            "DELETE FROM tokens WHERE name = $1 RETURNING role_group"
        )
        .bind(name)
        .fetch_optional(&mut **tx)
        .await)?;
        let Some(role) = role else { return Ok(false) };
        let audit = NewAuditEntry::new(actor, Action::TokenRevoked, now)
            .to(name)
            .before(json!({ "role_group": role }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
