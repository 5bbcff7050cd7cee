//! Outbound spam policies: reading them, as pages and as the counting of mail do.

use super::{Result, Store, Tx, on};
use crate::model::OutboundSpamPolicy;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use std::collections::HashMap;
use uuid::Uuid;

/// One row of `outbound_spam_policies`.
#[derive(FromRow)]
struct PolicyRow {
    id: Uuid,
    priority: Option<i64>,
    policy: String,
}

const IN_ORDER: &str = "SELECT id, priority, policy
                          FROM outbound_spam_policies
                         ORDER BY priority";

impl Store {
    /// Every outbound spam policy in order of priority, the default policy last.
    pub async fn outbound_spam_policies(&self) -> Result<Vec<OutboundSpamPolicy>> {
        let rows = on!(&self.read, |pool| sqlx::query_as(IN_ORDER).fetch_all(pool).await)?;
        in_order(&rows)
    }

    /// Since when the policies in shadow have watched.
    pub async fn watching_since(&self) -> Result<HashMap<Uuid, DateTime<Utc>>> {
        let rows: Vec<(Uuid, DateTime<Utc>)> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT id, shadow_since FROM outbound_spam_policies WHERE shadow_since IS NOT NULL"
        )
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().collect())
    }
}

impl Tx {
    /// Every outbound spam policy in order of priority, the default policy last.
    pub(super) async fn outbound_spam_policies(&mut self) -> Result<Vec<OutboundSpamPolicy>> {
        let rows = on!(self, |tx| sqlx::query_as(IN_ORDER).fetch_all(&mut **tx).await)?;
        in_order(&rows)
    }

    /// What is another pair after every change of any policy, so that whoever keeps them in memory
    /// knows when to read them again.
    pub(super) async fn policies_revision(&mut self) -> Result<(i64, i64)> {
        Ok(on!(self, |tx| sqlx::query_as(
            "SELECT COALESCE(MAX(revision), 0), COUNT(*) FROM outbound_spam_policies"
        )
        .fetch_one(&mut **tx)
        .await)?)
    }
}

/// The databases do not agree on where a missing priority sorts, and the default policy may have no
/// row at all.
fn in_order(rows: &[PolicyRow]) -> Result<Vec<OutboundSpamPolicy>> {
    let mut policies = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
    let default = policies.iter().position(OutboundSpamPolicy::is_default);
    let default = default.map_or_else(OutboundSpamPolicy::default_policy, |at| policies.remove(at));
    policies.push(default);
    Ok(policies)
}

/// The columns know the place; the document, where it was when the policy was last changed itself.
fn read(row: &PolicyRow) -> Result<OutboundSpamPolicy> {
    let policy: OutboundSpamPolicy =
        serde_json::from_str(&row.policy).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(OutboundSpamPolicy { id: row.id, priority: row.priority, ..policy })
}
