//! Ending restrictions whose time has come.

use super::changes::{changes, delisted, entry};
use super::row::RestrictionRow;
use super::{Backend, Result, Store, Tx, on};
use crate::blocklist::Change;
use crate::event::Event;
use crate::operator::Actor;
use crate::restriction::Restriction;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How many restrictions one round ends. With history and audit a round of so many holds SQLite's
/// write lock well below the 100 ms that another write may have to wait.
pub const RELEASES_AT_ONCE: i64 = 500;

/// Postgres' advisory lock of the one process that releases; an arbitrary key of ours.
const RELEASE_LOCK: i64 = 0x5265_6c65_6173_6573;

impl Store {
    /// Ends up to [`RELEASES_AT_ONCE`] restrictions that are due at `now`. Any number of processes
    /// may call this at once; each restriction is released by one of them.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn release_due(&self, now: DateTime<Utc>) -> Result<(Vec<Restriction>, Vec<Change>)> {
        let mut tx = self.begin().await?;
        tx.wait_for_other_releasers().await?;
        let released = tx.set_released(now).await?;
        if released.is_empty() {
            return Ok((released, Vec::new()));
        }
        let system = Actor::system();
        let history: Vec<_> = released
            .iter()
            .map(|restriction| entry(restriction, Event::Released, Some(&system.name)))
            .collect();
        let audit = released.iter().map(|restriction| delisted(restriction, now)).collect();
        let first = tx.record(&history, audit).await?;
        tx.commit().await?;
        let changes = changes(first, &released);
        Ok((released, changes))
    }

    /// When the next restriction is due.
    ///
    /// # Errors
    /// When the database fails.
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

impl Tx {
    /// Two that lock the same rows in different orders would deadlock, so they take turns.
    async fn wait_for_other_releasers(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(RELEASE_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn set_released(&mut self, now: DateTime<Utc>) -> Result<Vec<Restriction>> {
        let update = self.many("UPDATE OR FAIL restrictions", "UPDATE restrictions");
        let rows: Vec<RestrictionRow> = on!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new(update);
            query.push(
                "
                   SET released_at = $1, changed_at = $1
                 WHERE id IN (SELECT id FROM restrictions
                               WHERE released_at IS NULL
                                 AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
                                 AND COALESCE(takes_effect_at, ends_at) <= $1
                               ORDER BY COALESCE(takes_effect_at, ends_at)
                               LIMIT $2)
                   -- Once more, for a cancel that committed while this waited for its row.
                   AND released_at IS NULL
                   AND COALESCE(takes_effect_at, ends_at) <= $1
                RETURNING *",
            );
            query.build_query_as().bind(now).bind(RELEASES_AT_ONCE).fetch_all(&mut **tx).await
        })?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Ends one restriction if it is due.
    pub(super) async fn release(
        &mut self,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(
            "UPDATE restrictions
                SET released_at = $2, changed_at = $2
              WHERE id = $1 AND released_at IS NULL AND takes_effect_at <= $2
             RETURNING *"
        )
        .bind(id)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Into::into))
    }
}
