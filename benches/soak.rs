//! What becomes of the real program under a steady load: 80 messages a second over the policy port, 80
//! over the API, 15 users restricted and unblocked, three event streams. `SOAK_MINUTES=20` says for how
//! long; without it, for seconds.

mod ground;

use ground::mail_server::{Asker, Question};
use ground::program::{Program, token};
use ground::{Database, is_measuring};
use reqwest::{Client, Method};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

/// Messages a second over each of the two ways.
const MESSAGES: u64 = 80;
const UNBLOCKS: u64 = 15;
const STREAMS: usize = 3;
const ROUND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Acknowledged {
    messages: AtomicU64,
    unblocks: AtomicU64,
    failures: AtomicU64,
    events: AtomicU64,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("there is a runtime");
    runtime.block_on(async {
        soak(Database::sqlite()).await;
    });
}

fn lasts() -> Duration {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|text| text.parse().ok());
    match minutes {
        Some(minutes) if is_measuring() => Duration::from_mins(minutes),
        _ => Duration::from_secs(2),
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn soak(database: Database) {
    let token = token(&database, "organization-management");
    let program = Program::start(&database, &[("PROPAGATION_DELAY", "0s")]).ready().await;
    let (end, told) = (Instant::now() + lasts(), Arc::<Acknowledged>::default());
    let mut all = JoinSet::new();
    all.spawn(mail_server(program.policy.clone(), Arc::clone(&told), end));
    all.spawn(script(program.url.clone(), token.clone(), Arc::clone(&told), end));
    all.spawn(operator(program.url.clone(), token.clone(), Arc::clone(&told), end));
    for _ in 0..STREAMS {
        all.spawn(follower(program.url.clone(), token.clone(), Arc::clone(&told), end));
    }
    let (mut memory, mut log) = (Vec::new(), 0);
    while Instant::now() < end {
        tokio::time::sleep((lasts() / 10).min(end - Instant::now())).await;
        memory.push(program.memory("VmRSS"));
        let size = std::fs::metadata(database.folder.path().join("bench.db-wal"));
        log = log.max(size.map_or(0, |file| file.len()));
    }
    all.join_all().await;
    let (rows, counted) = messages(&database).await;
    let acknowledged = told.messages.load(Relaxed);
    println!(
        "{acknowledged} messages and {} unblocks acknowledged, {} requests failed; {} lost, {} doubled; \
         {} events told; memory {memory:?} MiB, {} files, write-ahead log at most {} MiB",
        told.unblocks.load(Relaxed),
        told.failures.load(Relaxed),
        acknowledged - counted,
        rows - counted,
        told.events.load(Relaxed),
        program.files(),
        log / 1024 / 1024,
    );
}

/// How many messages there are, and how many queue ids among them.
async fn messages(database: &Database) -> (u64, u64) {
    let mut connection = SqliteConnection::connect(database.url()).await.expect("it opens");
    let count = "SELECT COUNT(*), COUNT(DISTINCT queue_id) FROM messages";
    let (rows, ids): (i64, i64) =
        sqlx::query_as(count).fetch_one(&mut connection).await.expect("it answers");
    (rows.unsigned_abs(), ids.unsigned_abs())
}

async fn mail_server(policy: String, told: Arc<Acknowledged>, end: Instant) {
    let mut asker = Asker::connect(&policy).await;
    let mut second = interval(ROUND);
    let mut transaction = 0;
    while Instant::now() < end {
        second.tick().await;
        for _ in 0..MESSAGES {
            transaction += 1;
            let login = format!("user{}@example.org", transaction % 1_000);
            let (state, recipient) = ("END-OF-MESSAGE", "");
            asker.ask(&Question { state, login: &login, recipient, transaction }.text()).await;
            told.messages.fetch_add(1, Relaxed);
        }
    }
}

async fn script(url: String, token: String, told: Arc<Acknowledged>, end: Instant) {
    let (http, mut second, mut number) = (Client::new(), interval(ROUND), 0);
    while Instant::now() < end {
        second.tick().await;
        let messages: Vec<_> = (0..MESSAGES)
            .map(|_| {
                number += 1;
                let sender = format!("user{}@example.org", number % 1_000);
                json!({ "sender": sender, "recipients": ["bob@remote.example"],
                        "queue_id": format!("API{number}") })
            })
            .collect();
        let request = http.post(format!("{url}/api/v1/outbound-messages")).bearer_auth(&token);
        match request.json(&messages).send().await {
            Ok(answer) if answer.status() == 202 => told.messages.fetch_add(MESSAGES, Relaxed),
            _ => told.failures.fetch_add(1, Relaxed),
        };
    }
}

async fn operator(url: String, token: String, told: Arc<Acknowledged>, end: Instant) {
    let (http, mut second, mut number) = (Client::new(), interval(ROUND), 0);
    let send = async |method: Method, path: String, body: serde_json::Value, wanted: u16| {
        let request = http.request(method, format!("{url}/api/v1/restricted-users{path}"));
        let answer = request.bearer_auth(&token).json(&body).send().await;
        answer.is_ok_and(|answer| answer.status() == wanted)
    };
    while Instant::now() < end {
        second.tick().await;
        for _ in 0..UNBLOCKS {
            number += 1;
            let address = format!("restricted{number}@example.org");
            let body = json!({ "address": address, "reason": "sent spam" });
            let path = format!("/{address}/unblock");
            let done = send(Method::POST, String::new(), body, 201).await
                && send(Method::POST, path, json!({}), 202).await;
            let count = if done { &told.unblocks } else { &told.failures };
            count.fetch_add(1, Relaxed);
        }
    }
}

async fn follower(url: String, token: String, told: Arc<Acknowledged>, end: Instant) {
    let http = Client::new();
    while Instant::now() < end {
        let request = http.get(format!("{url}/api/v1/events")).bearer_auth(&token);
        let Ok(mut stream) = request.header("accept", "text/event-stream").send().await else {
            continue;
        };
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(end, stream.chunk()).await {
            let ids = chunk.windows(4).filter(|window| *window == b"\nid:" || window == b"id: ");
            told.events.fetch_add(ids.count() as u64, Relaxed);
        }
    }
}
