//! How long mail servers wait for the policy port while 50 operators sign in at once: every
//! password costs 19 MiB and a core for a while, and mail shall not notice.

use restricted_users::config::Config;
use restricted_users::mail_port::listen::ListenAddress;
use restricted_users::model::address::Address;
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{PasswordHash, SecretHash};
use restricted_users::service::Service;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

const SIGN_INS: usize = 50;
const CONNECTIONS: u32 = 64;
/// How often each connection asks: together 6,400 recipients a second, a large relay's rush hour.
const ASKED_EVERY: Duration = Duration::from_millis(10);
const P99_ASKED_FOR: Duration = Duration::from_millis(5);
const PASSWORD: &str = "a long walk by the sea";

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    // `cargo test --benches` runs this too, to see that it works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, sign_ins, pause) =
        if measured { (5, SIGN_INS, Duration::from_secs(5)) } else { (1, 2, ASKED_EVERY * 5) };
    let folder = TempDir::new().expect("there is room for a folder");
    let service = service(&folder).await;
    let operators = operators(&service, sign_ins).await;

    let alone = answer_times(&service, tokio::time::sleep(pause)).await;
    let mut sign_in_times = vec![];
    let beside = answer_times(&service, async {
        for _ in 0..rounds {
            sign_in_times.extend(sign_in_at_once(&service, &operators).await);
        }
    })
    .await;

    println!("policy port alone:        {}", told(alone));
    println!("beside {sign_ins} sign-ins at once: {}", told(beside));
    println!("                          (asked for: p99 {P99_ASKED_FOR:?})");
    println!("the sign-ins themselves:  {}", told(sign_in_times));
    service.stop().await;
}

async fn service(folder: &TempDir) -> Service {
    let database = format!("sqlite:{}", folder.path().join("restricted-users.db").display());
    let config = Config::from_variables([
        ("RESTRICTED_USERS_DATABASE_URL", database.as_str()),
        ("RESTRICTED_USERS_LISTEN", "127.0.0.1:0"),
        ("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0"),
        ("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org"),
        ("RESTRICTED_USERS_TRUSTED_PROXIES", "127.0.0.0/8"),
    ]);
    let config = config.expect("these settings are good");
    Service::start(config, Clock::default()).await.expect("the service starts")
}

/// Operators who share a password, so that making them does not take longer than the bench.
async fn operators(service: &Service, count: usize) -> Vec<Address> {
    let (store, actor, now) = (&service.app.store, Actor::command_line(), service.app.clock.now());
    let password = PasswordHash::of(&PASSWORD.into());
    let mut operators = vec![];
    for number in 0..count {
        let address = Address::stored(&format!("operator{number}@example.org"));
        let secret = SecretHash::of(address.as_str());
        let link = (&secret, now + chrono::TimeDelta::hours(1));
        let role = RoleGroup::SecurityAdministrator;
        store.add_operator(&address, role, link, &actor, now).await.expect("it is added");
        store.set_password(&secret, &password, None, now).await.expect("it is set");
        operators.push(address);
    }
    operators
}

/// Signs all operators in, each from an address of its own, and answers how long each took.
async fn sign_in_at_once(service: &Service, operators: &[Address]) -> Vec<Duration> {
    let url = format!("http://{}", service.web);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let client = client.expect("a client without TLS needs nothing");
    let mut under_way = JoinSet::new();
    for (number, operator) in operators.iter().enumerate() {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("address", operator.as_str())
            .append_pair("password", PASSWORD)
            .finish();
        let request = client
            .post(format!("{url}/sign-in"))
            .header("origin", &url)
            .header("x-forwarded-for", format!("192.0.2.{number}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        under_way.spawn(async move {
            let began = Instant::now();
            let answer = request.send().await.expect("the service answers");
            assert_eq!(answer.status(), 303, "signed in");
            began.elapsed()
        });
    }
    under_way.join_all().await
}

/// How long the policy port took for each answer while `work` went on.
async fn answer_times(service: &Service, work: impl Future<Output = ()>) -> Vec<Duration> {
    let address = service.policy.iter().find_map(|address| match address {
        ListenAddress::Tcp { host, port } => Some(format!("{host}:{port}")),
        ListenAddress::Unix(_) => None,
    });
    let address = address.expect("it listens on loopback");
    let stop = CancellationToken::new();
    let mut clients = JoinSet::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(&address).await.expect("the port accepts");
        clients.spawn(ask_until(stop.clone(), stream, number));
    }
    work.await;
    stop.cancel();
    clients.join_all().await.into_iter().flatten().collect()
}

async fn ask_until(stop: CancellationToken, mut stream: TcpStream, number: u32) -> Vec<Duration> {
    let request = format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username=user{number}@example.org\n\
         sender=someone@example.org\nrecipient=bob@remote.example\n\n"
    );
    // Not all at once.
    let first = Instant::now() + ASKED_EVERY * number / CONNECTIONS;
    let mut ticks = interval_at(first, ASKED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut answer, mut times) = (Vec::with_capacity(256), vec![]);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("the port reads");
        answer.clear();
        while !answer.ends_with(b"\n\n") {
            let received = stream.read_buf(&mut answer).await.expect("the port answers");
            assert!(received > 0, "the port closed");
        }
        times.push(began.elapsed());
    }
    times
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let share = |per_cent: usize| times[(times.len() - 1) * per_cent / 100];
    format!("{} answers, p50 {:.1?}, p99 {:.1?}", times.len(), share(50), share(99))
}
