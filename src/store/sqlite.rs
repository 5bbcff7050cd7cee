//! How the service opens SQLite.

use super::connections::Connections;
use super::sqlite_writer::SqliteWriter;
use super::{BUSY_TIMEOUT, COUNTING_STATEMENTS};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Error, Sqlite, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a disk may keep silent.
const SILENT: Duration = Duration::from_secs(10);
/// How long a statement of people may take. A page that takes longer is of use to nobody, and what
/// reads keeps the write-ahead log from beginning anew.
const PEOPLE_WAIT: Duration = Duration::from_secs(8);
/// How many steps of SQLite's own machine a statement takes before it is asked whether its time is
/// over: some ten milliseconds.
const STEPS: i32 = 100_000;
const PEOPLE: u32 = 4;
const BACKGROUND: u32 = 2;
/// Memory for pages of the one connection that writes, in KiB. With SQLite's 2 MiB, a round of
/// releases among 100,000 restrictions reads every page that it changes and writes some twice.
const WRITER_CACHE: u32 = 16 * 1024;
/// Memory for pages of the one connection that looks up, in KiB, as far as there is anything to keep:
/// the index of a million addresses, and as much again of those that were looked up last.
const LOOK_UP_CACHE: u32 = 64 * 1024;
/// Pages in the write-ahead log, 64 MiB, before a commit moves those to the file that are left to
/// move. `Store::checkpoint` moves most of them beside whoever writes, but only a moment when none is
/// left lets the log begin anew. A page that many transactions change is moved once.
const CHECKPOINT: &str = "16000";
/// A write-ahead log that has grown larger, because somebody read for long, is cut once nobody does.
pub(super) const LARGEST_LOG: u64 = 64 * 1024 * 1024;

/// The connections of one process.
pub(super) struct File {
    pub(super) people: Connections<Sqlite>,
    pub(super) background: Connections<Sqlite>,
    pub(super) look_ups: Connections<Sqlite>,
    /// Moves pages from the write-ahead log to the file.
    pub(super) checkpointer: Connections<Sqlite>,
    pub(super) writer: SqliteWriter,
}

impl File {
    /// Opens the database at `path`, and creates it where it is not there.
    pub(super) async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Whoever commits waits for the disk beside SQLite; see `write_ahead_log`.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", LARGEST_LOG.to_string());
        let writer = options
            .clone()
            .statement_cache_capacity(COUNTING_STATEMENTS)
            .pragma("cache_size", format!("-{WRITER_CACHE}"))
            .pragma("wal_autocheckpoint", CHECKPOINT)
            // A statement of many rows first copies each page that it changes, else to a file.
            .pragma("temp_store", "MEMORY");
        let writer = SqliteWriter::open(path, writer, pool(1)).await?;
        // One that was deleted meanwhile is not made anew, empty.
        let options = options.create_if_missing(false);
        let checkpointer = options.clone().busy_timeout(Duration::ZERO);
        let checkpointer = pool(1).connect_lazy_with(checkpointer);
        let options = options.read_only(true);
        let people = pool(PEOPLE)
            .after_connect(|connection, _| Box::pin(give_time(connection)))
            .before_acquire(|connection, _| {
                Box::pin(async { give_time(connection).await.map(|()| true) })
            })
            .connect_with(options.clone())
            .await?;
        let background = pool(BACKGROUND).connect_lazy_with(options.clone());
        let looking_up = options.pragma("cache_size", format!("-{LOOK_UP_CACHE}"));
        let look_ups = pool(1).connect_lazy_with(looking_up);
        Ok(Self {
            people: limited(people),
            background: limited(background),
            look_ups: limited(look_ups),
            checkpointer: limited(checkpointer),
            writer,
        })
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not hang up; to ask takes as long as to look up a restriction.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

pub(super) fn limited(pool: SqlitePool) -> Connections<Sqlite> {
    Connections::of(pool, SILENT)
}

/// Ends what a connection does next once its time is over, also when nobody waits for it any more.
async fn give_time(connection: &mut SqliteConnection) -> Result<(), Error> {
    let until = Instant::now() + PEOPLE_WAIT;
    let in_time = move || Instant::now() < until;
    connection.lock_handle().await?.set_progress_handler(STEPS, in_time);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_people_ask_for_ends_in_time_and_nobody_else_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("a.db")).await.unwrap();
        let endless = "WITH RECURSIVE numbers (number) AS
                            (SELECT 1 UNION ALL SELECT number + 1 FROM numbers)
                       SELECT COUNT(*) FROM numbers";
        let ask = || sqlx::query(endless).execute(&file.people);
        let meanwhile = async {
            for connections in [&file.background, &file.look_ups] {
                sqlx::query("SELECT 1").execute(connections).await.unwrap();
            }
            file.writer.begin().await.unwrap().commit().await.unwrap()
        };
        let (a, b, c, d, _) = tokio::join!(ask(), ask(), ask(), ask(), meanwhile);
        for ended in [a, b, c, d] {
            let error = ended.unwrap_err();
            assert_eq!(error.as_database_error().unwrap().message(), "interrupted");
        }
        sqlx::query("SELECT 1").execute(&file.people).await.unwrap();
    }
}
