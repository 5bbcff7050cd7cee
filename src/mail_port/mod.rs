//! The ports where mail servers ask: who is let in, how many at once, and how long they may take.
//! What they ask and are answered is each port's own.

mod connection;
pub mod listen;
mod metrics;

pub use connection::Connection;
pub use metrics::Metrics;

use crate::open_files::Doors;
use crate::places::Places;
use crate::seldom::Seldom;
use ::metrics::Gauge;
use ipnet::IpNet;
use listen::{Accepted, Listener};
use std::borrow::Cow;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use std::{io, io::ErrorKind, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Until the next try after the system refused to give us a connection, most likely for want of
/// file descriptors; without it the loop would spin until one is free.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_secs(1);

/// A protocol of one request and one answer on connections that are kept.
pub trait Protocol: Send + Sync + 'static {
    /// What the log calls the port.
    const PORT: &'static str;

    /// What finds the ends of requests.
    type Scanner: Scanner;

    /// Answers a request that the scanner found whole.
    fn answer(&self, request: &[u8]) -> impl Future<Output = Cow<'static, [u8]>> + Send;
}

/// Finds where requests end, and what is none as early as it can, in whatever pieces they come.
pub trait Scanner: Default + Send {
    /// Why something is no request.
    type Error: Error + Send;

    /// The length of the request that `buffer` begins with, once it is whole. Until then `buffer`
    /// may only grow; afterwards the scanner awaits the next request.
    ///
    /// # Errors
    /// When this will never be a request.
    fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, Self::Error>;
}

/// How much a client may ask of a port.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at once, over all listeners; one client may have half of them, and all unix
    /// sockets are one client. For one beyond, the connection that has been idle the longest is closed;
    /// Postfix, which keeps one per `smtpd` process, makes a new one when it needs it.
    pub connections: usize,
    /// How long a client may keep a connection without asking; against machines that vanished.
    /// Longer than the `smtpd_policy_service_max_idle` of Postfix (300 s), so that Postfix closes
    /// first and never asks into a connection that is about to go.
    pub idle: Duration,
    /// From the first octet of a request to its last; against a client that stops half-way.
    pub request: Duration,
    /// How long an answer may take to be sent; against a client that asks and never reads.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Doors::of_this_process(1).mail_port,
            idle: Duration::from_mins(10),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(5),
        }
    }
}

/// A port for loopback and the networks of the mail servers.
#[derive(Debug)]
pub struct MailPort<P> {
    protocol: P,
    networks: Vec<IpNet>,
    limits: Limits,
    metrics: Metrics,
    refused_told: Seldom,
    broken_told: Seldom,
    not_accepted_told: Seldom,
}

impl<P: Protocol> MailPort<P> {
    /// A port where `networks`, beside loopback, may ask.
    pub fn new(protocol: P, networks: Vec<IpNet>, limits: Limits, metrics: Metrics) -> Self {
        Self {
            protocol,
            networks,
            limits,
            metrics,
            refused_told: Seldom::default(),
            broken_told: Seldom::default(),
            not_accepted_told: Seldom::default(),
        }
    }

    /// Answers whoever connects to `listeners` until `stop`: then nobody is accepted any more,
    /// idle connections end at once, and an answer under way is finished.
    pub async fn serve(self, listeners: Vec<Listener>, stop: CancellationToken) {
        let door = Arc::new(Door {
            places: Places::new(self.limits.connections),
            connections: TaskTracker::new(),
            port: Arc::new(self),
            stop,
        });
        let loops: JoinSet<()> =
            listeners.into_iter().map(|listener| Arc::clone(&door).accept_all(listener)).collect();
        loops.join_all().await;
        door.connections.close();
        door.connections.wait().await;
    }

    fn may_ask(&self, client: IpAddr) -> bool {
        client.is_loopback() || self.networks.iter().any(|network| network.contains(&client))
    }

    fn tell_refused(&self, client: Option<IpAddr>, why: &'static str) {
        if self.refused_told.is_due(Instant::now()) {
            tracing::warn!(port = P::PORT, ?client, why, "connection closed unread");
        }
    }
}

/// Lets clients in.
struct Door<P> {
    port: Arc<MailPort<P>>,
    places: Arc<Places>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl<P: Protocol> Door<P> {
    async fn accept_all(self: Arc<Self>, listener: Listener) {
        while let Some(accepted) = self.stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok(accepted) => self.admit(accepted),
                Err(error) => self.pause_after(error).await,
            }
        }
    }

    fn admit(&self, accepted: Accepted) {
        match accepted {
            Accepted::Tcp(_, client) if !self.port.may_ask(client) => {
                self.port.metrics.from_elsewhere.increment(1);
                self.port.tell_refused(Some(client), "not in mail_server_networks");
            }
            Accepted::Tcp(stream, client) => self.serve(stream, Some(client)),
            Accepted::Unix(stream) => self.serve(stream, None),
        }
    }

    fn serve<S>(&self, stream: S, client: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let share = self.port.limits.connections.div_ceil(2);
        let counts_for = client.map(one_for_this_machine);
        let Ok(place) = self.places.take(counts_for, share, self.stop.child_token()) else {
            self.port.metrics.too_many.increment(1);
            return self.port.tell_refused(client, "too many connections, and all of them busy");
        };
        let open = Open::counted(self.port.metrics.connections.clone());
        let connection = Connection::new(Arc::clone(&self.port), stream, place);
        self.connections.spawn(async move {
            connection.serve().await;
            drop(open);
        });
    }

    async fn pause_after(&self, error: io::Error) {
        // The client gave up before its turn: nothing of ours is wrong.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
            return;
        }
        if self.port.not_accepted_told.is_due(Instant::now()) {
            tracing::error!(port = P::PORT, %error, "cannot accept connections");
        }
        self.stop.run_until_cancelled(tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR)).await;
    }
}

/// Loopback has millions of addresses, any of which a program on this machine may come from.
fn one_for_this_machine(client: IpAddr) -> IpAddr {
    if client.is_loopback() { Ipv4Addr::LOCALHOST.into() } else { client }
}

/// An open connection, as the metrics count them.
struct Open(Gauge);

impl Open {
    fn counted(connections: Gauge) -> Self {
        connections.increment(1);
        Self(connections)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postfix::protocol::Scanner as Requests;

    struct Silent;

    impl Protocol for Silent {
        const PORT: &'static str = "silent";
        type Scanner = Requests;

        async fn answer(&self, _: &[u8]) -> Cow<'static, [u8]> {
            Cow::Borrowed(b"")
        }
    }

    #[test]
    fn only_loopback_and_the_networks_of_the_mail_servers_may_ask() {
        let networks = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let port = MailPort::new(Silent, networks, Limits::default(), Metrics::noop());
        for (client, may) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("192.0.2.9", true),
            ("2001:db8::25", true),
            ("198.51.100.1", false),
            ("2001:db9::1", false),
        ] {
            assert_eq!(port.may_ask(client.parse().unwrap()), may, "{client}");
        }
    }
}
