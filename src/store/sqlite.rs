//! How the service opens SQLite.

use super::checkpointer::{self, Checkpointer};
use super::connections::Connections;
use super::sqlite_writer::SqliteWriter;
use super::{BUSY_TIMEOUT, COUNTING_STATEMENTS};
use crate::private_file;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Error, Sqlite, SqliteConnection};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long to wait for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a disk may keep silent.
const SILENT: Duration = Duration::from_secs(10);
/// How long a statement of people may take. A page that takes longer is of use to nobody, and what
/// reads keeps the write-ahead log from beginning anew.
const PEOPLE_WAIT: Duration = Duration::from_secs(8);
/// How long while the log is too large: it cannot begin anew before whoever reads in it has ended.
const HURRIED_WAIT: Duration = Duration::from_secs(1);
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

/// The connections of one process.
pub(super) struct File {
    pub(super) people: Connections<Sqlite>,
    pub(super) background: Connections<Sqlite>,
    pub(super) look_ups: Connections<Sqlite>,
    pub(super) checkpointer: Checkpointer,
    pub(super) writer: SqliteWriter,
}

impl File {
    /// Opens the database at `path`, and creates it where it is not there.
    pub(super) async fn open(path: &Path) -> anyhow::Result<Self> {
        make_where_there_is_none(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            // One that was deleted meanwhile is not made anew, empty.
            .create_if_missing(false)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Whoever commits waits for the disk beside SQLite; see `write_ahead_log`.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", checkpointer::LARGEST.to_string());
        let writer = options
            .clone()
            .statement_cache_capacity(COUNTING_STATEMENTS)
            .pragma("cache_size", format!("-{WRITER_CACHE}"))
            .pragma("wal_autocheckpoint", CHECKPOINT)
            // A statement of many rows first copies each page that it changes, else to a file.
            .pragma("temp_store", "MEMORY");
        let writer = SqliteWriter::open(path, writer, pool(1)).await?;
        let checkpointer = Checkpointer::of(options.clone(), pool(1));
        let options = options.read_only(true);
        let people = pool(PEOPLE)
            .after_connect({
                let too_large = checkpointer.too_large();
                move |connection, _| Box::pin(give_time(connection, too_large.clone()))
            })
            .before_acquire({
                let too_large = checkpointer.too_large();
                move |connection, _| Box::pin(when_its_turn_comes(connection, too_large.clone()))
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
            checkpointer,
            writer,
        })
    }
}

/// SQLite would make the file as the umask has it, and gives its other files the mode of this one. A
/// file that is there is not opened: to close it would give up the locks that this process has on it.
fn make_where_there_is_none(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { private_file::open(path).map(drop) }
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
async fn give_time(
    connection: &mut SqliteConnection,
    too_large: watch::Receiver<bool>,
) -> Result<(), Error> {
    let began = Instant::now();
    let in_time = move || {
        let wait = if *too_large.borrow() { HURRIED_WAIT } else { PEOPLE_WAIT };
        began.elapsed() < wait
    };
    connection.lock_handle().await?.set_progress_handler(STEPS, in_time);
    Ok(())
}

/// Begins to read once the log is not too large any more, or after a while all the same: somebody
/// else may keep it so.
async fn when_its_turn_comes(
    connection: &mut SqliteConnection,
    mut too_large: watch::Receiver<bool>,
) -> Result<bool, Error> {
    // Nobody is left to wait for once the checkpointer has gone.
    let _ = timeout(HURRIED_WAIT, too_large.wait_for(|too_large| !too_large)).await;
    give_time(connection, too_large).await.map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

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

    #[tokio::test]
    async fn the_write_ahead_log_stays_small_though_somebody_reads_in_it_all_the_time() {
        const WRITTEN: u64 = 400;
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("a.db")).await.unwrap();
        let write = async |statement| {
            let mut tx = file.writer.begin().await.unwrap();
            sqlx::query(statement).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        };
        write("CREATE TABLE notes (number INTEGER PRIMARY KEY, text BLOB)").await;
        let (stop, mut largest) = (AtomicBool::new(false), 0);
        let long = async || {
            let slow = "WITH RECURSIVE numbers (number) AS
                          (SELECT COUNT(*) FROM notes UNION ALL SELECT number + 1 FROM numbers)
                        SELECT COUNT(*) FROM numbers";
            while !stop.load(Ordering::Relaxed) {
                sqlx::query(slow).execute(&file.people).await.unwrap_err();
            }
        };
        let short = async || {
            let page = "WITH RECURSIVE numbers (number) AS
                          (SELECT COUNT(*) FROM notes UNION ALL SELECT number + 1 FROM numbers
                            LIMIT 20000)
                        SELECT COUNT(*) FROM numbers";
            while !stop.load(Ordering::Relaxed) {
                sqlx::query(page).execute(&file.people).await.unwrap();
            }
        };
        let writing = async {
            for number in 0..WRITTEN {
                write("INSERT OR REPLACE INTO notes VALUES (1, randomblob(1000000))").await;
                if number % 8 == 0 {
                    file.checkpointer.checkpoint().await.unwrap();
                }
                largest = largest.max(file.checkpointer.log());
            }
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(writing, long(), short(), short(), short());
        assert!(largest < 200 * 1024 * 1024, "{largest}");
    }
}
