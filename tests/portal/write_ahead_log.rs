//! SQLite's write-ahead log stays small, whoever read for long.

use crate::harness::Portal;
use sqlx::{Connection, Executor, SqliteConnection};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn a_log_that_grew_while_somebody_read_is_cut_once_nobody_does() {
    let portal = Portal::start().await;
    if portal.database.is_postgres() {
        return;
    }
    let log = || portal.app.store.write_ahead_log().unwrap();
    let mut reader = SqliteConnection::connect(&portal.database.url).await.unwrap();
    reader.execute("BEGIN; SELECT * FROM audit").await.unwrap();
    let mut writer = SqliteConnection::connect(&portal.database.url).await.unwrap();
    writer.execute("CREATE TABLE large (octets BLOB)").await.unwrap();
    for _ in 0..5 {
        writer.execute("INSERT INTO large VALUES (zeroblob(20000000))").await.unwrap();
    }
    portal.app.store.checkpoint().await.unwrap();
    assert!(log() > 90 * MIB, "{}", log());
    let metrics = portal.get("/metrics").await.text;
    assert!(metrics.contains("restricted_users_write_ahead_log_bytes 1"), "{metrics}");

    reader.execute("COMMIT").await.unwrap();
    portal.app.store.checkpoint().await.unwrap();
    assert!(log() < 64 * MIB, "{}", log());
}
