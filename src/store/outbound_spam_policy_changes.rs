//! Changing outbound spam policies, one change after the other whoever makes it.

use super::{Backend, Result, Store, Tx, on};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::model::{OutboundSpamPolicy, PolicyChange, PolicyRefused};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// Postgres' advisory lock under which policies change; arbitrary.
const POLICIES_LOCK: i64 = 0x506f_6c69_6369_6573;

impl Store {
    /// Changes a policy; the policies after it, in order, or why it cannot be.
    pub async fn change_outbound_spam_policy(
        &self,
        change: PolicyChange,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<std::result::Result<Vec<OutboundSpamPolicy>, PolicyRefused>> {
        let id = change.id();
        let mut tx = self.begin().await?;
        tx.wait_for_other_changes_of_policies().await?;
        let before = tx.outbound_spam_policies().await?;
        let after = match change.apply(before.clone()) {
            Ok(after) => after,
            Err(refused) => return Ok(Err(refused)),
        };
        if after == before {
            return Ok(Ok(after));
        }
        tx.write_policies(&before, &after, now).await?;
        tx.record(&[], audit(id, &before, &after, actor, now).into_iter().collect()).await?;
        tx.commit().await?;
        Ok(Ok(after))
    }
}

impl Tx {
    /// On SQLite whoever writes holds the only write lock already.
    async fn wait_for_other_changes_of_policies(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(POLICIES_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Writes what differs, and the default policy always: it never goes, so its row keeps the
    /// largest revision when others do.
    async fn write_policies(
        &mut self,
        before: &[OutboundSpamPolicy],
        after: &[OutboundSpamPolicy],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let revision = self.policies_revision().await?.0 + 1;
        for gone in before.iter().filter(|policy| with_id(after, policy.id).is_none()) {
            self.delete_policy(gone.id).await?;
        }
        for policy in after {
            if policy.is_default() || with_id(before, policy.id) != Some(policy) {
                self.write_policy(policy, revision, now).await?;
            }
        }
        Ok(())
    }

    async fn delete_policy(&mut self, id: Uuid) -> Result<()> {
        on!(self, |tx| sqlx::query("DELETE FROM outbound_spam_policies WHERE id = $1")
            .bind(id)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }

    async fn write_policy(
        &mut self,
        policy: &OutboundSpamPolicy,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let watches_since = (policy.enabled && policy.shadow).then_some(now);
        on!(self, |tx| {
            sqlx::query(
                "INSERT INTO outbound_spam_policies (id, name, priority, revision, shadow_since, policy)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (id) DO UPDATE
                    SET name = excluded.name,
                        priority = excluded.priority,
                        revision = excluded.revision,
                        policy = excluded.policy,
                        -- Whoever goes on watching has watched since then.
                        shadow_since = CASE
                            WHEN excluded.shadow_since IS NULL THEN NULL
                            ELSE COALESCE(outbound_spam_policies.shadow_since, excluded.shadow_since)
                        END",
            )
            .bind(policy.id)
            .bind(&policy.name)
            .bind(policy.priority)
            .bind(revision)
            .bind(watches_since)
            .bind(document(policy).to_string())
            .execute(&mut **tx)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}

/// What was done to the policy, with its documents. Of the others that moved nothing is told: it
/// follows from this one's place.
fn audit(
    id: Uuid,
    before: &[OutboundSpamPolicy],
    after: &[OutboundSpamPolicy],
    actor: &Actor,
    now: DateTime<Utc>,
) -> Option<NewAuditEntry> {
    let (before, after) = (with_id(before, id), with_id(after, id));
    let action = match (before, after) {
        (None, _) => Action::OutboundSpamPolicyCreated,
        (_, None) => Action::OutboundSpamPolicyDeleted,
        _ => Action::OutboundSpamPolicyChanged,
    };
    let name = &after.or(before)?.name;
    let mut entry = NewAuditEntry::new(actor, action, now).to(name);
    if let Some(before) = before {
        entry = entry.before(document(before));
    }
    if let Some(after) = after {
        entry = entry.after(document(after));
    }
    Some(entry)
}

fn with_id(policies: &[OutboundSpamPolicy], id: Uuid) -> Option<&OutboundSpamPolicy> {
    policies.iter().find(|policy| policy.id == id)
}

fn document(policy: &OutboundSpamPolicy) -> Value {
    json!(policy)
}
