//! What has happened once and need not be found out again.

use super::{Backend, Result, Store, on};
use chrono::{DateTime, Utc};

/// A mail server has asked for the first time.
pub const MAIL_SERVER_ASKED: &str = "mail_server_asked";

impl Store {
    /// Notes that something has happened; only the first time counts.
    pub async fn reach_milestone(&self, name: &str, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO milestones (name, at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
        )
        .bind(name)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// The database's own time; SQLite has none.
    pub async fn time(&self) -> Result<Option<DateTime<Utc>>> {
        match &self.read {
            Backend::Sqlite(_) => Ok(None),
            Backend::Postgres(server) => {
                Ok(Some(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(server).await?))
            }
        }
    }

    /// Writes something, which shows that it can be.
    pub async fn try_to_write(&self, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO milestones (name, at) VALUES ('written', $1)
             ON CONFLICT (name) DO UPDATE SET at = excluded.at"
        )
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Whether it has happened.
    pub async fn has_reached(&self, name: &str) -> Result<bool> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM milestones WHERE name = $1)"
        )
        .bind(name)
        .fetch_one(pool)
        .await)?)
    }
}
