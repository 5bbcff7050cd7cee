//! Ending restrictions whose time has come.

use super::alerts::NewAlert;
use super::changes::{committed, delisted, entry};
use super::row::RestrictionRow;
use super::{Backend, Result, Store, Tx, on};
use crate::committed::Committed;
use crate::model::history::{Event, NewAuditEntry, NewHistoryEntry};
use crate::model::operator::Actor;
use crate::model::restriction::Restriction;
use crate::store::columns;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;
use uuid::Uuid;

/// How many restrictions one round ends. With history and audit a round of so many holds SQLite's
/// write lock well below the 100 ms that another write may have to wait.
const RELEASES_AT_ONCE: i64 = 500;

/// A release so late has left a user waiting without need.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// Postgres' advisory lock of the one process that releases; an arbitrary key of ours.
const RELEASE_LOCK: i64 = 0x5265_6c65_6173_6573;

impl Store {
    /// Ends those of `due` that are still due at `now`. Any number of processes may call this at
    /// once; each restriction is released by one of them.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn release(
        &self,
        due: Vec<Restriction>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Committed>> {
        let mut ends: Vec<_> = due.into_iter().map(|due| release(due, now)).collect();
        let mut tx = self.begin().await?;
        tx.wait_for_other_releasers().await?;
        let still_due = tx.set_released(ends.iter().map(|(due, _)| due.id), now).await?;
        ends.retain(|(due, _)| still_due.contains(&due.id));
        let (released, (history, mut audit)): (Vec<_>, (Vec<_>, Vec<_>)) = ends.into_iter().unzip();
        audit.extend(tx.resolve_alerts_of(&released, now).await?);
        audit.extend(tx.raise(released.iter().filter_map(late).collect(), now).await?);
        let first = tx.record(&history, audit).await?;
        tx.commit().await?;
        Ok(committed(first, history, released))
    }

    /// What to release in the next round, at most 500 that are due at `now`: read before anybody
    /// has to wait for it.
    pub async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Restriction>> {
        let rows: Vec<RestrictionRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(restrictions),
            "
               FROM restrictions
              WHERE released_at IS NULL
                AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
                AND COALESCE(takes_effect_at, ends_at) <= $1
              ORDER BY COALESCE(takes_effect_at, ends_at)
              LIMIT $2"
        ))
        .bind(now)
        .bind(RELEASES_AT_ONCE)
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// When the next restriction is due.
    pub async fn next_release(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COALESCE(takes_effect_at, ends_at)
               FROM restrictions
              WHERE released_at IS NULL AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
              ORDER BY COALESCE(takes_effect_at, ends_at)
              LIMIT 1"
        )
        .fetch_optional(pool)
        .await)?)
    }
}

/// The restriction as it is after its release, and what history and audit log tell of that.
fn release(
    due: Restriction,
    now: DateTime<Utc>,
) -> (Restriction, (NewHistoryEntry, NewAuditEntry)) {
    let released = Restriction { released_at: Some(now), changed_at: now, ..due };
    let history = entry(&released, Event::Released, Some(&Actor::system().name));
    let audit = delisted(&released, now);
    (released, (history, audit))
}

/// What to tell of a release that came too late.
fn late(released: &Restriction) -> Option<NewAlert> {
    let late = released.lateness().filter(|late| *late > LATE)?;
    let minutes = late.num_minutes();
    let reason = format!("The release was committed {minutes} minutes after it was due");
    Some(NewAlert::released_late(released, reason))
}

impl Tx {
    /// Two that lock the same rows in different orders would deadlock, so they take turns.
    pub(super) async fn wait_for_other_releasers(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(RELEASE_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Ends those that are still due and answers which: one may have been released or cancelled
    /// since it was read.
    async fn set_released(
        &mut self,
        ids: impl Iterator<Item = Uuid> + Clone,
        now: DateTime<Utc>,
    ) -> Result<HashSet<Uuid>> {
        let update = self.many("UPDATE OR FAIL restrictions", "UPDATE restrictions");
        let released: Vec<Uuid> = on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(update);
            query.push(" SET released_at = ").push_bind(now).push(", changed_at = ").push_bind(now);
            let mut list = query.push(" WHERE id IN (").separated(", ");
            for id in ids.clone() {
                list.push_bind(id);
            }
            query.push(") AND released_at IS NULL AND COALESCE(takes_effect_at, ends_at) <= ");
            query.push_bind(now).push(" RETURNING id");
            query.build_query_scalar().fetch_all(&mut **tx).await
        })?;
        Ok(released.into_iter().collect())
    }

    /// Ends one restriction if it is due.
    pub(super) async fn release(
        &mut self,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "UPDATE restrictions
                SET released_at = $2, changed_at = $2
              WHERE id = $1 AND released_at IS NULL AND takes_effect_at <= $2
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(id)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Into::into))
    }
}
