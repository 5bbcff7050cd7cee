//! Restrictions: beginning one, finding one, its history.

use super::alerts::NewAlert;
use super::changes::{committed, entry};
use super::row::RestrictionRow;
use super::{Result, Store, StoreError, on};
use crate::committed::Committed;
use crate::model::address::Address;
use crate::model::history::{Action, Event, HistoryEntry, NewAuditEntry};
use crate::model::operator::Actor;
use crate::model::reason::Cause;
use crate::model::restriction::Restriction;
use crate::store::columns;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// Restricts `address` by hand; nothing where it is restricted already.
    pub async fn restrict(
        &self,
        address: &Address,
        reason: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<Committed>> {
        let mut tx = self.begin().await?;
        // Several alerts about the sender may be changed.
        tx.wait_for_other_releasers().await?;
        let Some(row) = on!(&mut tx, |tx| sqlx::query_as::<_, RestrictionRow>(concat!(
            "INSERT INTO restrictions
                    (id, address, domain, cause, reason, temporary, imported,
                     restricted_at, restricted_by, changed_at)
             VALUES ($1, $2, $3, $4, $5, FALSE, FALSE, $6, $7, $6)
             ON CONFLICT (address) WHERE released_at IS NULL DO NOTHING
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(Uuid::now_v7())
        .bind(address.as_str())
        .bind(address.domain())
        .bind(Cause::Manual)
        .bind(reason)
        .bind(now)
        .bind(&actor.name)
        .fetch_optional(&mut **tx)
        .await)?
        else {
            return Ok(None);
        };
        let restriction = Restriction::from(row);
        let history = vec![entry(&restriction, Event::Restricted, Some(&actor.name))];
        let audit = NewAuditEntry::new(actor, Action::Listed, now)
            .to(address)
            .after(json!({ "id": restriction.id, "reason": reason }));
        tx.adopt_warnings(&restriction, now).await?;
        tx.tell_user(&restriction, self.own_notices.as_ref(), now).await?;
        let mut audit = vec![audit];
        audit.extend(tx.raise(vec![NewAlert::restricted(&restriction)], now).await?);
        let first = tx.record(&history, audit).await?;
        tx.commit().await?;
        Ok(committed(first, history, [restriction]).pop())
    }

    /// The restriction with this id.
    pub async fn restriction(&self, id: Uuid) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(restrictions),
            " FROM restrictions WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(pool)
        .await)?;
        Ok(row.map(Into::into))
    }

    /// The active restrictions in the order of their addresses, behind the address `after`.
    pub async fn active_by_address(&self, after: &str, limit: usize) -> Result<Vec<Restriction>> {
        let rows: Vec<RestrictionRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(restrictions),
            "
               FROM restrictions
              WHERE released_at IS NULL AND address > $1
              ORDER BY address
              LIMIT $2"
        ))
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Every restriction that `address` ever had: the active one first, then the latest.
    pub async fn restrictions_of(&self, address: &Address) -> Result<Vec<Restriction>> {
        let rows: Vec<RestrictionRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(restrictions),
            "
               FROM (-- The two halves have an index each.
                     SELECT ",
            columns!(restrictions),
            " FROM restrictions WHERE address = $1 AND released_at IS NULL
                     UNION ALL
                     SELECT ",
            columns!(restrictions),
            " FROM restrictions WHERE address = $1 AND released_at IS NOT NULL)
                 AS both_halves
              ORDER BY released_at IS NULL DESC, restricted_at DESC, id DESC"
        ))
        .bind(address.as_str())
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// What happened to a restriction, oldest first.
    pub async fn history(&self, restriction: Uuid) -> Result<Vec<HistoryEntry>> {
        on!(&self.read, |pool| sqlx::query_as(
            "SELECT at, event, actor, comment, detail
               FROM history
              WHERE restriction_id = $1
              ORDER BY number"
        )
        .bind(restriction)
        .fetch_all(pool)
        .await)
        .map_err(StoreError::from)
    }
}
