//! Whether SQLite's file is still the one that was opened. Whoever deletes or replaces it leaves this
//! process with a file that nobody else sees, and what is written to it is lost.

use sqlx::Error;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file, and where it was when it was opened.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
}

impl DatabaseFile {
    /// The file that is at `path` now.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.into(), identity: identity(&path.metadata()?) })
    }

    /// Whether it is there still.
    pub(super) fn is_in_place(&self) -> Result<(), Error> {
        match self.path.metadata() {
            Ok(now) if identity(&now) == self.identity => Ok(()),
            _ => Err(Error::Io(io::Error::other(format!(
                "the database file {} was deleted or replaced; put it back, or restart to go on \
                 with what is there",
                self.path.display()
            )))),
        }
    }
}

/// What makes a file the same one, whatever it is called: its device and its number there.
pub(super) type Identity = (u64, u64);

pub(super) fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}
