//! How many decisions a second the policy port makes about 100,000 senders for 64 connections that
//! ask without pause, as a share of what a floor server in the same process answers that always
//! says `DUNNO`.

mod ground;

use ground::mail_server::{CONNECTIONS, Question, all_connections, floor_server};
use ground::{is_measuring, verdict};
use restricted_users::blocklist::Blocklist;
use restricted_users::decision::{Decider, Scope};
use restricted_users::mail_port::listen::{ListenAddress, Listener};
use restricted_users::mail_port::{self, Limits, MailPort};
use restricted_users::model::address::Domain;
use restricted_users::model::clock::Clock;
use restricted_users::model::organization::Organization;
use restricted_users::postfix::{Metrics, PolicyPort, RestrictedAnswer};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SENDERS: usize = 100_000;
const RUNS: usize = 5;
const SHARE_ASKED_FOR: f64 = 0.6;
/// Requests of each connection, each of a transaction of its own; asked again and again.
const REQUESTS: usize = 2_000;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let run = Duration::from_millis(if is_measuring() { 3_000 } else { 50 });
    let (ours, floor) = (policy_port().await, floor_server().await);
    let requests: Arc<[String]> = (0..REQUESTS * CONNECTIONS).map(request).collect();

    let mut seen = [vec![], vec![]];
    for _ in 0..RUNS {
        seen[0].push(decisions_per_second(&ours, &requests, run).await);
        seen[1].push(decisions_per_second(&floor, &requests, run).await);
    }
    let [ours, floor] = seen.map(median);
    println!("policy port: {ours:.0} decisions/s");
    println!("floor:       {floor:.0} decisions/s");
    let share = ours / floor;
    println!(
        "share:       {:.0} % (asked for: ≥ {:.0} %) {}",
        share * 100.0,
        SHARE_ASKED_FOR * 100.0,
        verdict(share >= SHARE_ASKED_FOR)
    );
}

fn median(mut seen: Vec<f64>) -> f64 {
    seen.sort_by(f64::total_cmp);
    seen[seen.len() / 2]
}

/// Every other sender is restricted.
async fn policy_port() -> String {
    let active = (0..SENDERS).step_by(2).map(|number| (login(number).into(), Uuid::now_v7()));
    let decider = Decider {
        blocklist: Arc::new(Blocklist::load(active, None)),
        organization: Arc::new(Organization {
            name: "Example Org".into(),
            domains: vec![Domain::parse("example.org").expect("it is a domain")],
        }),
        scope: Scope::Outside,
        refusals: Arc::default(),
        clock: Clock::default(),
        asked: Arc::default(),
        opaque_logins: Arc::default(),
    };
    let any_port = ListenAddress::Tcp { host: "127.0.0.1".into(), port: 0 };
    let listener = Listener::bind(&any_port).await.expect("loopback has a free port");
    let address = listener.address().to_string();
    let answer = RestrictedAnswer::Reject;
    let port = PolicyPort::new(decider, answer, Arc::default(), Metrics::noop());
    let port = MailPort::new(port, vec![], Limits::default(), mail_port::Metrics::noop());
    tokio::spawn(port.serve(vec![listener], CancellationToken::new()));
    address
}

fn login(number: usize) -> String {
    format!("user{number}@example.org")
}

/// Every fourth recipient is inside.
fn request(number: usize) -> String {
    let inside = number.is_multiple_of(4);
    let recipient = if inside { "bob@example.org" } else { "bob@remote.example" };
    let login = login(number * 97 % SENDERS);
    Question { state: "RCPT", login: &login, recipient, transaction: number as u64 }.text()
}

async fn decisions_per_second(address: &str, requests: &Arc<[String]>, run: Duration) -> f64 {
    let answered = all_connections(address, run, |mut asker, client, end| {
        let requests = Arc::clone(requests);
        async move {
            let own = requests.chunks(REQUESTS).nth(client).expect("each client has its own");
            let (mut answered, start) = (Vec::new(), tokio::time::Instant::now());
            for request in own.iter().cycle() {
                if tokio::time::Instant::now() >= end {
                    break;
                }
                asker.ask(request).await;
                answered.push(start.elapsed());
            }
            answered
        }
    });
    let answered = answered.await.len();
    f64::from(u32::try_from(answered).expect("seconds are short")) / run.as_secs_f64()
}
