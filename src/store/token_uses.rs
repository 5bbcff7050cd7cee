//! When tokens were used last, and from where.

use super::{Result, Store, Tx, on};
use crate::model::operator::RoleGroup;
use crate::secret::SecretHash;
use crate::store::columns;
use crate::token_uses::TokenUse;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use std::collections::HashMap;

/// How exactly the last use is kept; a write at each request would be too many.
const USED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A token and its last use.
#[derive(Debug, Clone, FromRow)]
pub struct KnownToken {
    pub name: String,
    pub role_group: RoleGroup,
    pub created_at: DateTime<Utc>,
    /// Until when; for ever where there is nothing.
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    /// And from where.
    pub last_used_from: Option<String>,
}

impl KnownToken {
    /// Whether a use now is worth a write.
    pub fn is_use_news(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at.is_none_or(|at| now - at >= USED_EVERY)
    }
}

impl Store {
    /// Every token with its last use, by name.
    pub async fn known_tokens(&self) -> Result<Vec<KnownToken>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(tokens),
            " FROM tokens ORDER BY name"
        ))
        .fetch_all(pool)
        .await)?)
    }

    /// The token with this secret, while it is good.
    pub async fn token(
        &self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<KnownToken>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(tokens),
            "
               FROM tokens
              WHERE secret_hash = $1 AND (expires_at IS NULL OR expires_at > $2)"
        ))
        .bind(secret)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
    }

    /// Writes when tokens were used, each at most once a minute.
    pub async fn note_token_uses(&self, uses: &HashMap<SecretHash, TokenUse>) -> Result<()> {
        let mut tx = self.begin().await?;
        for (token, it) in uses {
            tx.note_token_use(token, *it).await?;
        }
        tx.commit().await
    }
}

impl Tx {
    async fn note_token_use(&mut self, token: &SecretHash, it: TokenUse) -> Result<()> {
        Ok(on!(self, |tx| sqlx::query(
            "UPDATE tokens
                SET last_used_at = $2, last_used_from = $3
              WHERE secret_hash = $1
                -- Another replica may have written within this minute.
                AND (last_used_at IS NULL OR last_used_at <= $4)"
        )
        .bind(token)
        .bind(it.at)
        .bind(it.from.map(|address| address.to_string()))
        .bind(it.at - USED_EVERY)
        .execute(&mut **tx)
        .await
        .map(drop))?)
    }
}
