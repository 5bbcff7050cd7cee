//! Changing what an operator may do, and taking it away, without ever leaving nobody in charge.

use super::{Backend, Result, Store, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, RoleGroup};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// What became of a change to an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorChange {
    Done,
    Unknown,
    /// This is the last one in Organization Management who signs in with a password: without it
    /// nobody could manage anything while the identity provider is away.
    LastManager,
}

/// Postgres' advisory lock under which Organization Management loses somebody; arbitrary.
const MANAGERS_LOCK: i64 = 0x4d61_6e61_6765_7273;

impl Store {
    /// Gives an operator another role group; open sessions end, so that none goes on with the old.
    pub async fn change_role_group(
        &self,
        address: &Address,
        role: RoleGroup,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<OperatorChange> {
        let mut tx = self.begin().await?;
        let (id, before) = match tx.operator_to_change(address, Some(role)).await? {
            Ok(operator) => operator,
            Err(refused) => return Ok(refused),
        };
        if before == role {
            return Ok(OperatorChange::Done);
        }
        tx.set_role_group(id, role).await?;
        let audit = NewAuditEntry::new(actor, Action::OperatorRoleChanged, now)
            .to(address)
            .before(json!({ "role_group": before }))
            .after(json!({ "role_group": role }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(OperatorChange::Done)
    }

    /// Removes an operator, sessions and links included.
    pub async fn remove_operator(
        &self,
        address: &Address,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<OperatorChange> {
        let mut tx = self.begin().await?;
        let (id, before) = match tx.operator_to_change(address, None).await? {
            Ok(operator) => operator,
            Err(refused) => return Ok(refused),
        };
        on!(&mut tx, |tx| sqlx::query("DELETE FROM operators WHERE id = $1")
            .bind(id)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        let audit = NewAuditEntry::new(actor, Action::OperatorRemoved, now)
            .to(address)
            .before(json!({ "role_group": before }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(OperatorChange::Done)
    }
}

impl Tx {
    /// The operator and its role group, where it may become `role`, or go where there is none.
    /// Holds until the commit, because all who ask this wait for one another.
    async fn operator_to_change(
        &mut self,
        address: &Address,
        role: Option<RoleGroup>,
    ) -> Result<std::result::Result<(Uuid, RoleGroup), OperatorChange>> {
        const MANAGER: RoleGroup = RoleGroup::OrganizationManagement;
        self.wait_for_other_changes_of_managers().await?;
        let operator: Option<(Uuid, RoleGroup)> = on!(self, |tx| sqlx::query_as(
            "SELECT id, role_group FROM operators WHERE address = $1"
        )
        .bind(address.as_str())
        .fetch_optional(&mut **tx)
        .await)?;
        let Some((id, before)) = operator else { return Ok(Err(OperatorChange::Unknown)) };
        let leaves = before == MANAGER && role != Some(MANAGER);
        if leaves && !self.has_another_manager(id).await? && !self.is_vouched_for(id).await? {
            return Ok(Err(OperatorChange::LastManager));
        }
        Ok(Ok((id, before)))
    }

    /// On SQLite whoever writes holds the only write lock already.
    async fn wait_for_other_changes_of_managers(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(MANAGERS_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn has_another_manager(&mut self, than: Uuid) -> Result<bool> {
        Ok(on!(self, |tx| {
            sqlx::query_scalar(
            "SELECT EXISTS (
                SELECT 1 FROM operators
                 WHERE role_group = $1 AND id <> $2
                   AND id NOT IN (SELECT operator_id FROM oidc_subjects WHERE operator_id IS NOT NULL)
             )"
        )
        .bind(RoleGroup::OrganizationManagement)
        .bind(than)
        .fetch_one(&mut **tx)
        .await
        })?)
    }

    pub(super) async fn set_role_group(&mut self, id: Uuid, role: RoleGroup) -> Result<()> {
        on!(self, |tx| sqlx::query("UPDATE operators SET role_group = $2 WHERE id = $1")
            .bind(id)
            .bind(role)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        self.end_sessions_but(id, None).await?;
        Ok(())
    }
}
