//! Whether others can read what is nobody else's.

use super::finding::Finding;
use crate::config::{Config, DatabaseUrl};
use crate::private_file::is_open_to_others;
use std::path::{Path, PathBuf};

/// Looks at the files with secrets, and at those of the database.
pub fn examine(config: &Config) -> Vec<Finding> {
    let settings = config.file_with_secrets.iter().cloned();
    let database = match &config.database_url {
        DatabaseUrl::Sqlite(path) => files_of(path),
        DatabaseUrl::Postgres(_) => Vec::new(),
    };
    let open = settings.chain(database).filter(|path| is_open_to_others(path));
    open.map(|path| finding(&path)).collect()
}

/// The database's own, those that SQLite makes beside it, and ours, which a reader could keep locked.
fn files_of(database: &Path) -> Vec<PathBuf> {
    let beside = |suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    ["", "-wal", "-shm", ".lock"].map(beside).into()
}

fn finding(path: &Path) -> Finding {
    let path = path.display();
    Finding::warning(format!("everybody on this machine can read {path}"))
        .write(format!("chmod o= {path}"))
}
