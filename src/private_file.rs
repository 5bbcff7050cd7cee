//! Files for their owner alone, whatever the umask, and those that others can read.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Reading and writing, for the owner (chmod(2)).
const OWNER_ALONE: u32 = 0o600;
/// Reading a file, for those who are neither owner nor of its group.
const OTHERS_READ: u32 = 0o004;
/// Passing through a folder, for the same.
const OTHERS_PASS: u32 = 0o001;

/// Opens a file to write to; where there is none, it is made for its owner alone.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ALONE).open(path)
}

/// Whether everybody on this machine can read a file: it lets others read, and so does every folder on
/// the way to it let them pass. Access control lists are not looked at.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    let allows = |path: &Path, what: u32| {
        path.metadata().is_ok_and(|it| it.permissions().mode() & what == what)
    };
    let Ok(path) = path.canonicalize() else { return false };
    allows(&path, OTHERS_READ) && path.ancestors().skip(1).all(|it| allows(it, OTHERS_PASS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    fn let_others(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_open_to_others_where_they_may_read_it_and_get_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(!is_open_to_others(&path), "there is none");
        drop(open(&path).unwrap());
        for (folder_mode, file_mode, is_open) in [
            (0o755, 0o644, true),
            (0o711, 0o604, true),
            (0o755, 0o640, false),
            (0o700, 0o644, false),
            (0o750, 0o666, false),
        ] {
            let_others(folder.path(), folder_mode);
            let_others(&path, file_mode);
            assert_eq!(is_open_to_others(&path), is_open, "{folder_mode:o} {file_mode:o}");
        }
    }

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "precious").unwrap();
        drop(open(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
