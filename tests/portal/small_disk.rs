//! A disk that a story fills.

use crate::harness::Database;
use crate::program::as_root;
use std::path::PathBuf;

/// A file system of its own, gone with it.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Puts a database that does not exist yet onto one.
    pub fn under(database: &Database) -> Self {
        let folder = database.folder.path();
        let mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs"];
        as_root(&[&mount[..], &[folder.to_str().unwrap()]].concat());
        Self(folder.into())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    pub fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let full = std::io::copy(&mut std::io::repeat(0), &mut filler).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root(&["umount", "--lazy", self.0.to_str().unwrap()]);
    }
}
