//! Working on an alert.

use super::row::{AlertRow, line};
use super::{Result, Store, Tx, on};
use crate::blocklist::Mark;
use crate::model::alert::{Alert, AlertChange, Comment};
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use crate::store::columns;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

impl Store {
    /// Changes an alert; nothing where there is none with this id.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn change_alert(
        &self,
        id: Uuid,
        change: AlertChange,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<Alert>> {
        let mut tx = self.begin().await?;
        let Some(before) = tx.alert_to_change(id).await? else { return Ok(None) };
        let comment = change.comment.map(|text| Comment { at: now, by: actor.name.clone(), text });
        let mut after = before.clone();
        after.status = change.status.unwrap_or(before.status);
        after.assigned_to = change.assigned_to.unwrap_or_else(|| before.assigned_to.clone());
        after.comments.extend(comment.clone());
        if after == before {
            return Ok(Some(before));
        }
        after.changed_at = now;
        tx.write_alert(&after, comment.as_ref()).await?;
        let mut audit = NewAuditEntry::new(actor, Action::AlertUpdated, now)
            .before(told(&before, None))
            .after(told(&after, comment.as_ref()));
        if let Some(address) = &after.address {
            audit = audit.to(address);
        }
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(Some(after))
    }

    /// Raises the alert that releases cannot be written although the database answers.
    ///
    /// # Errors
    /// When the database fails; then nobody is alerted.
    pub async fn raise_that_releases_fail(&self, reason: &str, now: DateTime<Utc>) -> Result<()> {
        self.raise(super::NewAlert::releases_fail(reason.into(), now), now).await
    }

    /// Tells admins that the database went back to an earlier state, in which `last` is the last
    /// change.
    ///
    /// # Errors
    /// When the database fails; then nobody is alerted.
    pub async fn raise_that_the_database_went_back(
        &self,
        last: Option<Mark>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.raise(super::NewAlert::went_back(last), now).await
    }

    async fn raise(&self, alert: super::NewAlert, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        let audit = tx.raise(vec![alert], now).await?;
        if audit.is_empty() {
            return Ok(());
        }
        tx.record(&[], audit).await?;
        tx.commit().await
    }
}

fn told(alert: &Alert, comment: Option<&Comment>) -> Value {
    let mut told = json!({
        "id": alert.id,
        "policy": alert.policy,
        "status": alert.status,
        "assigned_to": alert.assigned_to,
    });
    if let Some(comment) = comment {
        told["comment"] = json!(comment.text);
    }
    told
}

impl Tx {
    /// The alert, held against whoever else changes it.
    async fn alert_to_change(&mut self, id: Uuid) -> Result<Option<Alert>> {
        let row: Option<AlertRow> = match self {
            Self::Sqlite(tx) => {
                sqlx::query_as(concat!("SELECT ", columns!(alerts), " FROM alerts WHERE id = $1"))
                    .bind(id)
                    .fetch_optional(&mut **tx)
                    .await?
            }
            Self::Postgres(tx) => {
                sqlx::query_as(concat!(
                    "SELECT ",
                    columns!(alerts),
                    " FROM alerts WHERE id = $1 FOR UPDATE"
                ))
                .bind(id)
                .fetch_optional(&mut **tx)
                .await?
            }
        };
        Ok(row.map(Into::into))
    }

    async fn write_alert(&mut self, alert: &Alert, comment: Option<&Comment>) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "UPDATE alerts
                SET status = $2, assigned_to = $3, changed_at = $4, comments = comments || $5
              WHERE id = $1"
        )
        .bind(alert.id)
        .bind(alert.status)
        .bind(alert.assigned_to.as_deref())
        .bind(alert.changed_at)
        .bind(comment.map(line).unwrap_or_default())
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }
}
