//! How many look-ups a second of one restricted user among a million are answered to 64 scripts that
//! ask without pause: `Get-BlockedSenderAddress` over Exchange's own shape, and the API. Beside each
//! stands what an axum server in the same process answers that reads the request, looks nothing up
//! and sends the same bytes.

mod ground;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ground::{Database, is_measuring, so_many, verdict};
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{SecretHash, random_secret};
use restricted_users::service::Service;
use restricted_users::store::TokenRecord;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const RESTRICTED: usize = 1_000_000;
/// So many of them are looked up, one after the other.
const LOOKED_UP: usize = 10_000;
const CONNECTIONS: usize = 64;
const RUNS: usize = 5;
/// As a share of the floor.
const ASKED_FOR: [(&str, f64); 2] = [("SQLite", 0.30), ("Postgres", 0.15)];

#[tokio::main]
async fn main() {
    for database in Database::all().await {
        let restricted = so_many(RESTRICTED);
        database.import(restricted);
        let addresses = addresses(&database, restricted);
        let service = database.service(Clock::default()).await;
        let token = token(&service).await;
        for kind in [Kind::InvokeCommand, Kind::Api] {
            let asked = |address: &String| kind.request(&service, &token, address);
            let requests: Vec<_> = addresses.iter().map(asked).collect();
            measure(database.name, kind, &service.web.to_string(), requests.into()).await;
        }
        service.stop().await;
    }
}

/// Some who are restricted, in no order.
fn addresses(database: &Database, restricted: usize) -> Vec<String> {
    let file = database.folder.path().join(format!("{restricted}.csv"));
    let file = std::fs::read_to_string(file).expect("it was imported");
    let rows = file.lines().skip(1).take(so_many(LOOKED_UP));
    let address = |row: &str| row.split('"').nth(1).expect("it is quoted").to_owned();
    rows.map(address).collect()
}

async fn token(service: &Service) -> String {
    let (secret, app) = (random_secret(), &service.app);
    let token = TokenRecord {
        name: "bench".into(),
        role_group: RoleGroup::SecurityReader,
        created_at: app.clock.now(),
        expires_at: None,
    };
    let hash = SecretHash::of(secret.expose_secret());
    app.store.add_token(&token, &hash, &Actor::command_line()).await.expect("it takes a token");
    secret.expose_secret().into()
}

/// How a user is looked up.
#[derive(Clone, Copy)]
enum Kind {
    InvokeCommand,
    Api,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::InvokeCommand => "InvokeCommand",
            Self::Api => "GET /api/v1/restricted-users/{address}",
        }
    }

    /// The request as it goes over the wire.
    fn request(self, service: &Service, token: &str, address: &str) -> String {
        let body = match self {
            Self::InvokeCommand => {
                let (cmdlet, parameters) =
                    ("Get-BlockedSenderAddress", json!({ "SenderAddress": address }));
                json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
                    .to_string()
            }
            Self::Api => String::new(),
        };
        let line = match self {
            Self::InvokeCommand => "POST /adminapi/beta/example.org/InvokeCommand".into(),
            Self::Api => format!("GET /api/v1/restricted-users/{address}"),
        };
        format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            service.web,
            body.len()
        )
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn measure(database: &str, kind: Kind, address: &str, requests: Arc<[String]>) {
    let floor = floor(address, &requests[0]).await;
    let run = Duration::from_millis(if is_measuring() { 3_000 } else { 50 });
    let mut seen = [vec![], vec![]];
    for _ in 0..RUNS {
        seen[0].push(answers_per_second(address, &requests, run).await);
        seen[1].push(answers_per_second(&floor, &requests, run).await);
    }
    let [ours, floor] = seen.map(median);
    let share = ours / floor;
    let asked_for = ASKED_FOR.iter().find(|(name, _)| *name == database).expect("there are two").1;
    println!(
        "{database}: {}: {ours:.0} look-ups/s, floor {floor:.0}/s, share {:.0} % (asked for: ≥ {:.0} %) {}",
        kind.name(),
        share * 100.0,
        asked_for * 100.0,
        verdict(share >= asked_for)
    );
}

fn median(mut seen: Vec<f64>) -> f64 {
    seen.sort_by(f64::total_cmp);
    seen[seen.len() / 2]
}

/// A server that answers every request with what `address` answers `request`.
async fn floor(address: &str, request: &str) -> String {
    let mut script = Script::connect(address).await;
    let (head, body) = script.ask(request).await.split_at_body();
    let answer = Arc::new((headers(head), Bytes::copy_from_slice(body)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let floor = listener.local_addr().expect("a bound socket has an address").to_string();
    let answering = move |_: Bytes| {
        let answer = Arc::clone(&answer);
        async move { (answer.0.clone(), answer.1.clone()) }
    };
    let router = Router::new().fallback(answering);
    tokio::spawn(async move { axum::serve(listener, router).await });
    floor
}

/// The headers of an answer but those that every server adds.
fn headers(head: &str) -> HeaderMap {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let own = pairs.filter(|(name, _)| !["date", "content-length"].contains(name));
    let header = |(name, value): (&str, &str)| {
        let name = HeaderName::try_from(name).expect("a server sent it");
        (name, HeaderValue::try_from(value).expect("a server sent it"))
    };
    own.map(header).collect()
}

/// Lets all connections ask for `run`.
async fn answers_per_second(address: &str, requests: &Arc<[String]>, run: Duration) -> f64 {
    let end = Instant::now() + run;
    let mut scripts = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (mut script, requests) = (Script::connect(address).await, Arc::clone(requests));
        let first = requests.len() / CONNECTIONS * number;
        scripts.spawn(async move {
            let mut answered = 0_u32;
            for request in requests.iter().cycle().skip(first) {
                if Instant::now() >= end {
                    break;
                }
                script.ask(request).await;
                answered += 1;
            }
            answered
        });
    }
    let answered: u32 = scripts.join_all().await.into_iter().sum();
    f64::from(answered) / run.as_secs_f64()
}

/// One connection that is kept, as little as can be said to speak HTTP.
struct Script {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Script {
    async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self { stream, answer: Vec::with_capacity(4096) }
    }

    /// Asks, and answers what came back.
    async fn ask(&mut self, request: &str) -> Answer<'_> {
        self.stream.write_all(request.as_bytes()).await.expect("the server reads");
        self.answer.clear();
        while !Answer(&self.answer).is_whole() {
            let received = self.stream.read_buf(&mut self.answer).await;
            assert!(received.expect("the server answers") > 0, "the server closed");
        }
        assert!(self.answer.starts_with(b"HTTP/1.1 200 "), "{self:?}");
        Answer(&self.answer)
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.answer))
    }
}

/// An answer, perhaps the beginning of one.
struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    fn is_whole(&self) -> bool {
        let Some(head) = memchr::memmem::find(self.0, b"\r\n\r\n") else { return false };
        let length = memchr::memmem::find(&self.0[..head], b"content-length: ");
        let digits = &self.0[length.expect("it says how long it is") + 16..];
        let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
        let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        self.0.len() >= head + 4 + length
    }

    fn split_at_body(&self) -> (&'a str, &'a [u8]) {
        let head = memchr::memmem::find(self.0, b"\r\n\r\n").expect("it is whole");
        (std::str::from_utf8(&self.0[..head]).expect("heads are text"), &self.0[head + 4..])
    }
}
