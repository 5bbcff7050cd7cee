//! Alert policies: reading them, and changing one.

use super::{Result, Store, StoreError, Tx, on};
use crate::model::alert::{AlertPolicy, AlertPolicyId};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use chrono::{DateTime, Utc};
use serde_json::json;

const CHANGED: &str = "SELECT policy FROM alert_policies";

impl Store {
    /// Every alert policy, the gravest first.
    pub async fn alert_policies(&self) -> Result<Vec<AlertPolicy>> {
        with_defaults(&on!(&self.read, |pool| sqlx::query_scalar(CHANGED).fetch_all(pool).await)?)
    }

    /// Changes an alert policy; it holds from the next event on.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn change_alert_policy(
        &self,
        policy: &AlertPolicy,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let before = tx.alert_policies().await?.into_iter().find(|one| one.id == policy.id);
        if before.as_ref() == Some(policy) {
            return Ok(());
        }
        let document = serde_json::to_string(policy).map_err(encoding)?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO alert_policies (id, policy) VALUES ($1, $2)
             ON CONFLICT (id) DO UPDATE SET policy = excluded.policy"
        )
        .bind(policy.id)
        .bind(document)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        let audit = NewAuditEntry::new(actor, Action::AlertPolicyChanged, now)
            .to(policy.id.as_str())
            .before(json!(before))
            .after(json!(policy));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await
    }
}

impl Tx {
    pub(super) async fn alert_policies(&mut self) -> Result<Vec<AlertPolicy>> {
        with_defaults(&on!(self, |tx| sqlx::query_scalar(CHANGED).fetch_all(&mut **tx).await)?)
    }
}

fn encoding(error: serde_json::Error) -> StoreError {
    sqlx::Error::Encode(error.into()).into()
}

fn with_defaults(changed: &[String]) -> Result<Vec<AlertPolicy>> {
    let mut policies = AlertPolicyId::ALL.map(AlertPolicy::default_of).to_vec();
    for document in changed {
        let changed: AlertPolicy =
            serde_json::from_str(document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        if let Some(policy) = policies.iter_mut().find(|policy| policy.id == changed.id) {
            *policy = changed;
        }
    }
    Ok(policies)
}
