//! Raising alerts, and resolving them when the user is released, in the transaction that does it.

use super::row::line;
use super::{Result, Tx, on};
use crate::blocklist::Mark;
use crate::model::alert::{AlertPolicy, AlertPolicyId, Comment, WENT_BACK};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::model::restriction::Restriction;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows of one statement: SQLite takes 32,766 values.
const ROWS_AT_ONCE: usize = 1_000;

/// Something that admins are to be told about.
#[derive(Debug, Clone)]
pub(in crate::store) struct NewAlert {
    policy: AlertPolicyId,
    /// What it is one alert of, however often it happens.
    episode: String,
    address: Option<String>,
    restriction: Option<Uuid>,
    reason: String,
    /// Whether a repeat is told although nobody has resolved the alert.
    tell_repeat: bool,
}

impl NewAlert {
    /// A user was restricted, or something happened to the restriction.
    pub(in crate::store) fn restricted(restriction: &Restriction) -> Self {
        Self::about(AlertPolicyId::UserRestricted, restriction, restriction.reason.clone())
    }

    /// The unblock that an operator asked for was cancelled: the operator has to know.
    pub(in crate::store) fn unblock_cancelled(restriction: &Restriction) -> Self {
        Self { tell_repeat: true, ..Self::restricted(restriction) }
    }

    /// A release came too late.
    pub(in crate::store) fn released_late(restriction: &Restriction, reason: String) -> Self {
        Self::about(AlertPolicyId::ReleaseFailed, restriction, reason)
    }

    /// Releases cannot be written although the database answers.
    pub(super) fn releases_fail(reason: String, now: DateTime<Utc>) -> Self {
        let policy = AlertPolicyId::ReleaseFailed;
        let episode = format!("{policy}/{}", now.date_naive());
        Self { policy, episode, address: None, restriction: None, reason, tell_repeat: false }
    }

    /// The database went back to an earlier state, in which `last` is the last change. Each process
    /// that notices tells of the same episode.
    pub(super) fn went_back(last: Option<Mark>) -> Self {
        let (policy, reason) = (AlertPolicyId::ReleaseFailed, WENT_BACK.into());
        let last = last.map_or(DateTime::UNIX_EPOCH, |last| last.at);
        let episode = format!("{policy}/went-back/{}", last.timestamp_micros());
        Self { policy, episode, address: None, restriction: None, reason, tell_repeat: false }
    }

    /// A sender crossed a line that restricts nobody: one alert a UTC day.
    pub(in crate::store) fn crossed(
        policy: AlertPolicyId,
        sender: &str,
        reason: String,
        now: DateTime<Utc>,
    ) -> Self {
        let episode = of_day(policy, sender, now);
        let address = Some(sender.into());
        Self { policy, episode, address, restriction: None, reason, tell_repeat: false }
    }

    fn about(policy: AlertPolicyId, restriction: &Restriction, reason: String) -> Self {
        Self {
            policy,
            episode: format!("{policy}/{}", restriction.id),
            address: Some(restriction.address.as_str().into()),
            restriction: Some(restriction.id),
            reason,
            tell_repeat: false,
        }
    }
}

fn of_day(policy: AlertPolicyId, sender: &str, now: DateTime<Utc>) -> String {
    format!("{policy}/{}/{sender}", now.date_naive())
}

/// An alert as it was written.
#[derive(FromRow)]
struct Raised {
    id: Uuid,
    policy: AlertPolicyId,
    address: Option<String>,
    activities: i64,
}

impl Tx {
    /// Raises the alerts whose policies are on, each once an episode: a repeat is added to the
    /// alert that there is, and opens it again where it was resolved. Answers what the audit log
    /// has to say about it.
    ///
    /// Several rows of `alerts` are changed at once, so whoever calls this with more than one holds
    /// the lock of [`Tx::wait_for_other_releasers`].
    pub(in crate::store) async fn raise(
        &mut self,
        alerts: Vec<NewAlert>,
        now: DateTime<Utc>,
    ) -> Result<Vec<NewAuditEntry>> {
        if alerts.is_empty() {
            return Ok(Vec::new());
        }
        let policies = self.alert_policies().await?;
        let policy_of = |alert: &NewAlert| policies.iter().find(|policy| policy.id == alert.policy);
        // A statement can change a row only once.
        let episodes: BTreeMap<&str, (&NewAlert, &AlertPolicy)> = alerts
            .iter()
            .filter_map(|alert| Some((alert, policy_of(alert)?)))
            .filter(|(_, policy)| policy.enabled)
            .map(|(alert, policy)| (alert.episode.as_str(), (alert, policy)))
            .collect();
        let episodes: Vec<_> = episodes.into_values().collect();
        let mut audit = Vec::new();
        for episodes in episodes.chunks(ROWS_AT_ONCE) {
            let raised = self.upsert(episodes, now).await?;
            audit.extend(raised.iter().map(|raised| record(raised, now)));
        }
        for (alert, _) in episodes.iter().filter(|(alert, _)| alert.tell_repeat) {
            self.tell_again(&alert.episode).await?;
        }
        Ok(audit)
    }

    async fn upsert(
        &mut self,
        alerts: &[(&NewAlert, &AlertPolicy)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Raised>> {
        Ok(on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO alerts (id, episode, policy, severity, status, address, restriction_id,
                                     reason, created_at, changed_at, activities, comments, untold) ",
            );
            query.push_values(alerts, |mut row, (alert, policy)| {
                row.push_bind(Uuid::now_v7())
                    .push_bind(&alert.episode)
                    .push_bind(alert.policy)
                    .push_bind(policy.severity)
                    .push("'new'")
                    .push_bind(alert.address.as_deref())
                    .push_bind(alert.restriction)
                    .push_bind(&alert.reason)
                    .push_bind(now)
                    .push_bind(now)
                    .push("1, '', TRUE");
            });
            query.push(
                " ON CONFLICT (episode) DO UPDATE
                     SET activities = alerts.activities + 1,
                         reason = excluded.reason,
                         changed_at = excluded.changed_at,
                         untold = alerts.untold OR alerts.status = 'resolved',
                         status = CASE alerts.status WHEN 'resolved' THEN 'new'
                                                     ELSE alerts.status END
                  RETURNING id, policy, address, activities",
            );
            query.build_query_as().fetch_all(&mut **tx).await
        })?)
    }

    async fn tell_again(&mut self, episode: &str) -> Result<()> {
        on!(self, |tx| sqlx::query("UPDATE alerts SET untold = TRUE WHERE episode = $1")
            .bind(episode)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }

    /// What warned of a restriction belongs to it from now on, and is resolved with it.
    pub(in crate::store) async fn adopt_warnings(
        &mut self,
        restriction: &Restriction,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let sender = restriction.address.as_str();
        // One of yesterday may have come a minute before midnight.
        for day in [now, now - TimeDelta::days(1)] {
            on!(self, |tx| sqlx::query(
                "UPDATE alerts
                    SET restriction_id = $1
                  WHERE episode IN ($2, $3) AND status <> 'resolved'"
            )
            .bind(restriction.id)
            .bind(of_day(AlertPolicyId::SuspiciousSending, sender, day))
            .bind(of_day(AlertPolicyId::SendingLimit, sender, day))
            .execute(&mut **tx)
            .await
            .map(drop))?;
        }
        Ok(())
    }

    /// Resolves the alerts about restrictions that have just ended, and says so in them.
    pub(in crate::store) async fn resolve_alerts_of(
        &mut self,
        released: &[Restriction],
        now: DateTime<Utc>,
    ) -> Result<Vec<NewAuditEntry>> {
        let system = Actor::system();
        let text = "Resolved by itself: the user was released.".into();
        let comment = line(&Comment { at: now, by: system.name.clone(), text });
        let mut audit = Vec::new();
        for released in released.chunks(ROWS_AT_ONCE) {
            let resolved: Vec<Raised> = on!(self, |tx| {
                let mut query =
                    sqlx::QueryBuilder::new("UPDATE alerts SET status = 'resolved', changed_at = ");
                query.push_bind(now).push(", comments = comments || ").push_bind(&comment);
                let mut list = query.push(" WHERE restriction_id IN (").separated(", ");
                for restriction in released {
                    list.push_bind(restriction.id);
                }
                query.push(") AND status <> 'resolved' AND policy <> ");
                query.push_bind(AlertPolicyId::ReleaseFailed);
                query.push(" RETURNING id, policy, address, activities");
                query.build_query_as().fetch_all(&mut **tx).await
            })?;
            audit.extend(resolved.iter().map(|alert| {
                let after = json!({ "id": alert.id, "policy": alert.policy, "status": "resolved" });
                entry(alert, Action::AlertUpdated, now).after(after)
            }));
        }
        Ok(audit)
    }
}

fn record(raised: &Raised, now: DateTime<Utc>) -> NewAuditEntry {
    let first = raised.activities == 1;
    let action = if first { Action::AlertTriggered } else { Action::AlertUpdated };
    let after =
        json!({ "id": raised.id, "policy": raised.policy, "activities": raised.activities });
    entry(raised, action, now).after(after)
}

fn entry(alert: &Raised, action: Action, now: DateTime<Utc>) -> NewAuditEntry {
    let entry = NewAuditEntry::new(&Actor::system(), action, now);
    match &alert.address {
        Some(address) => entry.to(address),
        None => entry,
    }
}
