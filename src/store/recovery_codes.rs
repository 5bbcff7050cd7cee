//! Recovery codes, known by their hashes.

use super::{Result, Store, Tx, on};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// Gives an operator new recovery codes in place of those that are left.
    pub async fn replace_recovery_codes(
        &self,
        operator: Uuid,
        codes: &[SecretHash],
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.delete_recovery_codes(operator).await?;
        tx.insert_recovery_codes(operator, codes).await?;
        let audit = NewAuditEntry::new(actor, Action::RecoveryCodesMade, now).to(&actor.name);
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }

    /// Uses a recovery code up; false where it is none of the operator's, or used.
    pub async fn use_recovery_code(
        &self,
        operator: Uuid,
        code: &SecretHash,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let used = on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM recovery_codes WHERE operator_id = $1 AND code_hash = $2"
        )
        .bind(operator)
        .bind(code)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        if used == 0 {
            return Ok(false);
        }
        let left = tx.recovery_codes_left(operator).await?;
        let audit = NewAuditEntry::new(actor, Action::RecoveryCodeUsed, now)
            .to(&actor.name)
            .after(json!({ "recovery_codes_left": left }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Tx {
    pub(super) async fn recovery_codes_left(&mut self, operator: Uuid) -> Result<i64> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "SELECT COUNT(*) FROM recovery_codes WHERE operator_id = $1"
        )
        .bind(operator)
        .fetch_one(&mut **tx)
        .await)?)
    }

    pub(super) async fn insert_recovery_codes(
        &mut self,
        operator: Uuid,
        codes: &[SecretHash],
    ) -> Result<()> {
        on!(self, |tx| {
            let mut query =
                sqlx::QueryBuilder::new("INSERT INTO recovery_codes (operator_id, code_hash) ");
            query.push_values(codes, |mut row, code| {
                row.push_bind(operator).push_bind(code);
            });
            query.build().execute(&mut **tx).await.map(drop)
        })?;
        Ok(())
    }

    pub(super) async fn delete_recovery_codes(&mut self, operator: Uuid) -> Result<()> {
        on!(self, |tx| sqlx::query("DELETE FROM recovery_codes WHERE operator_id = $1")
            .bind(operator)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }
}
