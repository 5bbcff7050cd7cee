//! How long it takes to release 100,000 restrictions whose unblocks are due at one instant, with
//! history and audit, and how long other writes wait meanwhile.

mod ground;

use chrono::{DateTime, TimeDelta, Utc};
use ground::{Database, Writer, so_many, tell_seconds};
use restricted_users::config::DatabaseUrl;
use restricted_users::model::clock::Clock;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::time::{Duration, Instant};

const RELEASES: usize = 100_000;

fn asked_for(database: &Database) -> Duration {
    Duration::from_secs(if database.name == "SQLite" { 5 } else { 10 })
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let releases = so_many(RELEASES);
    for database in Database::all().await {
        println!("{}: {releases} unblocks due at one instant", database.name);
        database.import(releases);
        let due = Clock::default().now();
        schedule_unblocks(&database, due).await;

        let clock = Clock::stopped(due - TimeDelta::minutes(1));
        let service = database.service(clock.clone()).await;
        let inside = Writer::in_service(&service.app, "inside");
        let beside = Writer::beside(&database, "beside");
        // Both write before the first release.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        clock.advance(TimeDelta::minutes(1));
        while service.app.store.next_release().await.expect("the database answers").is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tell_seconds("all released in", start.elapsed(), asked_for(&database));
        inside.tell("of the same process");
        beside.tell("of another process");
        service.stop().await;
    }
}

/// Asking for them one by one is not what is measured and would take minutes.
async fn schedule_unblocks(database: &Database, due: DateTime<Utc>) {
    const SCHEDULE: &str = "
        UPDATE restrictions
           SET unblock_requested_by = 'bench', unblock_requested_at = $1, takes_effect_at = $1";
    match database.config().database_url {
        DatabaseUrl::Sqlite(path) => {
            let path = path.display().to_string();
            let mut connection = SqliteConnection::connect(&path).await.expect("it opens");
            sqlx::query(SCHEDULE).bind(due).execute(&mut connection).await.expect("it takes them");
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::connect(&url).await.expect("it opens");
            sqlx::query(SCHEDULE).bind(due).execute(&mut connection).await.expect("it takes them");
        }
    }
}
