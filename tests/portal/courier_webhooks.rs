//! Webhooks: a receiver that checks signatures with code that is not ours, and receivers that do not do
//! as they should.

use crate::harness::{Portal, eventually, minutes};
use restricted_users::config::Config;
use restricted_users::courier::webhook::Webhooks;
use restricted_users::model::alert::{AlertPolicyId, Notice, Severity};
use restricted_users::store::{AlertQuery, Channel, Claimed, Delivery};
use serde_json::Value;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;

const ALICE: &str = "alice@example.org";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// `tests/webhooks/receiver.mjs`, which has its packages from `tests/run`.
struct Receiver {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Receiver {
    /// One that knows the secret and answers the first calls with 503.
    async fn that_knows(secret: &str, now: i64, failures: usize) -> Self {
        let mut process = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhooks/receiver.mjs"))
            .args([secret, &now.to_string(), &failures.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut receiver = Self { url: String::new(), lines, _process: process };
        receiver.url = format!("http://127.0.0.1:{}/hook", receiver.next().await["port"]);
        receiver
    }

    /// What it says next: of a call, whose it was and what was in it.
    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("npm ci --prefix tests/webhooks");
        serde_json::from_str(&line).unwrap()
    }
}

impl Portal {
    async fn calling(url: &str) -> Self {
        Self::with(&settings(url)).await
    }

    /// The only call about alice.
    async fn webhook_call(&self) -> Option<Delivery> {
        let query = AlertQuery { limit: 10, ..AlertQuery::default() };
        let alerts = self.app.store.alerts(&query).await.unwrap().items;
        let deliveries = self.app.store.deliveries(alerts.first()?.notice_id?).await.unwrap();
        deliveries.into_iter().find(|one| one.channel == Channel::Webhook)
    }
}

fn settings(url: &str) -> [(&str, &str); 3] {
    [("alert_webhooks", url), ("alert_webhook_secret", SECRET), ("alert_webhook_private", "true")]
}

/// 2026-11-23T10:00:00Z, where the clock of a story stands.
const NOW: i64 = 1_795_428_000;

#[tokio::test]
async fn a_receiver_that_is_not_ours_finds_the_signature_good_at_each_attempt() {
    let mut receiver = Receiver::that_knows(SECRET, NOW, 1).await;
    let portal = Portal::calling(&receiver.url).await;
    assert_eq!(portal.clock.now().timestamp(), NOW);
    let id = portal.restricted(ALICE).await;

    let first = receiver.next().await;
    assert_eq!(first["problem"], Value::Null);
    let payload = &first["payload"];
    assert_eq!(payload["type"], "alert.raised");
    assert_eq!(payload["timestamp"], "2026-11-23T10:00:00.000Z");
    assert_eq!(payload["data"]["policy"]["id"], "user-restricted");
    assert_eq!(payload["data"]["organization"], "Example Org");
    assert_eq!(payload["data"]["alerts"][0]["address"], ALICE);
    let page = format!("http://localhost:{}/#/restrictedusers/{id}", port_of(&portal.url));
    assert_eq!(payload["data"]["alerts"][0]["url"], page);

    eventually("the failure is noted", async || {
        portal.webhook_call().await.is_some_and(|call| call.problem.is_some())
    })
    .await;
    portal.clock.advance(minutes(1));
    portal.app.courier.ring();
    let second = receiver.next().await;
    assert_eq!(second, first);
    eventually("it is delivered", async || {
        portal.webhook_call().await.unwrap().delivered_at.is_some()
    })
    .await;
    assert_eq!(first["id"], portal.webhook_call().await.unwrap().id.to_string());
}

fn port_of(url: &str) -> &str {
    url.rsplit_once(':').unwrap().1
}

#[tokio::test]
async fn a_receiver_with_another_secret_finds_the_signature_bad() {
    let mut receiver = Receiver::that_knows("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", NOW, 0).await;
    let portal = Portal::calling(&receiver.url).await;
    portal.restricted(ALICE).await;
    assert!(receiver.next().await["problem"].as_str().unwrap().contains("signature"));
    eventually("the portal says why", async || {
        let call = portal.webhook_call().await;
        call.and_then(|call| call.problem).is_some_and(|said| said.contains("answered 401"))
    })
    .await;
    let target = portal.webhook_call().await.unwrap().target;
    assert!(target.starts_with("127.0.0.1 (") && !target.contains("hook"), "{target}");
}

/// A receiver that reads a call and then answers by `answer`.
async fn receiver(answer: impl AsyncFn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut call = [0; 4096];
            let _ = stream.read(&mut call).await;
            answer(stream).await;
        }
    });
    url
}

fn claimed(target: String) -> Claimed {
    Claimed {
        id: Uuid::now_v7(),
        notice: Notice::Test {
            policy: AlertPolicyId::UserRestricted,
            severity: Severity::High,
            asked_by: "ada@example.org".into(),
        },
        target,
        last_today: false,
        created_at: chrono::DateTime::UNIX_EPOCH,
        attempt: 1,
    }
}

fn config(settings: &[(&str, &str)]) -> Config {
    let variables = settings
        .iter()
        .map(|(key, value)| (format!("RESTRICTED_USERS_{}", key.to_uppercase()), *value));
    Config::from_variables(variables).unwrap()
}

/// What becomes of a call.
async fn call_by(config: &Config) -> Result<(), String> {
    let webhooks = Webhooks::new(config, "http://localhost");
    let target = config.alerts.webhooks[0].label();
    let sent = webhooks.send(&claimed(target), chrono::DateTime::UNIX_EPOCH).await;
    sent.map_err(|problem| {
        assert!(!problem.0.contains("secret-path"), "{problem}");
        problem.0
    })
}

async fn call_to(answer: impl AsyncFn(TcpStream) + Send + Sync + 'static) -> Result<(), String> {
    let local = tokio::task::LocalSet::new();
    local.run_until(async { call_by(&config(&settings(&receiver(answer).await))).await }).await
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let answer = async |mut stream: TcpStream| {
        let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n";
        let _ = stream.write_all(redirect).await;
    };
    let problem = call_to(answer).await.unwrap_err();
    assert_eq!(problem, "the webhook answered 302, a redirect, and redirects are not followed");
}

#[tokio::test]
async fn an_answer_of_100_mb_is_not_read_to_its_end() {
    let answer = async |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").await;
        let (mut written, block) = (0, vec![b'x'; 65_536]);
        while written < 100_000_000 && stream.write_all(&block).await.is_ok() {
            written += 65_536;
        }
        assert!(written < 50_000_000, "all of it was read");
    };
    assert_eq!(call_to(answer).await, Ok(()));
}

#[tokio::test]
async fn an_answer_that_dribbles_holds_nobody_up() {
    let answer = async |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx").await;
        std::future::pending::<()>().await;
    };
    let began = Instant::now();
    assert_eq!(call_to(answer).await, Ok(()));
    assert!(began.elapsed().as_secs() < 9, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_left_after_ten_seconds() {
    let answer = async |_stream: TcpStream| std::future::pending().await;
    let problem = call_to(answer).await.unwrap_err();
    assert_eq!(problem, "the webhook did not answer within 10 seconds");
}

#[tokio::test]
async fn a_receiver_that_speaks_no_http_or_closes_is_told_so() {
    for bytes in [&b"220 relay.example ESMTP\r\n"[..], b""] {
        let answer = async move |mut stream: TcpStream| {
            let _ = stream.write_all(bytes).await;
        };
        let problem = call_to(answer).await.unwrap_err();
        assert_eq!(problem, "the webhook's answer is not HTTP, or broke off");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);
    let problem = call_by(&config(&settings(&url))).await.unwrap_err();
    assert!(problem.starts_with("the webhook cannot be reached: "), "{problem}");
}

#[tokio::test]
async fn what_leads_inside_is_not_called() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/secret-path", listener.local_addr().unwrap().port());
        let mut config = config(&settings(&url));
        // The settings refuse these; a name can lead somewhere else tomorrow.
        config.alerts.webhook_private = false;
        let refused = "the webhook leads to a private address, and alert_webhook_private is false";
        assert_eq!(call_by(&config).await, Err(refused.to_owned()), "{host}");
    }
}
