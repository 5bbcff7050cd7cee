//! Makes commits of SQLite survive a loss of power, beside whoever writes next.
//!
//! With `synchronous=FULL` SQLite waits for the disk at each commit, and every other writer with it.
//! With `NORMAL` a commit may be lost, though nothing is ever lost or torn in front of one that is
//! kept (its page about `PRAGMA synchronous`). So SQLite commits with `NORMAL`, and whoever
//! committed waits here until the log has reached the disk; all that came meanwhile share one wait.

use super::database_file::{Identity, identity};
use sqlx::Error;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// Commits that wait for the disk; past them, whoever committed waits to be let in.
const MOST_WAITING: usize = 1_024;

/// The write-ahead log of a database that this process has open.
#[derive(Debug, Clone)]
pub(super) struct WriteAheadLog(mpsc::Sender<oneshot::Sender<()>>);

impl WriteAheadLog {
    /// That of the database at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let (waiting, receiver) = mpsc::channel(MOST_WAITING);
        let thread = std::thread::Builder::new().name("write-ahead-log".into());
        thread.spawn(move || flush_all(Path::new(&name), receiver))?;
        Ok(Self(waiting))
    }

    /// Whether the disk has not failed so far.
    pub(super) fn works(&self) -> Result<(), Error> {
        if self.0.is_closed() { Err(Error::WorkerCrashed) } else { Ok(()) }
    }

    /// Ends when everything that is in the log has reached the disk.
    ///
    /// # Errors
    /// When the disk fails, or failed before.
    pub(super) async fn flushed(&self) -> Result<(), Error> {
        let (flushed, answer) = oneshot::channel();
        self.0.send(flushed).await.map_err(|_| Error::WorkerCrashed)?;
        answer.await.map_err(|_| Error::WorkerCrashed)
    }
}

/// Runs until nobody can ask any more, or the disk fails. It is not tried again: the kernel takes
/// what it could not write for written, the next flush would go well, and a loss of power would take
/// everything behind the gap.
fn flush_all(path: &Path, mut receiver: mpsc::Receiver<oneshot::Sender<()>>) {
    let (mut file, mut waiting) = (None, Vec::new());
    while receiver.blocking_recv_many(&mut waiting, MOST_WAITING) > 0 {
        if let Err(error) = flush(&mut file, path) {
            tracing::error!(%error, "the disk failed; restart once it works again");
            // Before anybody learns that its commit failed, so that it finds no disk that works.
            receiver.close();
            return;
        }
        for committed in waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = committed.send(());
        }
    }
}

/// SQLite makes the file with the first transaction, removes it when the last connection closes, and
/// then makes another.
fn flush(file: &mut Option<(File, Identity)>, path: &Path) -> io::Result<()> {
    let there = identity(&path.metadata()?);
    match file {
        Some((file, opened)) if *opened == there => file.sync_data(),
        _ => file.insert((OpenOptions::new().write(true).open(path)?, there)).0.sync_data(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn what_did_not_reach_the_disk_is_never_said_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/dev/null", folder.path().join("a.db-wal")).unwrap();
        let log = WriteAheadLog::of(&folder.path().join("a.db")).unwrap();
        for _ in 0..2 {
            assert!(matches!(log.flushed().await, Err(Error::WorkerCrashed)));
        }
    }

    #[tokio::test]
    async fn what_is_flushed_is_the_file_that_sqlite_has_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db-wal");
        std::fs::write(&path, "frames").unwrap();
        let log = WriteAheadLog::of(&folder.path().join("a.db")).unwrap();
        log.flushed().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        // A file that cannot be flushed shows which one is.
        symlink("/dev/null", &path).unwrap();
        log.flushed().await.unwrap_err();
    }

    #[tokio::test]
    async fn all_who_wait_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.db-wal"), "frames").unwrap();
        let log = WriteAheadLog::of(&folder.path().join("a.db")).unwrap();
        let all = (0..3 * MOST_WAITING).map(|_| log.flushed());
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    }
}
