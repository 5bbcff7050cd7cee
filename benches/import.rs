//! How long the real `import` takes for a million rows, and how long the writes of a server that
//! runs meanwhile wait for it.

mod ground;

use ground::{Database, Writer, export, so_many, tell_seconds};
use restricted_users::model::clock::Clock;
use std::time::{Duration, Instant};

const ROWS: usize = 1_000_000;

fn asked_for(database: &Database) -> Duration {
    Duration::from_secs(if database.name == "SQLite" { 30 } else { 90 })
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let rows = so_many(ROWS);
    for database in Database::all().await {
        println!("{}: importing {rows} rows", database.name);
        tell_seconds("alone", database.import(rows), asked_for(&database));

        let database = database.emptied().await;
        let file = export(database.folder.path(), rows);
        let service = database.service(Clock::default()).await;
        let writer = Writer::in_service(&service.app, "writer");
        let start = Instant::now();
        let mut import = database.command().arg("import").arg(file).spawn().expect("it runs");
        let status = tokio::task::spawn_blocking(move || import.wait()).await.expect("it is there");
        let took = start.elapsed();
        assert!(status.is_ok_and(|status| status.success()), "the import failed");
        println!("  beside a server that writes: {:.2} s", took.as_secs_f64());
        writer.tell("of the server");
        service.stop().await;
    }
}
