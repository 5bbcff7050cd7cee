//! Whether SQLite's file is whole.

use super::{Backend, Result, Store};
use sqlx::Error;

/// Result codes of SQLite: the look was ended, the file is damaged, it is no database.
const INTERRUPT: &str = "9";
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

/// What stands above what is damaged.
const HEADING: &str = "*** in database main ***";

/// What a look at SQLite's file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    Whole,
    /// The first damage, in SQLite's words.
    Damaged(String),
    /// None in the time that a statement of people has, and there is more of the file.
    Unknown,
}

impl Store {
    /// Looks for the first damage in SQLite's file; nothing on Postgres.
    pub async fn quick_check(&self) -> Result<Option<Integrity>> {
        let Backend::Sqlite(file) = &self.read else { return Ok(None) };
        judge(sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(file).await).map(Some)
    }
}

fn judge(found: sqlx::Result<String>) -> Result<Integrity> {
    let error = match found {
        Ok(found) if found == "ok" => return Ok(Integrity::Whole),
        Ok(damage) => {
            let damage = damage.trim_start_matches(HEADING).trim();
            return Ok(Integrity::Damaged(damage.to_owned()));
        }
        Err(Error::Database(error)) => error,
        Err(error) => return Err(error.into()),
    };
    match error.code().as_deref() {
        Some(INTERRUPT) => Ok(Integrity::Unknown),
        Some(code) if code.parse().is_ok_and(is_damage) => {
            Ok(Integrity::Damaged(error.message().to_owned()))
        }
        _ => Err(Error::Database(error).into()),
    }
}

/// The primary code is the last octet of an extended one.
fn is_damage(code: i32) -> bool {
    [CORRUPT, NOT_A_DATABASE].contains(&(code & 0xff))
}
