//! How many decisions a second the policy port makes for 64 connections that ask without pause, as
//! a share of what a floor server in the same process answers that always says `DUNNO`.

use restricted_users::address::Domain;
use restricted_users::blocklist::Blocklist;
use restricted_users::clock::Clock;
use restricted_users::decision::{Decider, Scope};
use restricted_users::organization::Organization;
use restricted_users::postfix::listen::{ListenAddress, Listener};
use restricted_users::postfix::protocol::DUNNO;
use restricted_users::postfix::{Limits, Metrics, PolicyPort};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const RESTRICTED: u128 = 100_000;
const CONNECTIONS: usize = 64;
const RUNS: usize = 5;
const SHARE_ASKED_FOR: f64 = 0.5;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    // `cargo test --benches` runs this too, to see that it works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let run = if measured { Duration::from_secs(3) } else { Duration::from_millis(50) };
    let (ours, floor) = (policy_port().await, floor_server().await);
    let requests: Arc<[String]> = (0..1_000).map(request).collect();

    let mut seen = [vec![], vec![]];
    for _ in 0..RUNS {
        seen[0].push(decisions_per_second(&ours, &requests, run).await);
        seen[1].push(decisions_per_second(&floor, &requests, run).await);
    }
    let [ours, floor] = seen.map(median);
    println!("policy port: {ours:.0} decisions/s");
    println!("floor:       {floor:.0} decisions/s");
    println!(
        "share:       {:.0} % (asked for: {:.0} %)",
        ours / floor * 100.0,
        SHARE_ASKED_FOR * 100.0
    );
}

fn median(mut seen: Vec<f64>) -> f64 {
    seen.sort_by(f64::total_cmp);
    seen[seen.len() / 2]
}

async fn policy_port() -> String {
    let active = (0..RESTRICTED)
        .map(|number| (format!("user{number}@example.org").into(), Uuid::from_u128(number)));
    let decider = Decider {
        blocklist: Arc::new(Blocklist::load(active, 0)),
        organization: Arc::new(Organization {
            name: "Example Org".into(),
            domains: vec![Domain::parse("example.org").expect("it is a domain")],
        }),
        scope: Scope::Outside,
        refusals: Arc::default(),
        clock: Clock::default(),
        asked: Arc::default(),
    };
    let any_port = ListenAddress::Tcp { host: "127.0.0.1".into(), port: 0 };
    let listener = Listener::bind(&any_port).await.expect("loopback has a free port");
    let address = listener.address().to_string();
    let port = PolicyPort::new(decider, vec![], Limits::default(), Metrics::noop());
    tokio::spawn(port.serve(vec![listener], CancellationToken::new()));
    address
}

/// The least that any policy server does: read to the empty line, write an answer.
async fn floor_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(say_dunno(stream));
        }
    });
    address
}

async fn say_dunno(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(4096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|received| received > 0) {
        if buffer.ends_with(b"\n\n") {
            buffer.clear();
            if stream.write_all(DUNNO).await.is_err() {
                return;
            }
        }
    }
}

/// What Postfix 3.8 asks; every other sender is restricted, every fourth recipient is inside.
fn request(number: usize) -> String {
    let sender = if number.is_multiple_of(2) { "User" } else { "other" };
    let domain = if number.is_multiple_of(4) { "example.org" } else { "remote.example" };
    format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
         client_address=2001:db8::17\nclient_name=unknown\nclient_port=51514\n\
         reverse_client_name=unknown\nserver_address=2001:db8::25\nserver_port=587\n\
         helo_name=[192.0.2.7]\nsender=someone@example.org\nrecipient=bob@{domain}\n\
         recipient_count=0\nqueue_id=\ninstance=75c.6561f0aa.56819.0\nsize=1906\netrn_domain=\n\
         stress=\nsasl_method=PLAIN\nsasl_username={sender}{}@example.org\nsasl_sender=\n\
         ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n\
         encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n\
         encryption_keysize=256\npolicy_context=submission\ncompatibility_level=3.8\n\
         mail_version=3.8.6\n\n",
        number * 97
    )
}

async fn decisions_per_second(address: &str, requests: &Arc<[String]>, run: Duration) -> f64 {
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        let (requests, answered) = (Arc::clone(requests), Arc::clone(&answered));
        clients.spawn(async move { ask_without_pause(stream, &requests, client, &answered).await });
    }
    let start = Instant::now();
    let before = answered.load(Ordering::Relaxed);
    // The clients never end by themselves.
    let _ = timeout(run, clients.join_next()).await;
    let decisions = answered.load(Ordering::Relaxed) - before;
    clients.shutdown().await;
    f64::from(u32::try_from(decisions).expect("seconds are short")) / start.elapsed().as_secs_f64()
}

async fn ask_without_pause(
    mut stream: TcpStream,
    requests: &[String],
    first: usize,
    answered: &AtomicU64,
) {
    let mut answer = Vec::with_capacity(256);
    for request in requests.iter().cycle().skip(first) {
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        answer.clear();
        while !answer.ends_with(b"\n\n") {
            let received = stream.read_buf(&mut answer).await.expect("the server answers");
            assert!(received > 0, "the server closed");
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
