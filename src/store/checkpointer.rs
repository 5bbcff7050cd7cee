//! Moves pages from SQLite's write-ahead log to its file, and keeps the log small beside those who read.

use super::connections::Connections;
use super::sqlite::limited;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Error, Sqlite};
use std::time::Duration;
use tokio::sync::watch;

const MIB: u64 = 1024 * 1024;
/// A log that has grown larger is cut once nobody reads in it.
pub(super) const LARGEST: u64 = 64 * MIB;
/// A log that has grown so large grows on as long as somebody reads in it: people have to wait.
const TOO_LARGE: u64 = 2 * LARGEST;

/// The connection that moves pages.
#[derive(Debug, Clone)]
pub(super) struct Checkpointer {
    connections: Connections<Sqlite>,
    too_large: watch::Sender<bool>,
}

impl Checkpointer {
    /// The one of the database that `options` open.
    pub(super) fn of(options: SqliteConnectOptions, pool: SqlitePoolOptions) -> Self {
        let options = options.busy_timeout(Duration::ZERO);
        let (too_large, _) = watch::channel(false);
        Self { connections: limited(pool.connect_lazy_with(options)), too_large }
    }

    /// Whether the log is too large, now and later.
    pub(super) fn too_large(&self) -> watch::Receiver<bool> {
        self.too_large.subscribe()
    }

    /// Moves what can be moved without waiting for anybody and without anybody waiting for it. A log
    /// that has grown too large is cut where nobody reads in it at the moment; whoever writes waits
    /// then, but there is next to nothing left to move.
    pub(super) async fn checkpoint(&self) -> Result<(), Error> {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.connections).await?;
        if self.log() > LARGEST {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.connections).await?;
        }
        self.too_large.send_replace(self.log() > TOO_LARGE);
        Ok(())
    }

    /// The size of the log in bytes.
    pub(super) fn log(&self) -> u64 {
        let options = self.connections.pool().connect_options();
        let mut path = options.get_filename().as_os_str().to_owned();
        path.push("-wal");
        // Before the first transaction there is none.
        std::fs::metadata(path).map_or(0, |file| file.len())
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        self.connections.pool().close().await;
    }
}
