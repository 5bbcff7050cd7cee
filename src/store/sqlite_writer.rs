//! The one connection of a process that writes to SQLite, and its transactions.

use super::write_ahead_log::WriteAheadLog;
use super::{BUSY_TIMEOUT, BoxFuture};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Error, Sqlite, SqliteConnection, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often to ask whether another process that writes has finished. SQLite's own waiting grows to
/// 100 ms between two looks and so starves beside a writer that leaves gaps of a few milliseconds.
const BUSY_RECHECK: Duration = Duration::from_millis(1);

/// What writes to SQLite: one connection alone, so that writers of this process queue in order.
#[derive(Debug, Clone)]
pub(super) struct SqliteWriter {
    pub(super) pool: SqlitePool,
    log: WriteAheadLog,
}

impl SqliteWriter {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) async fn open(
        path: &Path,
        options: SqliteConnectOptions,
        pool: SqlitePoolOptions,
    ) -> anyhow::Result<Self> {
        let pool = pool.after_connect(wait_by_ourselves).connect_with(options).await?;
        Ok(Self { pool, log: WriteAheadLog::of(path)? })
    }

    /// Whether anything can be written, as far as is known.
    ///
    /// # Errors
    /// When the disk has failed.
    pub(super) fn works(&self) -> Result<(), Error> {
        self.log.works()
    }

    /// Begins a transaction with SQLite's write lock: one that reads first and then wants to write
    /// fails when somebody else wrote in between.
    ///
    /// # Errors
    /// When the database fails or the disk has failed, or another process keeps the lock for too long.
    pub(super) async fn begin(&self) -> Result<SqliteTransaction, Error> {
        self.works()?;
        let began = Instant::now();
        loop {
            match self.pool.begin_with("BEGIN IMMEDIATE").await {
                Err(Error::Database(error))
                    if error.code().as_deref() == Some("5") && began.elapsed() < BUSY_TIMEOUT =>
                {
                    tokio::time::sleep(BUSY_RECHECK).await;
                }
                answer => {
                    let (transaction, log) = (answer?, self.log.clone());
                    return Ok(SqliteTransaction { transaction, log });
                }
            }
        }
    }
}

/// Leaves the waiting for other writers to [`SqliteWriter::begin`].
fn wait_by_ourselves(
    connection: &mut SqliteConnection,
    _: PoolConnectionMetadata,
) -> BoxFuture<'_, Result<(), Error>> {
    Box::pin(async { sqlx::query("PRAGMA busy_timeout = 0").execute(connection).await.map(drop) })
}

/// A transaction that writes.
#[derive(Debug)]
pub(crate) struct SqliteTransaction {
    transaction: Transaction<'static, Sqlite>,
    log: WriteAheadLog,
}

impl SqliteTransaction {
    /// Ends when everybody sees what was written; it is in the log that may not be on the disk yet.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub(super) async fn commit(self) -> Result<WriteAheadLog, Error> {
        self.transaction.commit().await?;
        Ok(self.log)
    }
}

impl Deref for SqliteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for SqliteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn once_the_disk_has_failed_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::os::unix::fs::symlink("/dev/null", folder.path().join("failing-wal")).unwrap();
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let failing = folder.path().join("failing");
        let writer = SqliteWriter::open(&failing, options, SqlitePoolOptions::new()).await.unwrap();
        let written = writer.begin().await.unwrap().commit().await.unwrap();
        written.flushed().await.unwrap_err();
        assert!(matches!(writer.begin().await, Err(Error::WorkerCrashed)));
    }
}
