//! What 1,000 open event streams take of the real program's memory, and how long it is from a change
//! until the last of them has told it: a change that was made in the same process, in another one on
//! the same database, and by a command.

mod ground;

use chrono::{DateTime, Utc};
use ground::program::{self, Program};
use ground::{Database, Figures, ms, so_many, verdict};
use reqwest::Client;
use restricted_users::model::clock::Clock;
use restricted_users::streams::MOST_OF_ONE;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const STREAMS: usize = 1_000;
const MOST_MIB: u64 = 50;
const CHANGES: usize = 20;
const ASKED_FOR: Duration = Duration::from_millis(500);
/// Between two changes, so that none comes right behind the look for another one.
const PAUSE: Duration = Duration::from_millis(170);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let streams = so_many(STREAMS);
    for database in Database::all().await {
        let token = program::token(&database, "security-administrator");
        let program = Program::start(&database, &[]).ready().await;
        let other = Program::start(&database, &[]).ready().await;
        let readers = streams.div_ceil(MOST_OF_ONE);
        let readers: Vec<_> =
            (0..readers).map(|_| program::token(&database, "security-reader")).collect();
        let script = Script { http: Client::new(), token };
        // What the program has of its first requests and its first stream is not the streams'.
        let (told, mut receiver) = unbounded_channel();
        follow(&program, &readers[0], told.clone()).await;
        script.restrict(&program, "first@example.org").await;
        receiver.recv().await.expect("it is told");

        let before = program.memory("VmRSS");
        for stream in 1..streams {
            follow(&program, &readers[stream / MOST_OF_ONE], told.clone()).await;
        }
        let open = program.memory("VmRSS");
        println!("{}: {streams} event streams", database.name);
        for maker in [Maker::Same(&program), Maker::Other(&other), Maker::Command(&database)] {
            maker.measure(&script, streams, &mut receiver).await;
        }
        let after = program.memory("VmRSS");
        println!(
            "  {before} MiB resident before, {open} MiB with all of them, {after} MiB after the \
             changes (asked for: ≤ {MOST_MIB} more) {}",
            verdict(after.max(open) <= before + MOST_MIB)
        );
    }
}

/// An event that a stream has told.
#[derive(Deserialize)]
struct Event {
    at: DateTime<Utc>,
    restricted_user: RestrictedUser,
}

#[derive(Deserialize)]
struct RestrictedUser {
    address: String,
}

/// What a stream has told, and when.
type Told = (Event, DateTime<Utc>);

/// Opens a stream that hands on what it tells.
async fn follow(program: &Program, token: &str, told: UnboundedSender<Told>) {
    let address = program.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\
         authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut text = Vec::with_capacity(4_096);
    while memchr::memmem::find(&text, b"\r\n\r\n").is_none() {
        assert!(stream.read_buf(&mut text).await.expect("it answers") > 0, "it closed");
    }
    assert!(text.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&text));
    tokio::spawn(async move {
        loop {
            while let Some(end) = memchr::memmem::find(&text, b"\n\n") {
                let now = Clock::default().now();
                let event = event_in(&text[..end]).map(|event| (event, now));
                text.drain(..end + 2);
                event.map(|told_now| told.send(told_now));
            }
            if !stream.read_buf(&mut text).await.is_ok_and(|read| read > 0) {
                return;
            }
        }
    });
}

/// What the one line of data says; nothing where a stream says that it is still there.
fn event_in(text: &[u8]) -> Option<Event> {
    let data = &text[memchr::memmem::find(text, b"data: ")? + 6..];
    let line = data.split(|byte| *byte == b'\n').next()?;
    Some(serde_json::from_slice(line).expect("an event is JSON"))
}

struct Script {
    http: Client,
    token: String,
}

impl Script {
    async fn restrict(&self, program: &Program, address: &str) {
        let request = self.http.post(format!("{}/api/v1/restricted-users", program.url));
        let request = request.bearer_auth(&self.token);
        let request = request.json(&json!({ "address": address, "reason": "a bench" }));
        let answer = request.send().await.expect("it answers");
        answer.error_for_status().expect("it takes the change");
    }
}

/// Who makes a change.
enum Maker<'a> {
    /// The process of the streams.
    Same(&'a Program),
    /// Another one, on the same database.
    Other(&'a Program),
    /// A command on the database.
    Command(&'a Database),
}

impl Maker<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Same(_) => "in the same process",
            Self::Other(_) => "in another process",
            Self::Command(_) => "by `import`",
        }
    }

    async fn restrict(&self, script: &Script, address: &str) {
        match self {
            Self::Same(program) | Self::Other(program) => script.restrict(program, address).await,
            Self::Command(database) => {
                let file = database.folder.path().join("one.csv");
                std::fs::write(&file, format!("SenderAddress\n{address}\n"))
                    .expect("there is room");
                let mut import = tokio::process::Command::from(database.command());
                let output = import.arg("import").arg(file).output().await;
                assert!(output.expect("the command runs").status.success(), "the import failed");
            }
        }
    }

    /// Prints how long it is from the time that an event tells until the last stream has told it.
    #[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
    async fn measure(&self, script: &Script, streams: usize, told: &mut UnboundedReceiver<Told>) {
        let mut times = Vec::new();
        for _ in 0..so_many(CHANGES).max(2) {
            let address = format!("{}@example.org", uuid::Uuid::now_v7());
            tokio::time::sleep(PAUSE).await;
            let mut longest = Duration::ZERO;
            let everybody_is_told = async {
                for _ in 0..streams {
                    let (event, now) = told.recv().await.expect("the streams are open");
                    assert_eq!(event.restricted_user.address, address, "told to each once");
                    let took = now.signed_duration_since(event.at).to_std();
                    longest = longest.max(took.expect("it was told behind its time"));
                }
            };
            tokio::join!(self.restrict(script, &address), everybody_is_told);
            times.push(longest);
        }
        let times = Figures::of(times);
        let longest = times.longest();
        println!(
            "  changed {}: the last stream has it after {times}, longest {} (asked for: ≤ {}) {}",
            self.name(),
            ms(longest),
            ms(ASKED_FOR),
            verdict(longest <= ASKED_FOR)
        );
    }
}
