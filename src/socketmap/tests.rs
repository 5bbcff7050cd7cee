//! Mail servers that look senders up, well-behaved and not, at real sockets.

use super::{Metrics, Socketmap};
use crate::app::App;
use crate::blocklist::Change;
use crate::config::Config;
use crate::mail_port::listen::{ListenAddress, Listener};
use crate::mail_port::{self, Limits, MailPort};
use crate::model::clock::Clock;
use crate::store::Store;
use ::metrics::Counter;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BOUNCED: &str = "OK error:5.1.8 Access denied, bad outbound sender";
const REFUSED: &str = "OK 550 5.1.8 Access denied, bad outbound sender";
const NOT_FOUND: &str = "NOTFOUND ";

/// Far more than any answer takes, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socketmap port where alice@example.org is restricted.
struct Rig {
    address: String,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maps = Socketmap::new(app(&folder).await, Metrics::noop());
        let any_port = ListenAddress::Tcp { host: "127.0.0.1".into(), port: 0 };
        let listener = Listener::bind(&any_port).await.unwrap();
        let (address, stop) = (listener.address().to_string(), CancellationToken::new());
        let port = MailPort::new(maps, vec![], limits, mail_port::Metrics::noop());
        tokio::spawn(port.serve(vec![listener], stop.clone()));
        Self { address, stop, _folder: folder }
    }

    async fn client(&self) -> Client {
        Client(TcpStream::connect(&self.address).await.unwrap())
    }
}

async fn app(folder: &tempfile::TempDir) -> Arc<App> {
    let database = format!("sqlite:{}", folder.path().join("a.db").display());
    let config = Config::from_variables([
        ("RESTRICTED_USERS_DATABASE_URL", database.as_str()),
        ("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org"),
        ("RESTRICTED_USERS_HIGH_RISK_TRANSPORT", "hirisk"),
    ]);
    let config = config.unwrap();
    let store = Store::open(&config.database_url).await.unwrap();
    let url = "http://localhost:8080".to_owned();
    let app = App::new(config, url, Clock::default(), store, None).await.unwrap();
    let address = app.organization().sender("alice");
    app.blocklist.apply(&[Change {
        number: 1,
        id: Uuid::from_u128(7),
        at: chrono::DateTime::UNIX_EPOCH,
        address,
        active: true,
    }]);
    Arc::new(app)
}

/// What stands for a daemon of Postfix.
struct Client(TcpStream);

impl Client {
    async fn look_up(&mut self, map: &str, key: impl AsRef<[u8]>) -> String {
        let query = [map.as_bytes(), b" ", key.as_ref()].concat();
        self.send(netstring(&query)).await;
        self.answer().await
    }

    async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.0.write_all(octets.as_ref()).await.unwrap();
    }

    /// The content of the netstring that is answered.
    async fn answer(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with(':') {
            head.push(char::from(self.octets(1).await[0]));
        }
        let length: usize = head.trim_end_matches(':').parse().unwrap();
        let content = self.octets(length + 1).await;
        let content = String::from_utf8(content).unwrap();
        content.strip_suffix(',').expect("a comma ends it").to_owned()
    }

    async fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        let read = timeout(PATIENCE, self.0.read_exact(&mut octets)).await;
        read.expect("no answer in time").expect("closed without an answer");
        octets
    }

    async fn is_closed_without_an_answer(&mut self) {
        let mut answer = Vec::new();
        let closed = timeout(PATIENCE, self.0.read_to_end(&mut answer)).await;
        // Closing with octets unread resets the connection.
        let _ = closed.expect("still open");
        assert_eq!(String::from_utf8_lossy(&answer), "");
    }
}

fn netstring(content: &[u8]) -> Vec<u8> {
    [format!("{}:", content.len()).as_bytes(), content, b","].concat()
}

#[tokio::test]
async fn a_restricted_sender_is_found_in_every_spelling_on_one_kept_connection() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    for key in ["alice@example.org", "Alice@Example.ORG.", "alice", "\"alice\"@example.org"] {
        assert_eq!(postfix.look_up("restricted", key).await, REFUSED, "{key}");
        assert_eq!(postfix.look_up("transport", key).await, BOUNCED, "{key}");
    }
}

#[tokio::test]
async fn parts_of_addresses_and_what_is_no_address_are_not_found() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    for key in ["@example.org", "example.org", "alice@", "", "<>", "*", "al\u{7}ice", "a b@c d"] {
        assert_eq!(postfix.look_up("restricted", key).await, NOT_FOUND, "{key:?}");
        assert_eq!(postfix.look_up("transport", key).await, NOT_FOUND, "{key:?}");
    }
    assert_eq!(postfix.look_up("transport", b"alice\xff@example.org").await, NOT_FOUND);
    let long = "a".repeat(9_000);
    assert_eq!(postfix.look_up("restricted", long).await, NOT_FOUND);
    assert_eq!(postfix.look_up("restricted", "carol@example.org").await, NOT_FOUND);
    assert_eq!(postfix.look_up("transport", "carol@example.org").await, NOT_FOUND);
}

#[tokio::test]
async fn a_map_that_there_is_not_and_a_query_without_a_key_are_told_so() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    let no_map = "PERM there are the maps restricted and transport";
    for map in ["Restricted", "aliases", ""] {
        assert_eq!(postfix.look_up(map, "alice@example.org").await, no_map, "{map}");
    }
    postfix.send(netstring(b"restricted")).await;
    assert_eq!(postfix.answer().await, "PERM a query is the name of a map, a space and a key");
    assert_eq!(postfix.look_up("restricted", "alice").await, REFUSED);
}

#[tokio::test]
async fn queries_sent_ahead_are_answered_in_order_and_however_they_are_cut() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let both = [netstring(b"restricted alice"), netstring(b"transport carol")].concat();
    client.send(both.repeat(50)).await;
    for _ in 0..50 {
        assert_eq!(client.answer().await, REFUSED);
        assert_eq!(client.answer().await, NOT_FOUND);
    }
    for octet in both {
        client.send([octet]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await, REFUSED);
    assert_eq!(client.answer().await, NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_netstring_is_closed_without_an_answer_and_others_notice_nothing() {
    let rig = Rig::start().await;
    let mut postfix = rig.client().await;
    for octets in [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        b"protocol_state=RCPT\n\n",
        b"999999:",
        b"016:restricted alice,",
        b"16:restricted alice;",
    ] {
        let mut client = rig.client().await;
        client.send(octets).await;
        client.is_closed_without_an_answer().await;
        assert_eq!(postfix.look_up("restricted", "alice").await, REFUSED);
    }
}

#[tokio::test]
async fn a_client_that_stops_half_way_or_never_asks_is_closed() {
    const SHORT: Duration = Duration::from_millis(50);
    let rig = Rig::with(Limits { request: SHORT, idle: SHORT, ..Limits::default() }).await;
    let mut half = rig.client().await;
    half.send("16:restricted ali").await;
    half.is_closed_without_an_answer().await;
    rig.client().await.is_closed_without_an_answer().await;
}

#[tokio::test]
async fn while_the_database_is_away_restricted_senders_are_found_and_nobody_waits_long() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(&folder).await;
    app.store.close().await;
    let unknown = Arc::default();
    let metrics = Metrics { unknown: Counter::from_arc(Arc::clone(&unknown)), ..Metrics::noop() };
    let maps = Socketmap::new(app, metrics);
    let query = |key| super::protocol::Query { map: b"transport", key };
    for _ in 0..3 {
        assert_eq!(maps.look_up(query(b"alice")).await, super::Reply::Found(super::BOUNCED));
        assert_eq!(maps.look_up(query(b"carol")).await, super::Reply::NotFound);
    }
    let unknown: &std::sync::atomic::AtomicU64 = &unknown;
    assert_eq!(unknown.load(std::sync::atomic::Ordering::Relaxed), 3);
}
