//! Creating and migrating the database, safe when several processes start at once.

use super::{Backend, Result, Store, on};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Brings the database to the state this program needs. On Postgres sqlx takes a lock while it
    /// migrates; on SQLite the caller holds one.
    pub(super) async fn migrate(&self) -> anyhow::Result<()> {
        self.create_domains().await?;
        on!(&self.write, |pool| MIGRATIONS.run(pool).await)?;
        Ok(self.seal_audit().await?)
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
        let latest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM _sqlx_migrations WHERE version = $1 AND success)"
        )
        .bind(latest)
        .fetch_one(pool)
        .await)?)
    }
}
