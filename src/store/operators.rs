//! Operators and their passwords.

use super::{Result, Store, StoreError, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, RoleGroup};
use crate::secret::{PasswordHash, SecretHash};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

/// An operator as the store knows one.
#[derive(Debug, Clone, FromRow)]
pub struct OperatorRecord {
    pub id: Uuid,
    pub address: String,
    pub role_group: RoleGroup,
    pub created_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// Whether an identity provider vouches for it: there is no password then.
    pub is_vouched_for: bool,
    /// Whether one-time codes are asked for.
    pub has_codes: bool,
    pub has_passkey: bool,
}

/// What is needed to check a password.
#[derive(Debug, FromRow)]
pub struct SignInRecord {
    pub id: Uuid,
    pub address: String,
    /// The password's hash; nothing until the first password is set.
    pub password_hash: Option<PasswordHash>,
}

const COLUMNS: &str = "SELECT id, address, role_group, created_at, last_sign_in_at,
                              EXISTS (SELECT 1 FROM oidc_subjects
                                       WHERE operator_id = operators.id) AS is_vouched_for,
                              EXISTS (SELECT 1 FROM one_time_codes
                                       WHERE operator_id = operators.id
                                         AND confirmed_at IS NOT NULL) AS has_codes,
                              EXISTS (SELECT 1 FROM passkeys
                                       WHERE operator_id = operators.id) AS has_passkey
                         FROM operators";

impl Store {
    /// Adds an operator who has no password yet and the link to set one; false where the address
    /// is an operator's already.
    pub async fn add_operator(
        &self,
        address: &Address,
        role: RoleGroup,
        link: (&SecretHash, DateTime<Utc>),
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let renamed = tx.free_address(address, actor, now).await?;
        let id = Uuid::now_v7();
        if !tx.insert_operator(id, address, role, None, now).await? {
            return Ok(false);
        }
        tx.insert_link(Some(id), link).await?;
        let audit = NewAuditEntry::new(actor, Action::OperatorAdded, now)
            .to(address)
            .after(json!({ "role_group": role }));
        tx.record(&[], renamed.into_iter().chain([audit]).collect()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Every operator, by address.
    pub async fn operators(&self) -> Result<Vec<OperatorRecord>> {
        on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(COLUMNS);
            query.push(" ORDER BY address").build_query_as().fetch_all(pool).await
        })
        .map_err(StoreError::from)
    }

    /// The operator with this address.
    pub async fn operator(&self, address: &Address) -> Result<Option<OperatorRecord>> {
        on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(COLUMNS);
            query.push(" WHERE address = ").push_bind(address.as_str());
            query.build_query_as().fetch_optional(pool).await
        })
        .map_err(StoreError::from)
    }

    /// Whether there is any operator.
    pub async fn has_operators(&self) -> Result<bool> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM operators)")
            .fetch_one(pool)
            .await)?)
    }

    /// What is needed to check the password of `address`.
    pub async fn sign_in_record(&self, address: &Address) -> Result<Option<SignInRecord>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT id, address, password_hash FROM operators WHERE address = $1"
        )
        .bind(address.as_str())
        .fetch_optional(pool)
        .await)?)
    }
}

impl Tx {
    pub(super) async fn insert_operator(
        &mut self,
        id: Uuid,
        address: &Address,
        role: RoleGroup,
        password: Option<&PasswordHash>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let inserted = on!(self, |tx| sqlx::query(
            "INSERT INTO operators (id, address, role_group, password_hash, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (address) DO NOTHING"
        )
        .bind(id)
        .bind(address.as_str())
        .bind(role)
        .bind(password)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        Ok(inserted == 1)
    }
}
