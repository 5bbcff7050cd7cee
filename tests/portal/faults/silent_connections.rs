//! Connections that are silently dead, as when the host of an old primary is gone: what is sent is
//! swallowed, and nothing ever comes back. New ones work.

use super::Load;
use crate::harness::{Database, Portal, eventually};
use restricted_users::model::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Stands between the service and Postgres.
struct Proxy {
    /// Connections of an older age are dead.
    age: Arc<AtomicUsize>,
    port: u16,
}

impl Proxy {
    async fn before(url: &str) -> Self {
        let server = url::Url::parse(url).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (age, port) = (Arc::<AtomicUsize>::default(), listener.local_addr().unwrap().port());
        let ages = Arc::clone(&age);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let folder = server.query_pairs().find(|(key, _)| key == "host");
                if let Some((_, folder)) = folder {
                    let socket = format!("{folder}/.s.PGSQL.{}", server.port().unwrap_or(5432));
                    pass(client, UnixStream::connect(socket).await.unwrap(), &ages);
                } else {
                    let address = (server.host_str().unwrap(), server.port().unwrap_or(5432));
                    pass(client, TcpStream::connect(address).await.unwrap(), &ages);
                }
            }
        });
        Self { age, port }
    }

    /// The database's URL through the proxy.
    fn url(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_query(None);
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }

    /// From now on every connection that stands is dead.
    fn swallow(&self) {
        self.age.fetch_add(1, Relaxed);
    }
}

fn pass(
    client: TcpStream,
    server: impl AsyncRead + AsyncWrite + Send + 'static,
    age: &Arc<AtomicUsize>,
) {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    tokio::spawn(copy(from_client, to_server, Arc::clone(age)));
    tokio::spawn(copy(from_server, to_client, Arc::clone(age)));
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    age: Arc<AtomicUsize>,
) {
    let (born, mut buffer) = (age.load(Relaxed), vec![0; 65_536]);
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if age.load(Relaxed) == born && to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    if age.load(Relaxed) != born {
        // Not even that the other side has closed is told.
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn connections_that_keep_silent_lose_nothing_and_are_replaced() {
    let database = Arc::new(Database::create().await);
    if !database.is_postgres() {
        return;
    }
    let proxy = Proxy::before(&database.url).await;
    let settings = [("database_url", proxy.url(&database.url)), ("propagation_delay", "0s".into())];
    let settings = settings.map(|(key, value)| (key.to_owned(), value));
    let portal = Portal::on(Arc::clone(&database), Clock::default(), settings.to_vec()).await;
    portal.restricted("alice@example.org").await;
    let load = Load::on(portal.policy_port());
    load.lasts(1).await;

    proxy.swallow();
    eventually("it is unready", async || !portal.is_ready().await).await;
    eventually("it is ready again", async || portal.is_ready().await).await;
    portal.restricted("bob@example.org").await;
    portal.unblock("alice@example.org").await;
    load.lasts(1).await;
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    eventually("nothing waits", async || portal.app.meter.waiting() == 0).await;
}
