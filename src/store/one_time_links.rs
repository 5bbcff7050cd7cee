//! One-time links: to set a password, or to set up the first operator.

use super::{Backend, Result, Store, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, ActorKind, RoleGroup};
use crate::secret::{PasswordHash, SecretHash};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::net::IpAddr;
use uuid::Uuid;

/// Whom a one-time link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkFor {
    Operator(Address),
    /// Whoever has the link becomes the first operator.
    FirstOperator,
}

/// Postgres' advisory lock under which the first operator comes into being; arbitrary.
const FIRST_OPERATOR_LOCK: i64 = 0x4669_7273_744f_7065;

impl Store {
    /// Makes the link for the first operator, in place of the one before.
    pub async fn link_for_first_operator(
        &self,
        secret: &SecretHash,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.insert_link(None, (secret, expires_at)).await?;
        tx.commit().await
    }

    /// Makes the link for an operator to set a new password, in place of the one before; false
    /// where there is no such operator, or one who signs in with the identity provider.
    pub async fn link_for_operator(
        &self,
        address: &Address,
        link: (&SecretHash, DateTime<Utc>),
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let id: Option<Uuid> = on!(&mut tx, |tx| {
            sqlx::query_scalar(
            "SELECT id FROM operators
              WHERE address = $1
                -- A password would be a way past the identity provider.
                AND id NOT IN (SELECT operator_id FROM oidc_subjects WHERE operator_id IS NOT NULL)"
        )
        .bind(address.as_str())
        .fetch_optional(&mut **tx)
        .await
        })?;
        let Some(id) = id else { return Ok(false) };
        tx.insert_link(Some(id), link).await?;
        let audit = NewAuditEntry::new(actor, Action::PasswordResetRequested, now).to(address);
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whom a link is for; nothing when it is used, void, expired or no link of ours.
    pub async fn link(&self, secret: &SecretHash, now: DateTime<Utc>) -> Result<Option<LinkFor>> {
        let address: Option<Option<String>> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT operators.address
               FROM one_time_links LEFT JOIN operators ON operators.id = operator_id
              WHERE secret_hash = $1 AND expires_at > $2"
        )
        .bind(secret)
        .bind(now)
        .fetch_optional(pool)
        .await)?;
        Ok(address.map(|address| match address {
            Some(address) => LinkFor::Operator(Address::stored(&address)),
            None => LinkFor::FirstOperator,
        }))
    }

    /// Sets the password of the link's operator, ends all earlier sessions and forgets the browsers
    /// that somebody who had the old one may have used; the link is used up. Nothing when it is no
    /// longer good.
    pub async fn set_password(
        &self,
        secret: &SecretHash,
        password: &PasswordHash,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<Uuid>> {
        let mut tx = self.begin().await?;
        let Some(Some(id)) = tx.use_link(secret, now).await? else { return Ok(None) };
        let address: String = on!(&mut tx, |tx| sqlx::query_scalar(
            "UPDATE operators SET password_hash = $2 WHERE id = $1 RETURNING address"
        )
        .bind(id)
        .bind(password)
        .fetch_one(&mut **tx)
        .await)?;
        tx.end_sessions_but(id, None).await?;
        tx.forget_devices(id).await?;
        tx.record(&[], vec![password_set(&address, from, now)]).await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Makes the first operator; the link is used up. Nothing when the link is no longer good or
    /// somebody else was faster.
    pub async fn set_up_first_operator(
        &self,
        secret: &SecretHash,
        address: &Address,
        password: &PasswordHash,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<Uuid>> {
        let mut tx = self.begin().await?;
        tx.wait_for_other_first_operators().await?;
        if tx.use_link(secret, now).await? != Some(None) || tx.has_operators().await? {
            return Ok(None);
        }
        let id = Uuid::now_v7();
        let role = RoleGroup::OrganizationManagement;
        tx.insert_operator(id, address, role, Some(password), now).await?;
        let actor = operator(address.as_str(), from);
        let added = NewAuditEntry::new(&actor, Action::OperatorAdded, now)
            .to(address)
            .after(json!({ "role_group": role }));
        tx.record(&[], vec![added, password_set(address.as_str(), from, now)]).await?;
        tx.commit().await?;
        Ok(Some(id))
    }
}

fn password_set(address: &str, from: Option<IpAddr>, now: DateTime<Utc>) -> NewAuditEntry {
    NewAuditEntry::new(&operator(address, from), Action::PasswordSet, now).to(address)
}

fn operator(address: &str, client_address: Option<IpAddr>) -> Actor {
    let kind = ActorKind::Operator;
    Actor { name: address.into(), kind, client_address, session: None }
}

impl Tx {
    /// A newer link voids the one before, and the first operator's coming into being voids the
    /// link for it.
    pub(super) async fn insert_link(
        &mut self,
        operator: Option<Uuid>,
        (secret, expires_at): (&SecretHash, DateTime<Utc>),
    ) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "DELETE FROM one_time_links WHERE operator_id = $1 OR operator_id IS NULL"
        )
        .bind(operator)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(self, |tx| sqlx::query(
            "INSERT INTO one_time_links (secret_hash, operator_id, expires_at) VALUES ($1, $2, $3)"
        )
        .bind(secret)
        .bind(operator)
        .bind(expires_at)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Uses a good link up and says whose it was.
    async fn use_link(
        &mut self,
        secret: &SecretHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Option<Uuid>>> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "DELETE FROM one_time_links
              WHERE secret_hash = $1 AND expires_at > $2
             RETURNING operator_id"
        )
        .bind(secret)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?)
    }

    async fn wait_for_other_first_operators(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(FIRST_OPERATOR_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn has_operators(&mut self) -> Result<bool> {
        Ok(on!(self, |tx| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM operators)")
            .fetch_one(&mut **tx)
            .await)?)
    }
}
