//! Creating and migrating the database, safe when several processes start at once.

use super::{Backend, Result, Store, on};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Brings the database to the state this program needs. On Postgres sqlx takes a lock while it
    /// migrates; on SQLite the caller holds one.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        self.create_domains().await?;
        // Migrations begin their transactions themselves, perhaps beside a service that writes.
        self.set("PRAGMA busy_timeout = 5000").await?;
        match &self.write {
            Backend::Sqlite(writer) => MIGRATIONS.run(&writer.pool).await?,
            Backend::Postgres(pool) => MIGRATIONS.run(pool).await?,
        }
        self.seal_audit().await?;
        Ok(self.set("PRAGMA busy_timeout = 0").await?)
    }

    /// Sets something of the one connection that writes to SQLite.
    async fn set(&self, pragma: &'static str) -> Result<()> {
        if let Backend::Sqlite(writer) = &self.write {
            sqlx::query(pragma).execute(&writer.pool).await?;
        }
        Ok(())
    }

    async fn create_domains(&self) -> Result<()> {
        if let Backend::Postgres(pool) = &self.write {
            // Two that create it at once collide on one of two errors.
            sqlx::raw_sql(
                r#"DO $$ BEGIN
                     CREATE DOMAIN bytewise_text AS TEXT COLLATE "C";
                   EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
                   END $$"#,
            )
            .execute(pool)
            .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Whether the database answers and has every migration this program knows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_migrated(&self) -> Result<bool> {
        self.write.works()?;
        let latest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM _sqlx_migrations WHERE version = $1 AND success)"
        )
        .bind(latest)
        .fetch_one(pool)
        .await)?)
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
        sqlx::raw_sql(OLDER).execute(&writer.pool).await.unwrap();
        let writing = running.begin().await.unwrap();
        let mut updated = std::pin::pin!(Store::open(&url));
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut updated).await.is_err());
        writing.commit().await.unwrap();
        assert!(updated.await.unwrap().is_migrated().await.unwrap());
    }
}
