//! How much memory the real program has with many senders that send and many that may not.

mod ground;

use ground::{Database, so_many, verdict};
use serde_json::json;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::Duration;

const SENDERS: usize = 100_000;
const RESTRICTED: usize = 10_000;
/// Messages of one request: the most that is taken.
const AT_ONCE: usize = 1_000;
const MOST_MIB: u64 = 150;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    for database in Database::all().await {
        database.import(so_many(RESTRICTED));
        let token = token(&database);
        let port = free_port();
        let mut serve = serve(&database, port);
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::new();
        while http.get(format!("{url}/readyz")).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let senders = so_many(SENDERS);
        for first in (0..senders).step_by(AT_ONCE) {
            let messages: Vec<_> = (first..senders.min(first + AT_ONCE))
                .map(|number| {
                    json!({ "sender": format!("sender{number}@example.org"),
                            "recipients": ["bob@remote.example"], "verdict": "clean" })
                })
                .collect();
            let request = http.post(format!("{url}/api/v1/outbound-messages"));
            let answer = request.bearer_auth(&token).json(&messages).send().await;
            assert!(answer.expect("it answers").status().is_success(), "it takes messages");
        }
        let (now, most) = (resident(&serve, "VmRSS"), resident(&serve, "VmHWM"));
        println!(
            "{}: {senders} active senders: {now} MiB resident, {most} MiB at most (asked for: \
             ≤ {MOST_MIB}) {}",
            database.name,
            verdict(most <= MOST_MIB)
        );
        serve.kill().expect("it runs");
        serve.wait().expect("it ends");
    }
}

fn token(database: &Database) -> String {
    let create = ["token", "create", "--name", "bench", "--role", "mail-server"];
    let output = database.command().args(create).output().expect("the command runs");
    String::from_utf8(output.stdout).expect("a token is text").trim().to_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn serve(database: &Database, port: u16) -> Child {
    let mut command: Command = database.command();
    command
        .arg("serve")
        .env("RESTRICTED_USERS_LISTEN", format!("127.0.0.1:{port}"))
        .env("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "warn")
        .stdout(std::process::Stdio::null());
    command.spawn().expect("the command runs")
}

/// What the process has in memory, in MiB.
fn resident(process: &Child, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with(which)).expect("Linux tells it");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("it is a number").div_ceil(1024)
}
