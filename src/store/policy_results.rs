//! What became of senders that crossed a line, as the policies' pages tell it.

use super::{Result, Store, on};
use crate::model::Action;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// How many senders a policy treated alike. Who only came to the warning level counts apart.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CrossedTally {
    pub policy_id: Uuid,
    /// Whether it is about the warning level.
    pub warning: bool,
    /// Whether it was in shadow then.
    pub shadow: bool,
    /// What happened to them, or would have.
    pub action: Action,
    pub senders: i64,
}

/// A line that a sender crossed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CrossedLine {
    pub at: DateTime<Utc>,
    pub sender: String,
    /// Whether it is only the warning level.
    pub warning: bool,
    pub action: Action,
    /// Whether the policy was in shadow.
    pub shadow: bool,
    /// In figures, as Exchange's reasons have them.
    pub reason: String,
    /// Whether the sender has a page of its own because it was restricted, then or another time.
    pub has_page: bool,
}

impl Store {
    /// How many senders crossed a line since then, by policy and by what came of it.
    pub async fn crossed_tallies(&self, since: DateTime<Utc>) -> Result<Vec<CrossedTally>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT policy_id, line = 'warning' AS warning, shadow, action,
                    COUNT(DISTINCT sender) AS senders
               FROM crossings
              WHERE at >= $1 AND line <> 'near'
              GROUP BY policy_id, line = 'warning', shadow, action"
        )
        .bind(since)
        .fetch_all(pool)
        .await)?)
    }

    /// Up to `limit` lines of a policy that senders crossed since then, the latest first.
    pub async fn crossed_lines(
        &self,
        policy: Uuid,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<CrossedLine>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT at, sender, line = 'warning' AS warning, action, shadow, reason,
                    -- The two halves have an index each.
                    EXISTS (SELECT 1 FROM restrictions
                             WHERE restrictions.address = crossings.sender
                               AND released_at IS NULL)
                 OR EXISTS (SELECT 1 FROM restrictions
                             WHERE restrictions.address = crossings.sender
                               AND released_at IS NOT NULL) AS has_page
               FROM crossings
              WHERE policy_id = $1 AND at >= $2 AND line <> 'near'
              ORDER BY at DESC, id DESC
              LIMIT $3"
        )
        .bind(policy)
        .bind(since)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
    }
}
