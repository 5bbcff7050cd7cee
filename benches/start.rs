//! How long the real program takes from its start to the first answered request with 100,000
//! restricted users, and how much memory it has then and after some use.

mod ground;

use ground::program::{Program, token};
use ground::{Database, ms, so_many, verdict};
use reqwest::Client;
use std::time::{Duration, Instant};

const RESTRICTED: usize = 100_000;
const ASKED_FOR: Duration = Duration::from_secs(1);
const MEBIBYTES_ASKED_FOR: u64 = 60;
const RUNS: usize = 5;
const REQUESTS: usize = 500;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let restricted = so_many(RESTRICTED);
    for database in Database::all().await {
        println!("{}: starting with {restricted} restricted users", database.name);
        database.import(restricted);
        let token = token(&database, "security-reader");
        for _ in 0..RUNS {
            start(&database, &token).await;
        }
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn start(database: &Database, token: &str) {
    let client = Client::new();
    let start = Instant::now();
    let program = Program::start(database, &[]);
    let url = format!("{}/api/v1/restricted-users", program.url);
    let ask = async || client.get(&url).bearer_auth(token).send().await;
    while !ask().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(start.elapsed() < Duration::from_mins(1), "the program does not answer");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = start.elapsed();
    let at_first = program.memory("VmRSS");
    for _ in 0..REQUESTS {
        ask().await.expect("it answers").bytes().await.expect("whole");
    }
    let (now, most) = (program.memory("VmRSS"), program.memory("VmHWM"));
    println!(
        "  first answer after {} (asked for: ≤ 1 s) {}; VmRSS {at_first} MiB then, {now} MiB \
         after {REQUESTS} pages, VmHWM {most} MiB (asked for: ≤ {MEBIBYTES_ASKED_FOR} MB) {}",
        ms(took),
        verdict(took <= ASKED_FOR),
        verdict(most <= MEBIBYTES_ASKED_FOR)
    );
}
