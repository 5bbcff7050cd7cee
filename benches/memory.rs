//! How much memory the real program has with many senders that send and many that may not.

mod ground;

use ground::program::{Program, token};
use ground::{Database, so_many, verdict};
use serde_json::json;

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
        let token = token(&database, "mail-server");
        let program = Program::start(&database, &[]).ready().await;
        let http = reqwest::Client::new();
        let senders = so_many(SENDERS);
        for first in (0..senders).step_by(AT_ONCE) {
            let messages: Vec<_> = (first..senders.min(first + AT_ONCE))
                .map(|number| {
                    json!({ "sender": format!("sender{number}@example.org"),
                            "recipients": ["bob@remote.example"], "verdict": "clean" })
                })
                .collect();
            let request = http.post(format!("{}/api/v1/outbound-messages", program.url));
            let answer = request.bearer_auth(&token).json(&messages).send().await;
            assert!(answer.expect("it answers").status().is_success(), "it takes messages");
        }
        let (now, most) = (program.memory("VmRSS"), program.memory("VmHWM"));
        println!(
            "{}: {senders} active senders: {now} MiB resident, {most} MiB at most (asked for: \
             ≤ {MOST_MIB}) {}",
            database.name,
            verdict(most <= MOST_MIB)
        );
    }
}
