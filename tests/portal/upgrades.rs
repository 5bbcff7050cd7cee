//! Databases that other versions of the program have written.

use crate::harness::Database;
use crate::program::{open, run};
use restricted_users::model::address::Address;
use restricted_users::store::{ListQuery, Sort, StateFilter};
use sqlx::migrate::Migrator;
use sqlx::{PgPool, SqlitePool};
use std::fs;
use std::path::{Path, PathBuf};

/// What stood in the tables of each version; those of a later one are filled with it.
const FILLED: [(i64, &str); 4] = [
    (
        1,
        "INSERT INTO restrictions (id, address, domain, cause, reason, temporary, imported,
                                   restricted_at, restricted_by, changed_at)
         VALUES ({id:1}, 'alice@example.org', 'example.org', 'manual', 'spam', FALSE, FALSE,
                 '2026-11-01T10:00:00+00:00', 'ada@example.org', '2026-11-01T10:00:00+00:00'),
                ({id:2}, 'carol@example.org', 'example.org', 'outbound_spam', 'spam', FALSE, FALSE,
                 '2026-11-02T10:00:00+00:00', 'system', '2026-11-02T10:00:00+00:00');
         INSERT INTO history (number, restriction_id, at, event, actor)
         VALUES (1, {id:1}, '2026-11-01T10:00:00+00:00', 'restricted', 'ada@example.org'),
                (2, {id:2}, '2026-11-02T10:00:00+00:00', 'restricted', 'system');
         UPDATE restrictions SET released_at = '2026-11-03T10:00:00+00:00' WHERE id = {id:2};
         INSERT INTO operators (id, address, role_group, created_at)
         VALUES ({id:3}, 'ada@example.org', 'organization_management', '2026-11-01T10:00:00+00:00');
         INSERT INTO tokens (secret_hash, name, role_group, created_at)
         VALUES ('0', 'script', 'security_reader', '2026-11-01T10:00:00+00:00');
         INSERT INTO refusals (restriction_id, minute, recipients)
         VALUES ({id:1}, '2026-11-01T10:01:00+00:00', 7);",
    ),
    (
        5,
        "INSERT INTO sign_in_attempts (subject, window_at, attempts)
         VALUES ('0', '2026-11-01T10:00:00+00:00', 1);",
    ),
    (
        6,
        "INSERT INTO messages (id, at, sender, source, recipients, inside, outside, unplaced, queue_id,
                               symbols)
         VALUES ({id:4}, '2026-11-01T10:00:00+00:00', 'alice@example.org', 'filter', '[]', 0, 1, 0,
                 'Q1', '[]');
         INSERT INTO sending (sender, minute, since, messages, spam, inside, outside, unplaced)
         VALUES ('alice@example.org', 29700000, 0, 1, 0, 0, 1, 0);",
    ),
    (
        7,
        "INSERT INTO alerts (id, episode, policy, severity, status, address, restriction_id, reason,
                             created_at, changed_at, activities, comments, untold)
         VALUES ({id:5}, 'e', 'user-restricted', 'high', 'new', 'alice@example.org', {id:1}, 'spam',
                 '2026-11-01T10:00:00+00:00', '2026-11-01T10:00:00+00:00', 1, '', FALSE);",
    ),
];

fn migrations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// What a program wrote that knew so many migrations.
async fn written_by(database: &Database, known: usize) {
    let folder = database.folder.path().join("migrations");
    fs::create_dir(&folder).unwrap();
    for file in migrations().iter().take(known) {
        fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
    }
    let older = Migrator::new(folder).await.unwrap();
    if database.is_postgres() {
        database.execute("CREATE DOMAIN bytewise_text AS TEXT COLLATE \"C\"".into()).await;
        let pool = PgPool::connect(&database.url).await.unwrap();
        older.run(&pool).await.unwrap();
        pool.close().await;
    } else {
        let pool = SqlitePool::connect(&format!("{}?mode=rwc", database.url)).await.unwrap();
        older.run(&pool).await.unwrap();
        pool.close().await;
    }
    let latest = i64::try_from(known).unwrap();
    for (_, text) in FILLED.iter().filter(|(version, _)| *version <= latest) {
        for statement in text.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            database.execute(with_ids(statement, database.is_postgres())).await;
        }
    }
}

fn with_ids(statement: &str, postgres: bool) -> String {
    (1..=5).fold(statement.to_owned(), |text, number| {
        let id = uuid::Uuid::from_u128(number);
        let id = if postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
        text.replace(&format!("{{id:{number}}}"), &id)
    })
}

#[tokio::test]
async fn what_every_older_version_wrote_is_there_after_an_update() {
    for known in 1..migrations().len() {
        let database = Database::create().await;
        written_by(&database, known).await;
        let store = open(&database).await;
        assert!(store.is_migrated().await.unwrap(), "{known}");
        let all = ListQuery {
            search: None,
            state: StateFilter::All,
            cause: None,
            sort: Sort::Address,
            limit: 10,
            after: None,
        };
        let users = store.list(&all).await.unwrap().items;
        let users: Vec<_> =
            users.iter().map(|user| (user.address.as_str(), user.released_at.is_some())).collect();
        assert_eq!(users, [("alice@example.org", false), ("carol@example.org", true)], "{known}");
        let alice = Address::stored("alice@example.org");
        assert_eq!(store.restrictions_of(&alice).await.unwrap().len(), 1, "{known}");
        assert_eq!(store.operators().await.unwrap().len(), 1, "{known}");
        assert_eq!(store.known_tokens().await.unwrap()[0].name, "script", "{known}");
        assert_eq!(store.last_change().await.unwrap().unwrap().number, 2, "{known}");
        let days = store.restricted_per_day("2026-10-01".parse().unwrap()).await.unwrap();
        let expected = if known < 9 { 2 } else { 0 };
        assert_eq!(days.len(), expected, "{known}");
        let messages = store.message(uuid::Uuid::from_u128(4)).await.unwrap();
        assert_eq!(messages.is_some(), known >= 6, "{known}");
        assert_eq!(store.new_alerts(10).await.unwrap(), i64::from(known >= 7), "{known}");
        store.close().await;
    }
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_refused_in_a_sentence() {
    let database = Database::create().await;
    open(&database).await.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum,
                                               execution_time)
                 SELECT 9999, 'later', TRUE, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    database.execute(newer.into()).await;
    let refused = run(&database, &["serve"]);
    let says = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{says}");
    assert!(
        says.contains("a newer version of Restricted Users has written this database"),
        "{says}"
    );
}

/// A newer program may add a column beside one that runs.
#[test]
fn no_statement_reads_all_columns_of_a_table() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let words: Vec<_> = text.split_whitespace().collect();
            let all = words.windows(2).find(|pair| {
                ["SELECT", "RETURNING"].iter().any(|word| pair[0].ends_with(word))
                    && pair[1].starts_with('*')
            });
            assert_eq!(all, None, "{}", file.display());
            assert!(!words.iter().any(|word| word.trim_matches(['"', ',']).ends_with(".*")));
            read += 1;
        }
    }
    assert!(read > 50, "the sources are there: {read}");
}
