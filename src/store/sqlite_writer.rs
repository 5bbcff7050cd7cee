//! The one connection of a process that writes to SQLite, and its transactions.

use super::connections::{Connections, Leased, Transaction};
use super::database_file::DatabaseFile;
use super::sqlite::limited;
use super::write_ahead_log::WriteAheadLog;
use super::{BUSY_TIMEOUT, BoxFuture};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Error, Sqlite, SqliteConnection};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often to ask whether another process that writes has finished. SQLite's own waiting grows to
/// 100 ms between two looks and so starves beside a writer that leaves gaps of a few milliseconds.
const BUSY_RECHECK: Duration = Duration::from_millis(1);

/// What writes to SQLite: one connection alone, so that writers of this process queue in order.
#[derive(Debug, Clone)]
pub(super) struct SqliteWriter {
    connections: Connections<Sqlite>,
    file: Arc<DatabaseFile>,
    log: WriteAheadLog,
}

impl SqliteWriter {
    /// Opens the database at `path`.
    pub(super) async fn open(
        path: &Path,
        options: SqliteConnectOptions,
        pool: SqlitePoolOptions,
    ) -> anyhow::Result<Self> {
        let pool = pool.after_connect(wait_by_ourselves).connect_with(options).await?;
        let file = Arc::new(DatabaseFile::open(path)?);
        Ok(Self { connections: limited(pool), file, log: WriteAheadLog::of(path)? })
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.connections.pool()
    }

    /// Whether anything can be written, as far as is known.
    ///
    /// # Errors
    /// When the disk has failed, or the file is no longer where it was.
    pub(super) fn works(&self) -> Result<(), Error> {
        self.file.is_in_place()?;
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
            match Transaction::begin(&self.connections, "BEGIN IMMEDIATE").await {
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
    transaction: Transaction<Sqlite>,
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
    type Target = Leased<Sqlite>;

    fn deref(&self) -> &Leased<Sqlite> {
        &self.transaction
    }
}

impl DerefMut for SqliteTransaction {
    fn deref_mut(&mut self) -> &mut Leased<Sqlite> {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer(folder: &Path) -> SqliteWriter {
        let path = folder.join("a.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        one_connection(&path, options).await
    }

    async fn one_connection(path: &Path, options: SqliteConnectOptions) -> SqliteWriter {
        let pool = SqlitePoolOptions::new().max_connections(1);
        SqliteWriter::open(path, options, pool).await.unwrap()
    }

    async fn write(writer: &SqliteWriter, statement: &'static str) -> Result<(), Error> {
        let mut tx = writer.begin().await?;
        sqlx::query(statement).execute(&mut *tx).await?;
        tx.commit().await?.flushed().await
    }

    #[tokio::test]
    async fn once_the_disk_has_failed_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::os::unix::fs::symlink("/dev/null", folder.path().join("failing-wal")).unwrap();
        let failing = folder.path().join("failing");
        std::fs::write(&failing, "").unwrap();
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let writer = one_connection(&failing, options).await;
        let written = writer.begin().await.unwrap().commit().await.unwrap();
        written.flushed().await.unwrap_err();
        assert!(matches!(writer.begin().await, Err(Error::WorkerCrashed)));
    }

    const MUCH: &str = "INSERT INTO notes VALUES (zeroblob(100000))";

    #[tokio::test]
    async fn a_connection_whose_transaction_failed_for_want_of_space_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path()).await;
        write(&writer, "CREATE TABLE notes (text TEXT)").await.unwrap();
        sqlx::query("PRAGMA max_page_count = 4").execute(writer.pool()).await.unwrap();
        let full = write(&writer, MUCH).await.unwrap_err();
        assert!(crate::store::StoreError::from(full).is_disk_full());
        // The limit was the connection's own and went with it.
        for _ in 0..3 {
            write(&writer, MUCH).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_transaction_that_was_dropped_leaves_the_connection_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path()).await;
        write(&writer, "CREATE TABLE notes (text TEXT)").await.unwrap();
        sqlx::query("PRAGMA user_version = 7; PRAGMA cache_size = 77")
            .execute(writer.pool())
            .await
            .unwrap();
        drop(writer.begin().await.unwrap());
        write(&writer, "INSERT INTO notes VALUES ('kept')").await.unwrap();
        let cache: i64 =
            sqlx::query_scalar("PRAGMA cache_size").fetch_one(writer.pool()).await.unwrap();
        assert_eq!(cache, 77);
    }
}
