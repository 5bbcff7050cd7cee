//! Whether SQLite's file is whole.

use super::{Backend, Result, Store};
use sqlx::Error;
use std::time::{Duration, Instant};

/// How long a look may take: while somebody reads, the write-ahead log only grows.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Steps of SQLite's machine from one look at the clock to the next.
const STEPS: i32 = 10_000;

/// Result codes of SQLite: the look was ended, the file is damaged, it is no database.
const INTERRUPT: &str = "9";
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;

/// What stands above what is damaged.
const HEADING: &str = "*** in database main ***";

/// What a look at SQLite's file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// No damage.
    Whole,
    /// The first damage, in SQLite's words.
    Damaged(String),
    /// None in 10 s, and there is more of the file.
    Unknown,
}

impl Store {
    /// Looks for the first damage in SQLite's file; nothing on Postgres.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quick_check(&self) -> Result<Option<Integrity>> {
        self.look(LONGEST_LOOK).await
    }

    async fn look(&self, longest: Duration) -> Result<Option<Integrity>> {
        let Backend::Sqlite(pool) = &self.read else { return Ok(None) };
        let mut connection = pool.acquire().await?;
        let end = Instant::now() + longest;
        connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < end);
        let found: sqlx::Result<String> =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await;
        connection.lock_handle().await?.remove_progress_handler();
        judge(found).map(Some)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use sqlx::{Connection, SqliteConnection};

    #[tokio::test]
    async fn a_look_ends_at_its_end_and_the_connection_is_good_for_other_things() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = Store::open(&DatabaseUrl::Sqlite(path.clone())).await.unwrap();
        let url = format!("sqlite:{}", path.display());
        let mut owner = SqliteConnection::connect(&url).await.unwrap();
        let many = "CREATE TABLE many (number);
                    INSERT INTO many
                      WITH RECURSIVE numbers (number) AS
                           (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 100000)
                    SELECT number FROM numbers";
        sqlx::raw_sql(many).execute(&mut owner).await.unwrap();

        assert_eq!(store.look(Duration::ZERO).await.unwrap(), Some(Integrity::Unknown));
        assert_eq!(store.quick_check().await.unwrap(), Some(Integrity::Whole));
    }
}
