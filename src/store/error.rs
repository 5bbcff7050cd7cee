//! What went wrong in the database, and what follows from it.

use sqlx::Error;
use std::sync::Arc;

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What went wrong in the database.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database failed")]
pub struct StoreError(#[source] Arc<Error>);

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl StoreError {
    /// Whether the same may go well later. It may unless the database speaks of the very values: that
    /// it is away, overloaded, full, read-only or being upgraded is told in too many ways to list.
    pub fn is_outage(&self) -> bool {
        !self.code().is_some_and(|code| speaks_of_values(&code))
    }

    /// Whether the disk of the database is full.
    pub fn is_disk_full(&self) -> bool {
        self.code().is_some_and(|code| code == "53100" || primary(&code) == Some(SQLITE_FULL))
    }

    fn code(&self) -> Option<String> {
        self.0.as_database_error()?.code().map(Into::into)
    }
}

const SQLITE_FULL: u32 = 13;

/// Whether a database's own code speaks of the values that it was given. Postgres: the classes *data
/// exception* and *integrity constraint violation*. SQLite: too big, constraint, mismatch, range.
fn speaks_of_values(code: &str) -> bool {
    match primary(code) {
        Some(primary) => [18, 19, 20, 25].contains(&primary),
        None => code.starts_with("22") || code.starts_with("23"),
    }
}

/// The primary code in one of SQLite's extended codes; they have four digits at most, and all of
/// Postgres' have five characters.
fn primary(code: &str) -> Option<u32> {
    let extended: u32 = code.parse().ok().filter(|_| code.len() < 5)?;
    Some(extended & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_speak_of_values_do_not_tell_of_an_outage() {
        let of_values = [
            ("22001", "string data right truncation"),
            ("22021", "character not in repertoire"),
            ("23502", "not null violation"),
            ("23503", "foreign key violation"),
            ("23505", "unique violation"),
            ("23514", "check violation"),
            ("18", "SQLITE_TOOBIG"),
            ("19", "SQLITE_CONSTRAINT"),
            ("787", "SQLITE_CONSTRAINT_FOREIGNKEY"),
            ("1811", "SQLITE_CONSTRAINT_TRIGGER"),
            ("2067", "SQLITE_CONSTRAINT_UNIQUE"),
            ("20", "SQLITE_MISMATCH"),
            ("25", "SQLITE_RANGE"),
        ];
        for (code, name) in of_values {
            assert!(speaks_of_values(code), "{code} {name}");
        }
        let outages = [
            ("08006", "connection failure"),
            ("0A000", "cached plan must not change result type"),
            ("25006", "read only SQL transaction"),
            ("25P02", "in failed SQL transaction"),
            ("25P03", "idle in transaction session timeout"),
            ("26000", "invalid SQL statement name"),
            ("28P01", "invalid password"),
            ("3D000", "invalid catalog name"),
            ("40001", "serialization failure"),
            ("40P01", "deadlock detected"),
            ("42501", "insufficient privilege"),
            ("42703", "undefined column"),
            ("42P01", "undefined table"),
            ("53100", "disk full"),
            ("53300", "too many connections"),
            ("54000", "program limit exceeded"),
            ("55000", "object not in prerequisite state"),
            ("55P03", "lock not available"),
            ("57014", "query canceled"),
            ("57P01", "admin shutdown"),
            ("58030", "io error"),
            ("72000", "snapshot too old"),
            ("P0001", "raise exception"),
            ("XX000", "internal error"),
            ("XX001", "data corrupted"),
            ("1", "SQLITE_ERROR"),
            ("5", "SQLITE_BUSY"),
            ("517", "SQLITE_BUSY_SNAPSHOT"),
            ("6", "SQLITE_LOCKED"),
            ("7", "SQLITE_NOMEM"),
            ("8", "SQLITE_READONLY"),
            ("1032", "SQLITE_READONLY_DBMOVED"),
            ("9", "SQLITE_INTERRUPT"),
            ("10", "SQLITE_IOERR"),
            ("266", "SQLITE_IOERR_READ"),
            ("778", "SQLITE_IOERR_WRITE"),
            ("1034", "SQLITE_IOERR_FSYNC"),
            ("4874", "SQLITE_IOERR_SHMSIZE"),
            ("11", "SQLITE_CORRUPT"),
            ("13", "SQLITE_FULL"),
            ("14", "SQLITE_CANTOPEN"),
            ("1038", "SQLITE_CANTOPEN_CONVPATH"),
            ("17", "SQLITE_SCHEMA"),
            ("26", "SQLITE_NOTADB"),
        ];
        for (code, name) in outages {
            assert!(!speaks_of_values(code), "{code} {name}");
        }
    }
}
