//! The lines that senders crossed, whatever came of it.

use super::restricting::{Messages, Verdict};
use super::{Result, Tx, on};
use crate::model::alert::AlertPolicyId::{SendingLimit, SuspiciousSending};
use crate::model::{Action, Crossing};
use crate::store::alerts::NewAlert;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How `crossings` calls the warning level.
const WARNING: &str = "warning";
/// How it calls four fifths of a recipient limit, which the weekly digest alone tells.
const NEAR: &str = "near";

impl Tx {
    /// Notes the line that a sender crossed, else that it reached the warning level or came near a
    /// limit: the first time in a UTC day. Of the first two admins are to be told then, unless the
    /// policy only watches.
    pub(super) async fn note_crossing(
        &mut self,
        verdict: &Verdict<'_>,
        messages: &Messages<'_>,
        restriction: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Option<NewAlert>> {
        let judgement = &verdict.judgement;
        let (line, action, of, alert) = match (judgement.crossing, judgement.near) {
            (Some(crossing), _) => {
                (crossing.name(), crossing.action(verdict.policy), crossing, Some(SendingLimit))
            }
            (None, _) if judgement.warning => {
                (WARNING, Action::Alert, Crossing::Spam, Some(SuspiciousSending))
            }
            (None, Some(kind)) => (NEAR, Action::Alert, Crossing::Limit(kind), None),
            (None, None) => return Ok(None),
        };
        let reason = verdict.reason(of, messages);
        let noted = on!(self, |tx| {
            sqlx::query(
            "INSERT INTO crossings
                    (id, at, sender, policy_id, line, action, shadow, reason, restriction_id, day, since)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (sender, policy_id, line, shadow, day, since) DO NOTHING"
        )
        .bind(Uuid::now_v7())
        .bind(now)
        .bind(verdict.sender.as_str())
        .bind(verdict.policy.id)
        .bind(line)
        .bind(action)
        .bind(verdict.policy.shadow)
        .bind(&reason)
        .bind(restriction)
        .bind(now.timestamp().div_euclid(24 * 60 * 60))
        .bind(verdict.since)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected())
        })?;
        let told = alert.filter(|_| noted == 1 && !verdict.policy.shadow);
        Ok(told.map(|policy| NewAlert::crossed(policy, verdict.sender.as_str(), reason, now)))
    }
}
