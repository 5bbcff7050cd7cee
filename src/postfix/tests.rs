//! Mail servers, well-behaved and not, at real sockets.

use super::protocol::{LONGEST_LINE, MOST_ATTRIBUTES};
use super::{Metrics, PolicyPort, RestrictedAnswer};
use crate::blocklist::Blocklist;
use crate::decision::{Decider, Scope};
use crate::mail_port::listen::{ListenAddress, Listener};
use crate::mail_port::{self, Connection, Limits, MailPort};
use crate::model::address::Domain;
use crate::model::clock::Clock;
use crate::model::organization::Organization;
use crate::places::Places;
use crate::refusals::Refusals;
use ::metrics::{Counter, Gauge};
use std::fmt::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const REFUSED: &str = "action=550 5.1.8 Access denied, bad outbound sender\n\n";
const DUNNO: &str = "action=DUNNO\n\n";
const ALICE: Uuid = Uuid::from_u128(7);

/// Far more than any answer takes, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A policy port where alice@example.org is restricted.
struct Rig {
    port: JoinHandle<()>,
    stop: CancellationToken,
    address: ListenAddress,
    refusals: Arc<Refusals>,
    counts: Counts,
    _folder: tempfile::TempDir,
}

#[derive(Default)]
struct Counts {
    rejected: Arc<AtomicU64>,
    from_elsewhere: Arc<AtomicU64>,
    too_many: Arc<AtomicU64>,
    protocol_errors: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl Counts {
    fn metrics(&self) -> Metrics {
        Metrics { rejected: Counter::from_arc(Arc::clone(&self.rejected)), ..Metrics::noop() }
    }

    fn of_connections(&self) -> mail_port::Metrics {
        mail_port::Metrics {
            from_elsewhere: Counter::from_arc(Arc::clone(&self.from_elsewhere)),
            too_many: Counter::from_arc(Arc::clone(&self.too_many)),
            protocol_errors: Counter::from_arc(Arc::clone(&self.protocol_errors)),
            connections: Gauge::from_arc(Arc::clone(&self.connections)),
        }
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Rig {
    async fn start() -> Self {
        Self::listening("127.0.0.1:0", Scope::Outside, Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        Self::listening("127.0.0.1:0", Scope::Outside, limits).await
    }

    async fn listening(address: &str, scope: Scope, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = address.replace("FOLDER", folder.path().to_str().unwrap());
        let listener = Listener::bind(&address.parse().unwrap()).await.unwrap();
        let (address, counts) = (listener.address(), Counts::default());
        let (refusals, stop) = (Arc::<Refusals>::default(), CancellationToken::new());
        let port = PolicyPort::new(
            decider(scope, &refusals),
            RestrictedAnswer::Reject,
            Arc::default(),
            counts.metrics(),
        );
        let port = MailPort::new(port, vec![], limits, counts.of_connections());
        let port = tokio::spawn(port.serve(vec![listener], stop.clone()));
        Self { port, stop, address, refusals, counts, _folder: folder }
    }

    async fn client(&self) -> Client {
        let stream: Box<dyn Stream> = match &self.address {
            ListenAddress::Tcp { host, port } => {
                Box::new(TcpStream::connect((host.as_str(), *port)).await.unwrap())
            }
            ListenAddress::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
        };
        Client { stream }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.port).await.unwrap().unwrap();
    }
}

fn decider(scope: Scope, refusals: &Arc<Refusals>) -> Decider {
    Decider {
        blocklist: Arc::new(Blocklist::load([("alice@example.org".into(), ALICE)], None)),
        organization: Arc::new(Organization {
            name: "Example Org".into(),
            domains: vec![Domain::parse("example.org").unwrap()],
        }),
        scope,
        refusals: Arc::clone(refusals),
        clock: Clock::default(),
        asked: Arc::default(),
        opaque_logins: Arc::default(),
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What stands for an `smtpd` of Postfix.
struct Client {
    stream: Box<dyn Stream>,
}

impl Client {
    async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
    }

    /// Sends what the port may refuse to read to its end.
    async fn send_unwelcome(&mut self, octets: &[u8]) {
        let _ = self.stream.write_all(octets).await;
    }

    async fn ask(&mut self, login: &str, recipient: &str) -> String {
        self.send(request("RCPT", login, recipient)).await;
        self.answer().await
    }

    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n\n") {
            let octet = timeout(PATIENCE, self.stream.read_u8()).await.expect("no answer in time");
            answer.push(octet.expect("closed without an answer"));
        }
        String::from_utf8(answer).unwrap()
    }

    /// Waits until the port closes, and checks that it said nothing.
    async fn is_closed_without_an_answer(&mut self) {
        let mut answer = Vec::new();
        let closed = timeout(PATIENCE, self.stream.read_to_end(&mut answer)).await;
        // Closing with octets unread resets the connection.
        let _ = closed.expect("still open");
        assert_eq!(String::from_utf8_lossy(&answer), "");
    }
}

/// A request as Postfix writes it (shortened in what nobody reads).
fn request(state: &str, login: &str, recipient: &str) -> String {
    format!(
        "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n\
         client_address=2001:db8::17\nsender=someone@else.example\nrecipient={recipient}\n\
         recipient_count=0\nqueue_id=\ninstance=75c.6561f0aa.56819.0\nsasl_method=PLAIN\n\
         sasl_username={login}\nsasl_sender=\npolicy_context=submission\n\n"
    )
}

fn short(limit: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    limit(&mut limits);
    limits
}

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_restricted_sender_is_refused_over_tcp_ipv6_and_unix_sockets_on_one_kept_connection() {
    for address in ["127.0.0.1:0", "[::1]:0", "unix:FOLDER/policy.sock"] {
        let rig = Rig::listening(address, Scope::Outside, Limits::default()).await;
        let mut postfix = rig.client().await;
        assert_eq!(postfix.ask("Alice@Example.ORG", "bob@remote.example").await, REFUSED);
        assert_eq!(postfix.ask("alice", "bob@remote.example").await, REFUSED);
        assert_eq!(postfix.ask("alice", "carol@example.org").await, DUNNO);
        assert_eq!(postfix.ask("carol@example.org", "bob@remote.example").await, DUNNO);
        let refused: Vec<_> =
            rig.refusals.take().into_iter().map(|(id, _, sum)| (id, sum)).collect();
        assert_eq!(refused, [(ALICE, 2)]);
        assert_eq!(count(&rig.counts.rejected), 2);
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_recipient_inside_is_refused_only_when_the_scope_is_all() {
    let rig = Rig::listening("127.0.0.1:0", Scope::All, Limits::default()).await;
    assert_eq!(rig.client().await.ask("alice@example.org", "bob@example.org").await, REFUSED);
}

#[tokio::test]
async fn only_the_recipient_of_a_signed_in_sender_is_ever_refused() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    for state in ["CONNECT", "EHLO", "HELO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", ""] {
        postfix.send(request(state, "alice@example.org", "bob@remote.example")).await;
        assert_eq!(postfix.answer().await, DUNNO, "{state}");
    }
    assert_eq!(postfix.ask("", "bob@remote.example").await, DUNNO);
    postfix.send("protocol_state=RCPT\nsender=alice@example.org\nrecipient=b@c.example\n\n").await;
    assert_eq!(postfix.answer().await, DUNNO);
}

#[tokio::test]
async fn a_login_or_recipient_that_is_no_text_is_decided_about() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    for (login, recipient, answer) in [
        (b"\xff\xfe".as_slice(), b"bob@remote.example".as_slice(), DUNNO),
        (b"alice", b"bob@remote\xff.example", REFUSED),
        (b"alice", b"bob@example.org\xff", REFUSED),
    ] {
        let lines = [b"protocol_state=RCPT\nsasl_username=", login, b"\nrecipient=", recipient];
        postfix.send([&lines.concat(), b"\n\n".as_slice()].concat()).await;
        assert_eq!(postfix.answer().await, answer, "{}", recipient.escape_ascii());
    }
}

#[tokio::test]
async fn a_client_that_half_closes_after_its_request_gets_its_answer() {
    for address in ["127.0.0.1:0", "unix:FOLDER/policy.sock"] {
        let rig = Rig::listening(address, Scope::Outside, Limits::default()).await;
        let mut client = rig.client().await;
        client.send(request("RCPT", "alice", "bob@remote.example")).await;
        client.stream.shutdown().await.unwrap();
        assert_eq!(client.answer().await, REFUSED);
        client.is_closed_without_an_answer().await;
        assert_eq!(count(&rig.counts.protocol_errors), 0);
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order_and_however_they_are_cut() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let both =
        request("RCPT", "alice", "bob@remote.example") + &request("RCPT", "carol", "x@y.example");
    client.send(both.repeat(100)).await;
    for _ in 0..100 {
        assert_eq!(client.answer().await, REFUSED);
        assert_eq!(client.answer().await, DUNNO);
    }
    for octet in both.bytes() {
        client.send([octet]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await, REFUSED);
    assert_eq!(client.answer().await, DUNNO);
}

#[tokio::test]
async fn what_is_no_request_is_closed_without_an_answer_and_others_notice_nothing() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    let many = (0..=MOST_ATTRIBUTES).fold(String::new(), |mut lines, number| {
        writeln!(lines, "a{number}=").unwrap();
        lines
    });
    for octets in [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        b"\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        &vec![b'a'; 1_000_000],
        &vec![0; 1_000_000],
        &[b"a=".as_slice(), &vec![b'x'; LONGEST_LINE], b"\n\n"].concat(),
        &b"a=0123456789\n".repeat(100_000),
        many.as_bytes(),
    ] {
        let mut client = rig.client().await;
        client.send_unwelcome(octets).await;
        client.is_closed_without_an_answer().await;
        assert_eq!(postfix.ask("alice", "bob@remote.example").await, REFUSED);
    }
    assert_eq!(count(&rig.counts.protocol_errors), 8);
}

#[tokio::test]
async fn a_request_without_its_empty_line_is_never_answered() {
    let rig = Rig::with(short(|limits| limits.request = SHORT)).await;
    let whole = request("RCPT", "alice", "bob@remote.example");
    let mut stops = rig.client().await;
    stops.send(&whole[..whole.len() - 1]).await;
    stops.is_closed_without_an_answer().await;

    let mut closes = rig.client().await;
    closes.send(&whole[..whole.len() - 1]).await;
    closes.stream.shutdown().await.unwrap();
    closes.is_closed_without_an_answer().await;
    assert_eq!(count(&rig.counts.protocol_errors), 2);
}

#[tokio::test]
async fn a_client_that_drips_its_request_is_closed_when_its_time_is_over() {
    let rig = Rig::with(short(|limits| limits.request = SHORT)).await;
    let mut client = rig.client().await;
    let start = Instant::now();
    while client.stream.write_all(b"a=b\n").await.is_ok() && start.elapsed() < PATIENCE {
        tokio::time::sleep(SHORT / 5).await;
    }
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_that_is_no_error() {
    let rig = Rig::with(short(|limits| limits.idle = SHORT)).await;
    let mut client = rig.client().await;
    assert_eq!(client.ask("alice", "bob@remote.example").await, REFUSED);
    client.is_closed_without_an_answer().await;
    assert_eq!(count(&rig.counts.protocol_errors), 0);
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_and_others_notice_nothing() {
    let rig = Rig::with(short(|limits| limits.answer = SHORT)).await;
    let mut postfix = rig.client().await;
    let mut client = rig.client().await;
    let many = request("RCPT", "alice", "bob@remote.example").repeat(100);
    let start = Instant::now();
    while client.stream.write_all(many.as_bytes()).await.is_ok() && start.elapsed() < PATIENCE {}
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(postfix.ask("alice", "bob@remote.example").await, REFUSED);
    assert_eq!(count(&rig.counts.protocol_errors), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_connections_are_answered_at_once() {
    let rig = Arc::new(Rig::start().await);
    let mut clients = JoinSet::new();
    for number in 0..200 {
        let rig = Arc::clone(&rig);
        clients.spawn(async move {
            let mut client = rig.client().await;
            for _ in 0..20 {
                assert_eq!(client.ask("alice", "bob@remote.example").await, REFUSED);
                let other = format!("user{number}@example.org");
                assert_eq!(client.ask(&other, "bob@remote.example").await, DUNNO);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(rig.refusals.take().iter().map(|(_, _, sum)| sum).sum::<i64>(), 4_000);
}

#[tokio::test]
async fn the_connection_that_is_idle_the_longest_makes_way_for_a_new_one() {
    let rig = Rig::with(short(|limits| limits.connections = 4)).await;
    let (mut first, mut second) = (rig.client().await, rig.client().await);
    assert_eq!(second.ask("alice", "bob@remote.example").await, REFUSED);
    assert_eq!(first.ask("alice", "bob@remote.example").await, REFUSED);
    // Half of the places are for others than this machine.
    assert_eq!(rig.client().await.ask("alice", "bob@remote.example").await, REFUSED);
    second.is_closed_without_an_answer().await;
    assert_eq!(first.ask("alice", "bob@remote.example").await, REFUSED);
    assert_eq!(count(&rig.counts.too_many), 0);
}

#[tokio::test]
async fn a_stop_ends_idle_and_half_asking_connections_at_once_and_removes_the_unix_socket() {
    let rig = Rig::listening("unix:FOLDER/policy.sock", Scope::Outside, Limits::default()).await;
    let (mut idle, mut half) = (rig.client().await, rig.client().await);
    assert_eq!(idle.ask("alice", "bob@remote.example").await, REFUSED);
    half.send("protocol_state=RCPT\n").await;
    let ListenAddress::Unix(path) = rig.address.clone() else { unreachable!() };

    rig.stop.cancel();
    timeout(PATIENCE, rig.port).await.unwrap().unwrap();
    idle.is_closed_without_an_answer().await;
    half.is_closed_without_an_answer().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn an_answer_under_way_is_finished_before_a_stop() {
    let decider = decider(Scope::Outside, &Arc::default());
    let answer = RestrictedAnswer::Reject;
    let port = PolicyPort::new(decider, answer, Arc::default(), Metrics::noop());
    let port = MailPort::new(port, vec![], Limits::default(), mail_port::Metrics::noop());
    // Holds less than an answer, so that the port is in the middle of one until it is read.
    let (stream, ours) = tokio::io::duplex(8);
    let stop = CancellationToken::new();
    let place = Places::new(1).take(None, 1, stop.clone()).unwrap();
    let connection = tokio::spawn(Connection::new(Arc::new(port), ours, place).serve());
    let mut client = Client { stream: Box::new(stream) };
    client.send(request("RCPT", "alice", "bob@remote.example")).await;
    assert_eq!(client.stream.read_u8().await.unwrap(), b'a');

    stop.cancel();
    assert_eq!(client.answer().await, REFUSED[1..]);
    client.is_closed_without_an_answer().await;
    connection.await.unwrap();
}

/// An address of this machine that is not loopback, where it has one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // A UDP socket that connects sends nothing; it only chooses a route and so an address.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|own| own.ip()).filter(|own| !own.is_loopback())
}

#[tokio::test]
async fn a_connection_from_elsewhere_is_closed_unread_and_counted() {
    let mut rig = Rig::listening("[::]:0", Scope::Outside, Limits::default()).await;
    let ListenAddress::Tcp { port, .. } = rig.address else { unreachable!() };
    rig.address = ListenAddress::Tcp { host: "127.0.0.1".into(), port };
    assert_eq!(rig.client().await.ask("alice", "bob@remote.example").await, REFUSED);

    let Some(own) = own_address() else { return };
    rig.address = ListenAddress::Tcp { host: own.to_string(), port };
    let mut client = rig.client().await;
    client.send_unwelcome(request("RCPT", "alice", "bob@remote.example").as_bytes()).await;
    client.is_closed_without_an_answer().await;
    assert_eq!(count(&rig.counts.from_elsewhere), 1);
}
