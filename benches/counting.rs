//! What it costs to count: a RCPT and an END-OF-MESSAGE that is answered after its durable count, as
//! a share of what a floor server does with the same two requests; and how soon a sender is refused
//! whose spam crosses the line.

mod ground;

use ground::mail_server::{Asker, Question, all_connections, floor_server};
use ground::{Database, Figures, Random, is_measuring, ms, so_many, verdict};
use reqwest::Client;
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{SecretHash, random_secret};
use restricted_users::service::Service;
use restricted_users::store::TokenRecord;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SENDERS: u64 = 100_000;
const LONGEST_COUNT: Duration = Duration::from_millis(25);
const SPAMMERS: usize = 200;

fn share_asked_for(database: &Database) -> f64 {
    if database.name == "SQLite" { 0.15 } else { 0.05 }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let run = Duration::from_millis(if is_measuring() { 15_000 } else { 200 });
    let floor = floor_server().await;
    for database in Database::all().await {
        let service = database.service(Clock::default()).await;
        let port = service.policy[0].to_string();
        println!("{}: counting messages of {SENDERS} senders", database.name);
        let (floor, _) = messages(&floor, run / 3).await;
        let (counted, times) = messages(&port, run).await;
        println!("  counted: {counted:.0} messages/s; END-OF-MESSAGE answered {times}");
        println!("  floor:   {floor:.0} messages/s");
        let (share, asked) = (counted / floor, share_asked_for(&database));
        println!(
            "  share:   {:.1} % (asked for: ≥ {:.0} %) {}; p99 asked for: ≤ {} {}",
            share * 100.0,
            asked * 100.0,
            verdict(share >= asked),
            ms(LONGEST_COUNT),
            verdict(times.percentile(99) <= LONGEST_COUNT)
        );
        let replica = database.service(Clock::default()).await;
        refused(&service, &service, "in one process", Duration::from_millis(50)).await;
        refused(&service, &replica, "by another replica", Duration::from_millis(500)).await;
        replica.stop().await;
        service.stop().await;
    }
}

/// Messages a second, and how long their END-OF-MESSAGE took.
async fn messages(address: &str, run: Duration) -> (f64, Figures) {
    static TRANSACTION: AtomicU64 = AtomicU64::new(1);
    let times = all_connections(address, run, |mut asker, client, end| async move {
        let mut random = Random(0x5eed + client as u64);
        let mut times = Vec::new();
        while tokio::time::Instant::now() < end {
            let login = format!("user{}@example.org", random.below(SENDERS));
            let transaction = TRANSACTION.fetch_add(1, Ordering::Relaxed);
            let question = Question {
                state: "RCPT",
                login: &login,
                recipient: "bob@remote.example",
                transaction,
            };
            asker.ask(&question.text()).await;
            let start = Instant::now();
            asker.ask(&Question { state: "END-OF-MESSAGE", ..question }.text()).await;
            times.push(start.elapsed());
        }
        times
    })
    .await;
    let count = f64::from(u32::try_from(times.len()).expect("seconds are short"));
    (count / run.as_secs_f64(), Figures::of(times))
}

/// How long from the verdict that crosses the line to the first refused recipient.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn refused(told: &Service, by: &Service, whose: &str, longest: Duration) {
    let (client, token) = (Client::new(), token(told).await);
    let url = format!("http://{}/api/v1/verdicts/rspamd", told.web);
    let mut asker = Asker::connect(&by.policy[0].to_string()).await;
    let mut times = Vec::new();
    for _ in 0..so_many(SPAMMERS).max(2) {
        let login = format!("{}@example.org", random_secret().expose_secret().to_lowercase());
        let question = Question {
            state: "RCPT",
            login: &login,
            recipient: "bob@remote.example",
            transaction: 7,
        };
        let request = question.text();
        let mut start = Instant::now();
        for number in 0..5 {
            let body = json!({
                "user": login, "action": "reject", "qid": format!("{number}{}", &login[..16]),
                "rcpt": ["bob@remote.example"], "score": 20,
            });
            start = Instant::now();
            let told = client.post(&url).basic_auth("bench", Some(&token)).json(&body).send().await;
            assert!(told.expect("it answers").status().is_success());
        }
        while !asker.ask(&request).await.starts_with(b"action=550") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed());
    }
    let times = Figures::of(times);
    println!(
        "  from the fifth spam to the first refusal {whose}: {times} (asked for: p99 ≤ {}) {}",
        ms(longest),
        verdict(times.percentile(99) <= longest)
    );
}

async fn token(service: &Service) -> String {
    let secret = random_secret();
    let record = TokenRecord {
        name: format!("bench {}", uuid::Uuid::now_v7()),
        role_group: RoleGroup::MailServer,
        created_at: Clock::default().now(),
        expires_at: None,
    };
    let hash = SecretHash::of(secret.expose_secret());
    let store = &Arc::clone(&service.app).store;
    let added = store.add_token(&record, &hash, &Actor::command_line()).await;
    assert!(added.expect("the database takes it"));
    secret.expose_secret().into()
}
