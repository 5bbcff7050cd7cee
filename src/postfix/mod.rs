//! The policy port: Postfix asks about every recipient and is answered from memory.

mod answer;
mod connection;
pub mod listen;
mod metrics;
pub mod protocol;
mod seldom;
#[cfg(test)]
mod tests;
mod transactions;

pub use answer::RestrictedAnswer;
pub use metrics::Metrics;

use crate::decision::Decider;
use crate::meter::Meter;
use ::metrics::Gauge;
use connection::Connection;
use ipnet::IpNet;
use listen::{Accepted, Listener};
use seldom::Seldom;
use std::time::{Duration, Instant};
use std::{io, io::ErrorKind, net::IpAddr, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use transactions::Transactions;

/// Until the next try after the system refused to give us a connection, most likely for want of
/// file descriptors; without it the loop would spin until one is free.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_secs(1);

/// How much a client may ask of the policy port.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at once, over all listeners; against clients that open them without end
    /// and would take the file descriptors (1,024 by default) that the database needs. One
    /// beyond is closed unread. Postfix keeps one per `smtpd` process.
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
            connections: 1_000,
            idle: Duration::from_mins(10),
            request: Duration::from_secs(10),
            answer: Duration::from_secs(5),
        }
    }
}

/// The part that answers mail servers.
#[derive(Debug)]
pub struct PolicyPort {
    decider: Decider,
    restricted_answer: RestrictedAnswer,
    meter: Arc<Meter>,
    transactions: Transactions,
    mail_server_networks: Vec<IpNet>,
    limits: Limits,
    metrics: Metrics,
    refused_told: Seldom,
    broken_told: Seldom,
}

impl PolicyPort {
    /// A policy port for loopback and `mail_server_networks`.
    #[must_use]
    pub fn new(
        decider: Decider,
        restricted_answer: RestrictedAnswer,
        meter: Arc<Meter>,
        mail_server_networks: Vec<IpNet>,
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        Self {
            decider,
            restricted_answer,
            meter,
            transactions: Transactions::default(),
            mail_server_networks,
            limits,
            metrics,
            refused_told: Seldom::default(),
            broken_told: Seldom::default(),
        }
    }

    /// Answers whoever connects to `listeners` until `stop`: then nobody is accepted any more,
    /// idle connections end at once, and an answer under way is finished.
    pub async fn serve(self, listeners: Vec<Listener>, stop: CancellationToken) {
        let door = Arc::new(Door {
            places: Arc::new(Semaphore::new(self.limits.connections)),
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
        client.is_loopback()
            || self.mail_server_networks.iter().any(|network| network.contains(&client))
    }

    fn tell_refused(&self, client: Option<IpAddr>, why: &'static str) {
        if self.refused_told.is_due(Instant::now()) {
            tracing::warn!(?client, why, "policy connection closed unread");
        }
    }
}

/// Lets clients in.
struct Door {
    port: Arc<PolicyPort>,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl Door {
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
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            self.port.metrics.too_many.increment(1);
            return self.port.tell_refused(client, "too many connections");
        };
        let place = Place::taken(permit, self.port.metrics.connections.clone());
        let connection = Connection::new(Arc::clone(&self.port), stream);
        let stop = self.stop.clone();
        self.connections.spawn(async move {
            connection.serve(stop).await;
            drop(place);
        });
    }

    async fn pause_after(&self, error: io::Error) {
        // The client gave up before its turn: nothing of ours is wrong.
        if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
            return;
        }
        tracing::error!(%error, "cannot accept policy connections");
        self.stop.run_until_cancelled(tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR)).await;
    }
}

/// One of the connections that may be open at once.
struct Place {
    _permit: OwnedSemaphorePermit,
    connections: Gauge,
}

impl Place {
    fn taken(permit: OwnedSemaphorePermit, connections: Gauge) -> Self {
        connections.increment(1);
        Self { _permit: permit, connections }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.decrement(1);
    }
}
