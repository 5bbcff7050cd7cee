//! Fills a database by SQL with as much as an organisation has after years: to do it by the API would
//! take days. What is read is what the program reads; hashes of the audit log are made up.

use super::Database;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// The second of the newest restriction, 2026-11-01.
const NEWEST: i64 = 1_793_491_200;
const DAY: i64 = 86_400;

/// What the two databases write differently.
struct Dialect {
    numbers: fn(i64) -> String,
    id: fn(&str, &str) -> String,
    at: fn(&str) -> String,
    indexes: &'static str,
}

const SQLITE: Dialect = Dialect {
    numbers: |count| {
        format!(
            "(WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers \
              WHERE i < {count} - 1) SELECT i FROM numbers)"
        )
    },
    id: |first, last| format!("unhex(printf('%012x', {first}) || printf('%020x', {last}))"),
    at: |second| format!("strftime('%Y-%m-%dT%H:%M:%S', {second}, 'unixepoch') || '+00:00'"),
    indexes: "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
};

const POSTGRES: Dialect = Dialect {
    numbers: |count| format!("(SELECT generate_series(0::BIGINT, {count}::BIGINT - 1) AS i)"),
    id: |first, last| {
        format!("(lpad(to_hex({first}), 12, '0') || lpad(to_hex({last}), 20, '0'))::UUID")
    },
    at: |second| format!("to_timestamp({second})"),
    indexes: "SELECT indexname::TEXT, indexdef FROM pg_indexes
               WHERE schemaname = 'public' AND indexname NOT IN
                     (SELECT conname FROM pg_constraint)",
};

/// Makes `released` restrictions that have ended and a tenth as many that have not, with as many
/// alerts; half as many messages, and three tenths as many audit records.
pub async fn seed(database: &Database, released: usize) {
    let released = i64::try_from(released).expect("it is no astronomical number");
    make(database, |dialect| {
        vec![
            restrictions(dialect, released, false),
            restrictions(dialect, released / 10, true),
            alerts(dialect, released / 10),
            messages(dialect, released / 2),
            audit(dialect, released * 3 / 10),
        ]
    })
    .await;
}

/// Makes evidence: so many messages, a quarter more lines that were crossed, and five times as many
/// minutes in which recipients were refused.
pub async fn seed_evidence(database: &Database, count: usize) {
    let count = i64::try_from(count).expect("it is no astronomical number");
    make(database, |dialect| {
        vec![
            restrictions(dialect, 1_000, true),
            messages(dialect, count),
            crossings(dialect, count / 4 * 5),
            refusals(dialect, count * 5),
        ]
    })
    .await;
}

async fn make(database: &Database, what: impl FnOnce(&Dialect) -> Vec<String>) {
    drop(database.store().await);
    if database.name == "SQLite" {
        let mut connection = SqliteConnection::connect(database.url()).await.expect("it opens");
        let fast =
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA foreign_keys = OFF";
        connection.execute(fast).await.expect("it takes settings");
        let indexes = connection.fetch_all(SQLITE.indexes).await.expect("it tells its indexes");
        let indexes = indexes.iter().map(|row| (row.get(0), row.get(1))).collect();
        for statement in with_indexes(what(&SQLITE), indexes) {
            connection.execute(AssertSqlSafe(statement)).await.expect("it takes what is made up");
        }
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("nobody reads");
    } else {
        let mut connection = PgConnection::connect(database.url()).await.expect("it opens");
        let fast = "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'";
        connection.execute(fast).await.expect("it takes settings");
        let indexes = connection.fetch_all(POSTGRES.indexes).await.expect("it tells its indexes");
        let indexes = indexes.iter().map(|row| (row.get(0), row.get(1))).collect();
        for statement in with_indexes(what(&POSTGRES), indexes) {
            connection.execute(AssertSqlSafe(statement)).await.expect("it takes what is made up");
        }
        connection.execute("VACUUM (ANALYZE)").await.expect("it may do that");
        connection.execute("CHECKPOINT").await.expect("it may do that");
    }
}

/// Indexes are made when everything is there, which takes a tenth of the time.
fn with_indexes(
    statements: Vec<String>,
    indexes: Vec<(String, String)>,
) -> impl Iterator<Item = String> {
    let dropped: Vec<_> = indexes.iter().map(|(name, _)| format!("DROP INDEX {name}")).collect();
    let made = indexes.into_iter().map(|(_, definition)| definition);
    dropped.into_iter().chain(statements).chain(made)
}

/// An address: six in ten are in one domain, three in ten in a thousand that begin alike, the others in
/// ten thousand domains of every letter.
fn address() -> &'static str {
    "substr('abcdefghijklmnopqrstuvwxyz', CAST(1 + i * 7919 % 26 AS INTEGER), 1)
       || substr('abcdefghijklmnopqrstuvwxyz', CAST(1 + i * 6007 % 26 AS INTEGER), 1)
       || substr('abcdefghijklmnopqrstuvwxyz', CAST(1 + i * 4003 % 26 AS INTEGER), 1) || '.' || i || '@' || domain"
}

const DOMAIN: &str = "CASE WHEN i % 10 < 6 THEN 'example.org'
    WHEN i % 10 < 9 THEN 'branch' || (i * 40503 % 1000) || '.example.net'
    ELSE substr('abcdefghijklmnopqrstuvwxyz', CAST(1 + i * 7907 % 26 AS INTEGER), 1) || (i * 7907 % 10000)
           || '.example' END";

/// The active were restricted in the last thirty days, the released in the year before: those who ask
/// for the released, newest first, do not find them in front of an index of all. Nobody active was
/// imported, nobody released had reached a limit, and nobody imported is in the small domains.
fn restrictions(dialect: &Dialect, count: i64, active: bool) -> String {
    let numbers = (dialect.numbers)(count);
    let (offset, newest, days) = if active { (1, NEWEST, 30) } else { (0, NEWEST - 30 * DAY, 365) };
    let id = (dialect.id)(&format!("{offset}"), "i");
    let at = (dialect.at)(&format!("{newest} - 1 - (i * 7919) % {}", days * DAY));
    let released = if active { "NULL".into() } else { (dialect.at)(&NEWEST.to_string()) };
    let later = (dialect.at)("32472144000");
    let cause = if active {
        "CASE WHEN i % 10000 = 7 THEN 'manual' WHEN i % 4 = 0 THEN 'sending_limit'
              ELSE 'outbound_spam' END"
    } else {
        "CASE WHEN i % 10000 = 7 THEN 'manual' WHEN i % 10 < 9 AND i % 7 < 3 THEN 'imported'
              ELSE 'outbound_spam' END"
    };
    // One in a hundred of the active is unblocking.
    let takes_effect =
        if active { format!("CASE WHEN i % 100 = 3 THEN {later} END") } else { released.clone() };
    let asked = if active {
        format!("CASE WHEN i % 100 = 3 THEN {} END", (dialect.at)(&NEWEST.to_string()))
    } else {
        released.clone()
    };
    let by =
        if active { "CASE WHEN i % 100 = 3 THEN 'operator@example.org' END" } else { "'system'" };
    let address = address();
    format!(
        "INSERT INTO restrictions (id, address, domain, cause, reason, temporary, imported,
                restricted_at, changed_at, released_at, unblock_requested_by,
                unblock_requested_at, takes_effect_at)
         SELECT {id}, {address}, domain, {cause},
                'OutboundSpamLast24Hours=12;OutboundMailLast24Hours=40;OutboundSpamPercent=30;'
                  || 'Last Spam Message MessagetraceId:5f0c9a3e-7d21-4b6f-9a55-' || i,
                FALSE, FALSE, {at}, {at}, {released}, {by}, {asked}, {takes_effect}
           FROM (SELECT i, {DOMAIN} AS domain FROM {numbers} AS numbers) AS made"
    )
}

fn alerts(dialect: &Dialect, count: i64) -> String {
    let (numbers, id) = ((dialect.numbers)(count), (dialect.id)("1", "i"));
    let at = (dialect.at)(&format!("{NEWEST} - {count} + i"));
    format!(
        "INSERT INTO alerts (id, episode, policy, severity, status, reason, created_at, changed_at,
                activities, comments, untold)
         SELECT {id}, 'seed ' || i,
                CASE WHEN i % 2 = 0 THEN 'user-restricted' ELSE 'suspicious-sending' END, 'high',
                CASE WHEN i % 10 = 0 THEN 'new' ELSE 'resolved' END, 'seeded', {at}, {at}, 1, '', FALSE
           FROM {numbers} AS made"
    )
}

fn messages(dialect: &Dialect, count: i64) -> String {
    let numbers = (dialect.numbers)(count);
    // Within the last twenty days.
    let second = format!("({NEWEST} - 1 - ({count} - i) * {} / {count})", 20 * DAY);
    let id = (dialect.id)(&format!("{second} * 1000"), "i");
    let at = (dialect.at)(&second);
    format!(
        "INSERT INTO messages (id, at, sender, source, recipients, inside, outside, unplaced,
                queue_id, message_id, subject, client_address, verdict, score, symbols)
         SELECT {id}, {at}, 'user' || (i * 7919 % 100000) || '@example.org', 'end_of_message',
                '[\"r' || (i * 31 % 5000) || '@remote.example\"]', 0, 1, 0,
                'q' || i, '<' || i || '@example.org>', 'Minutes of the meeting, number ' || i,
                '192.0.2.7', CASE WHEN i % 50 = 0 THEN 'spam' WHEN i % 3 = 0 THEN 'clean' END, 1.5,
                '[]'
           FROM {numbers} AS made"
    )
}

fn audit(dialect: &Dialect, count: i64) -> String {
    let numbers = (dialect.numbers)(count);
    let at = (dialect.at)(&format!("({NEWEST} - 1 - ({count} - i) * {} / {count})", 365 * DAY));
    let actor =
        "CASE WHEN i % 3 = 0 THEN 'operator' || (i % 20) || '@example.org' ELSE 'system' END";
    let action = "CASE WHEN i = 5 THEN 'OperatorAdded' WHEN i % 3 = 0 THEN 'UnblockRequested'
                       WHEN i % 3 = 1 THEN 'Listed' ELSE 'Delisted' END";
    let address = address();
    format!(
        "INSERT INTO audit (number, at, actor, address, action, record, hash)
         SELECT i + 1, at, actor, address, action,
                '{{\"number\":' || (i + 1) || ',\"at\":\"2026-10-01T00:00:00Z\",\"actor\":\"' || actor
                  || '\",\"actor_kind\":\"system\",\"client_address\":null,\"session\":null,\"action\":\"'
                  || action || '\",\"address\":\"' || address
                  || '\",\"before\":null,\"after\":{{\"state\":\"released\"}}}}',
                'made up'
           FROM (SELECT i, {at} AS at, {actor} AS actor, {action} AS action, {address} AS address
                   FROM (SELECT i, {DOMAIN} AS domain FROM {numbers} AS numbers) AS named) AS made"
    )
}

fn crossings(dialect: &Dialect, count: i64) -> String {
    let numbers = (dialect.numbers)(count);
    let (id, policy) = ((dialect.id)("2", "i"), (dialect.id)("3", "0"));
    let at = (dialect.at)(&format!("{NEWEST} - i"));
    format!(
        "INSERT INTO crossings (id, at, sender, policy_id, line, action, shadow, reason, day, since)
         SELECT {id}, {at}, 'user' || i || '@example.org', {policy}, 'warning', 'alert', FALSE,
                'seeded', 20000, 0
           FROM {numbers} AS made"
    )
}

/// Of the first thousand restrictions, minute by minute.
fn refusals(dialect: &Dialect, count: i64) -> String {
    let (numbers, id) = ((dialect.numbers)(count), (dialect.id)("1", "i % 1000"));
    let at = (dialect.at)(&format!("{NEWEST} - i / 1000 * 60"));
    format!(
        "INSERT INTO refusals (restriction_id, minute, recipients)
         SELECT {id}, {at}, 3 FROM {numbers} AS made"
    )
}
