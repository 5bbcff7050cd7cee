//! What 10 MiB of whatever nests do to the service, at every route that takes a body: how long an
//! answer takes, how long a mail server waits meanwhile, and how much memory it takes.

mod ground;

use axum::body::Bytes;
use futures_util::future::join_all;
use ground::mail_server::{Asker, Question};
use ground::nests::nests;
use ground::program::{Program, token};
use ground::visitor::Visitor;
use ground::{Database, Figures, is_measuring, ms, verdict};
use reqwest::{Client, Method, RequestBuilder};
use restricted_users::model::clock::Clock;
use restricted_users::web;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const LONGEST_ANSWER: Duration = Duration::from_secs(1);
const LONGEST_RCPT: Duration = Duration::from_millis(25);
const MOST_MIB: u64 = 100;
/// Requests that are sent at once.
const AT_ONCE: [usize; 2] = [1, 4];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let size = if is_measuring() { 10 << 20 } else { 1 << 16 };
    for database in Database::all().await {
        let service = database.service(Clock::default()).await;
        let mut routes = web::routes(&service.app);
        service.stop().await;
        routes.retain(|route| route.method != Method::GET);
        for at_once in AT_ONCE {
            let program = Program::start(&database, &[]).ready().await;
            let stranger = Stranger::to(&program, &database).await;
            let (rest, over) = (program.memory("VmRSS"), CancellationToken::new());
            let asking = tokio::spawn(ask(program.policy.clone(), over.clone()));
            let mut answers = Vec::new();
            for route in &routes {
                answers.extend(stranger.sends(&route.method, &route.path, size, at_once).await);
            }
            over.cancel();
            let rcpt = Figures::of(asking.await.expect("it asks to the end"));
            let most = program.memory("VmHWM") - rest;
            println!("{}: {} bodies, {at_once} at once", database.name, answers.len());
            tell(&Figures::of(answers), &rcpt, most);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn tell(answers: &Figures, rcpt: &Figures, most: u64) {
    println!(
        "  an answer: {answers}, longest {} (asked for: ≤ {}) {}",
        ms(answers.longest()),
        ms(LONGEST_ANSWER),
        verdict(answers.longest() <= LONGEST_ANSWER)
    );
    println!(
        "  RCPT meanwhile: {rcpt} (asked for: p99 ≤ {}) {}",
        ms(LONGEST_RCPT),
        verdict(rcpt.percentile(99) <= LONGEST_RCPT)
    );
    println!("  {most} MiB above rest (asked for: ≤ {MOST_MIB}) {}", verdict(most <= MOST_MIB));
}

/// Asks about a recipient again and again, as a mail server does.
async fn ask(port: String, over: CancellationToken) -> Vec<Duration> {
    let (mut asker, mut times) = (Asker::connect(&port).await, Vec::new());
    let recipient = "bob@remote.example";
    while !over.is_cancelled() {
        let question =
            Question { state: "RCPT", login: "alice@example.org", recipient, transaction: 1 };
        let start = Instant::now();
        asker.ask(&question.text()).await;
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    times
}

/// Who sends what nests, with every right there is.
struct Stranger {
    client: Client,
    url: String,
    token: String,
    session: String,
}

impl Stranger {
    async fn to(program: &Program, database: &Database) -> Self {
        let (url, store) = (program.url.clone(), database.store().await);
        let visitor = Visitor::at(url.clone(), &store, Clock::default().now()).await;
        let token = token(database, "organization-management");
        Self { client: Client::new(), url, token, session: visitor.session().into() }
    }

    /// Sends each kind; answers how long each answer took.
    async fn sends(
        &self,
        method: &Method,
        path: &str,
        size: usize,
        at_once: usize,
    ) -> Vec<Duration> {
        let mut times = Vec::new();
        for nest in nests(size) {
            let (what, body) = (format!("{method} {path}, {}", nest.name), nest.body.into_bytes());
            let body = Bytes::from(body);
            let sent = (0..at_once).map(|_| {
                let request = self.request(method, path).body(body.clone());
                answered(request.header("content-type", nest.content_type), &what)
            });
            times.extend(join_all(sent).await);
        }
        times
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if path.starts_with("/api") || path.starts_with("/adminapi") {
            return request.bearer_auth(&self.token);
        }
        request.header("cookie", &self.session).header("origin", &self.url)
    }
}

async fn answered(request: RequestBuilder, what: &str) -> Duration {
    let start = Instant::now();
    // Who sends more than is read may find the connection closed before the answer is read.
    if let Ok(answer) = request.send().await {
        let status = answer.status();
        // Too many at once are sent away until later.
        assert!(!status.is_server_error() || status == 503, "{what}: {status}");
    }
    start.elapsed()
}
