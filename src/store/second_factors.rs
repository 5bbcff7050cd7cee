//! What an operator has beside the password, and what adding and removing have in common.

use super::passkeys::PasskeyRecord;
use super::{Result, Store, Tx, on};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// What an operator has beside the password.
#[derive(Debug)]
pub struct SecondFactors {
    pub codes_since: Option<DateTime<Utc>>,
    pub passkeys: Vec<PasskeyRecord>,
    pub recovery_codes: i64,
}

impl SecondFactors {
    /// How many there are; recovery codes only stand in for them.
    pub fn count(&self) -> usize {
        usize::from(self.codes_since.is_some()) + self.passkeys.len()
    }
}

/// Who adds a second factor, and the recovery codes to get where there are none yet.
#[derive(Debug, Clone, Copy)]
pub struct NewFactor<'a> {
    pub operator: Uuid,
    /// The operator, as the audit log names it.
    pub actor: &'a Actor,
    pub now: DateTime<Utc>,
    /// Recovery codes that were not shown yet.
    pub recovery_codes: &'a [SecretHash],
}

/// What became of the recovery codes when a second factor was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// They are good from now on and have to be shown.
    WithRecoveryCodes,
    Alone,
}

/// A second factor to be removed.
#[derive(Debug, Clone, Copy)]
pub enum Factor {
    OneTimeCodes,
    Passkey(Uuid),
}

impl Store {
    /// What an operator has beside the password.
    pub async fn second_factors(&self, operator: Uuid) -> Result<SecondFactors> {
        let codes_since: Option<Option<DateTime<Utc>>> = on!(&self.read, |pool| {
            sqlx::query_scalar("SELECT confirmed_at FROM one_time_codes WHERE operator_id = $1")
                .bind(operator)
                .fetch_optional(pool)
                .await
        })?;
        let recovery_codes = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM recovery_codes WHERE operator_id = $1"
        )
        .bind(operator)
        .fetch_one(pool)
        .await)?;
        let passkeys = self.passkeys(operator).await?;
        Ok(SecondFactors { codes_since: codes_since.flatten(), passkeys, recovery_codes })
    }

    /// Removes a second factor, and with the last one the recovery codes; false where there is no
    /// such factor.
    pub async fn remove_second_factor(
        &self,
        operator: Uuid,
        factor: Factor,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let what = match factor {
            Factor::OneTimeCodes => {
                tx.delete_one_time_codes(operator).await?.then(|| "one-time codes".to_owned())
            }
            Factor::Passkey(id) => {
                tx.delete_passkey(operator, id).await?.map(|name| format!("passkey {name}"))
            }
        };
        let Some(what) = what else { return Ok(false) };
        if !tx.has_second_factor(operator).await? {
            tx.delete_recovery_codes(operator).await?;
        }
        let audit = NewAuditEntry::new(actor, Action::SecondFactorRemoved, now)
            .to(&actor.name)
            .before(json!({ "second_factor": what }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Tx {
    /// What follows when a factor was written: recovery codes, where there are none, the audit
    /// record, the commit.
    pub(super) async fn factor_added(mut self, new: NewFactor<'_>, what: &str) -> Result<Added> {
        let added = match self.recovery_codes_left(new.operator).await? {
            0 => Added::WithRecoveryCodes,
            _ => Added::Alone,
        };
        if added == Added::WithRecoveryCodes {
            self.insert_recovery_codes(new.operator, new.recovery_codes).await?;
        }
        let audit = NewAuditEntry::new(new.actor, Action::SecondFactorAdded, new.now)
            .to(&new.actor.name)
            .after(json!({ "second_factor": what }));
        self.record(&[], vec![audit]).await?;
        self.commit().await?;
        Ok(added)
    }

    async fn has_second_factor(&mut self, operator: Uuid) -> Result<bool> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM one_time_codes
                             WHERE operator_id = $1 AND confirmed_at IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM passkeys WHERE operator_id = $1)"
        )
        .bind(operator)
        .fetch_one(&mut **tx)
        .await)?)
    }
}
