//! Which processes have the same SQLite file open. Each holds a lock on `PATH.lock`: shared while
//! it works, exclusive for what is better done while nobody else is there.

use super::Store;
use crate::private_file;
use std::fs::File;
use std::path::{Path, PathBuf};

/// This process's lock on `PATH.lock`.
#[derive(Debug)]
pub(super) struct Presence(File);

impl Presence {
    /// Enters, and keeps others out at first where nobody is in: neither the first switch to a
    /// write-ahead log nor the migrations wait for another process that does the same.
    pub(super) async fn enter(path: &Path) -> anyhow::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        tokio::task::spawn_blocking(move || {
            let file = private_file::open(&path)?;
            if file.try_lock().is_err() {
                file.lock_shared()?;
            }
            Ok(Self(file))
        })
        .await?
    }

    /// Lets others in.
    pub(super) fn share(&self) -> std::io::Result<()> {
        self.0.lock_shared()
    }
}

/// No other process has the database open; one that opens it waits until this is dropped.
#[derive(Debug)]
pub struct Alone<'a>(&'a Presence);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.share() {
            tracing::warn!(%error, "cannot let other processes open the database");
        }
    }
}

impl Store {
    /// Whether this process is the only one that has the database open, and stays it until the
    /// answer is dropped. On Postgres nobody can tell.
    pub fn alone(&self) -> Option<Alone<'_>> {
        let presence = self.presence.as_deref()?;
        // Who asks for the other kind of lock in vain has none; dropping this takes the old one again.
        let alone = Alone(presence);
        presence.0.try_lock().is_ok().then_some(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use std::time::Duration;

    #[tokio::test]
    async fn whoever_opens_the_database_waits_for_the_one_that_has_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("a.db"));
        let first = Store::open(&url).await.unwrap();
        let second = Store::open(&url).await.unwrap();
        assert!(first.alone().is_none() && second.alone().is_none());
        drop(second);
        let alone = first.alone().expect("nobody else is left");
        let mut third = std::pin::pin!(Store::open(&url));
        assert!(tokio::time::timeout(Duration::from_millis(300), &mut third).await.is_err());
        drop(alone);
        let third = third.await.unwrap();
        assert!(first.alone().is_none());
        drop(third);
        assert!(first.alone().is_some());
    }
}
