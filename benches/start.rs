//! How long the real program takes from its start to the first answered request with 100,000
//! restricted users, and how much memory it has then and after some use.

mod ground;

use ground::{Database, ms, so_many, verdict};
use reqwest::Client;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
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
        let token = token(&database);
        for _ in 0..RUNS {
            start(&database, &token).await;
        }
    }
}

fn token(database: &Database) -> String {
    let arguments = ["token", "create", "--name", "bench", "--role", "security-reader"];
    let output = database.command().args(arguments).output().expect("the command runs");
    String::from_utf8(output.stdout).expect("a token is text").trim().into()
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn start(database: &Database, token: &str) {
    let (port, policy_port) = (free_port(), free_port());
    let url = format!("http://127.0.0.1:{port}/api/v1/restricted-users");
    let client = Client::new();
    let ask = async || client.get(&url).bearer_auth(token).send().await;

    let start = Instant::now();
    let server = Server::start(database.command(), port, policy_port);
    while !ask().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(start.elapsed() < Duration::from_mins(1), "the server does not answer");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = start.elapsed();
    let at_first = server.memory("VmRSS");
    for _ in 0..REQUESTS {
        ask().await.expect("it answers").bytes().await.expect("whole");
    }
    let (now, most) = (server.memory("VmRSS"), server.memory("VmHWM"));
    println!(
        "  first answer after {} (asked for: ≤ 1 s) {}; VmRSS {at_first} MiB then, {now} MiB \
         after {REQUESTS} pages, VmHWM {most} MiB (asked for: ≤ {MEBIBYTES_ASKED_FOR} MB) {}",
        ms(took),
        verdict(took <= ASKED_FOR),
        verdict(most <= MEBIBYTES_ASKED_FOR)
    );
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A server that ends with the bench.
struct Server(Child);

impl Server {
    fn start(mut command: Command, port: u16, policy_port: u16) -> Self {
        let server = command
            .arg("serve")
            .env("RESTRICTED_USERS_LISTEN", format!("127.0.0.1:{port}"))
            .env("RESTRICTED_USERS_POLICY_LISTEN", format!("127.0.0.1:{policy_port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(server.spawn().expect("the program runs"))
    }

    /// What Linux says of its memory, in MiB.
    fn memory(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))
            .expect("the server runs, on Linux");
        let line = status.lines().find(|line| line.starts_with(what)).expect("Linux tells it");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("it is a number").div_ceil(1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
