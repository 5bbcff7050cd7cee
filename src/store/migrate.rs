//! Creating and migrating the database, safe when several processes start at once.

use super::postgres::{patient, refuse_pooling_by_transaction};
use super::{Backend, Result, Store, on};
use anyhow::bail;
use sqlx::migrate::MigrateError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Of two that create it at once one gets one of two errors.
const DOMAINS: &str = r#"
    DO $$ BEGIN
        CREATE DOMAIN bytewise_text AS TEXT COLLATE "C";
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$"#;

impl Store {
    /// Brings the database to the state this program needs. On Postgres sqlx takes a lock while it
    /// migrates; on SQLite the caller holds one.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        let migrated = match &self.write {
            Backend::Sqlite(writer) => {
                // Migrations begin their transactions themselves, perhaps beside a service that writes.
                sqlx::query("PRAGMA busy_timeout = 5000").execute(writer.pool()).await?;
                MIGRATIONS.run(writer.pool()).await
            }
            Backend::Postgres(server) => {
                refuse_pooling_by_transaction(server.pool()).await?;
                let patient = patient(server.pool());
                sqlx::raw_sql(DOMAINS).execute(&patient).await?;
                let migrated = MIGRATIONS.run(&patient).await;
                patient.close().await;
                migrated
            }
        };
        if let Err(MigrateError::VersionMissing(_)) = migrated {
            bail!(
                "a newer version of Restricted Users has written this database; run that version, or                  restore a backup from before the update"
            );
        }
        migrated?;
        self.seal_audit().await?;
        if let Backend::Sqlite(writer) = &self.write {
            sqlx::query("PRAGMA busy_timeout = 0").execute(writer.pool()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Whether the database answers, takes what is written, and has every migration this program
    /// knows.
    ///
    /// # Errors
    /// When the database fails, or is read-only.
    pub async fn is_migrated(&self) -> Result<bool> {
        self.write.works()?;
        let latest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        let migrated = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM _sqlx_migrations WHERE version = $1 AND success)"
        )
        .bind(latest)
        .fetch_one(pool)
        .await)?;
        if let Backend::Postgres(server) = &self.read {
            // It changes nothing, and a server that is read-only refuses it all the same.
            sqlx::query("UPDATE milestones SET at = at WHERE FALSE").execute(server).await?;
        }
        Ok(migrated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use std::time::Duration;

    const OLDER: &str =
        "DROP TABLE restricted_days; DELETE FROM _sqlx_migrations WHERE version = 9";

    #[tokio::test]
    async fn an_update_waits_for_a_service_that_is_writing() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("a.db"));
        let running = Store::open(&url).await.unwrap();
        let Backend::Sqlite(writer) = &running.write else { panic!("it is a file") };
        sqlx::raw_sql(OLDER).execute(writer.pool()).await.unwrap();
        let writing = running.begin().await.unwrap();
        let mut updated = std::pin::pin!(Store::open(&url));
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut updated).await.is_err());
        writing.commit().await.unwrap();
        assert!(updated.await.unwrap().is_migrated().await.unwrap());
    }
}
