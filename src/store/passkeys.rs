//! Passkeys.

use super::second_factors::{Added, NewFactor};
use super::{Result, Store, StoreError, Tx, on};
use crate::passkey::credential_id;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

/// A passkey as the store knows one.
#[derive(Debug, FromRow)]
pub struct PasskeyRecord {
    pub id: Uuid,
    pub operator_id: Uuid,
    pub address: String,
    pub name: String,
    /// The public key and what else checks a signature.
    #[sqlx(try_from = "String")]
    pub credential: Credential,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The public key and the counter of signatures.
#[derive(Debug)]
pub struct Credential(pub Passkey);

impl TryFrom<String> for Credential {
    type Error = serde_json::Error;

    fn try_from(json: String) -> std::result::Result<Self, serde_json::Error> {
        serde_json::from_str(&json).map(Self)
    }
}

const COLUMNS: &str = "SELECT passkeys.id, operator_id, operators.address, name, credential,
                              passkeys.created_at, last_used_at
                         FROM passkeys JOIN operators ON operators.id = operator_id ";

impl Store {
    /// An operator's passkeys, the oldest first.
    pub async fn passkeys(&self, operator: Uuid) -> Result<Vec<PasskeyRecord>> {
        on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(COLUMNS);
            query.push("WHERE operator_id = ").push_bind(operator);
            query.push(" ORDER BY passkeys.id").build_query_as().fetch_all(pool).await
        })
        .map_err(StoreError::from)
    }

    /// The passkey that authenticators know by this id.
    pub async fn passkey(&self, credential_id: &str) -> Result<Option<PasskeyRecord>> {
        on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(COLUMNS);
            query.push("WHERE credential_id = ").push_bind(credential_id);
            query.build_query_as().fetch_optional(pool).await
        })
        .map_err(StoreError::from)
    }

    /// Adds a passkey; nothing where somebody has it already.
    pub async fn add_passkey(
        &self,
        passkey: &Passkey,
        name: &str,
        new: NewFactor<'_>,
    ) -> Result<Option<Added>> {
        let mut tx = self.begin().await?;
        let added = on!(&mut tx, |tx| {
            sqlx::query(
            "INSERT INTO passkeys (id, operator_id, credential_id, name, credential, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (credential_id) DO NOTHING"
        )
        .bind(Uuid::now_v7())
        .bind(new.operator)
        .bind(credential_id(passkey.cred_id()))
        .bind(name)
        .bind(json(passkey))
        .bind(new.now)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected())
        })?;
        if added == 0 {
            return Ok(None);
        }
        tx.factor_added(new, &format!("passkey {name}")).await.map(Some)
    }

    /// Keeps that a passkey signed in, and its counter where that has changed.
    pub async fn passkey_used(
        &self,
        id: Uuid,
        changed: Option<&Passkey>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "UPDATE passkeys SET last_used_at = $2, credential = COALESCE($3, credential)
              WHERE id = $1"
        )
        .bind(id)
        .bind(now)
        .bind(changed.map(json))
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }
}

fn json(passkey: &Passkey) -> String {
    serde_json::to_string(passkey).expect("a passkey has only text for keys")
}

impl Tx {
    pub(super) async fn delete_passkey(
        &mut self,
        operator: Uuid,
        id: Uuid,
    ) -> Result<Option<String>> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "DELETE FROM passkeys WHERE id = $2 AND operator_id = $1 RETURNING name"
        )
        .bind(operator)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await)?)
    }
}
