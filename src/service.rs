//! The parts together, until one fails or all are told to stop.

use crate::app::App;
use crate::bookkeeper;
use crate::checkpointer;
use crate::config::Config;
use crate::courier;
use crate::feed;
use crate::follower;
use crate::kept_blocklist;
use crate::kept_blocklist::KeptBlocklist;
use crate::mail_port;
use crate::mail_port::listen::{ListenAddress, Listener};
use crate::mail_port::{Limits, MailPort, Protocol};
use crate::meter;
use crate::model::clock::Clock;
use crate::notary;
use crate::open_files::Doors;
use crate::postfix;
use crate::postfix::PolicyPort;
use crate::retention;
use crate::socketmap;
use crate::socketmap::Socketmap;
use crate::store::Store;
use crate::timekeeper;
use crate::unblocker;
use crate::web;
use anyhow::{Context, bail};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;

/// How long a stop may take: a client that does not read its answer shall not keep the process.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// How long to wait before a database that was away at the start is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A service that listens and whose parts run.
#[derive(Debug)]
pub struct Service {
    /// What the parts share.
    pub app: Arc<App>,
    /// Where the portal and the API listen.
    pub web: SocketAddr,
    /// Where the policy port listens.
    pub policy: Vec<ListenAddress>,
    /// Where the socketmap port listens.
    pub socketmap: Vec<ListenAddress>,
    stop: CancellationToken,
    /// Stops the meter, which counts what the other parts bring until they have ended.
    stop_meter: CancellationToken,
    parts: JoinSet<&'static str>,
    doors: Doors,
}

impl Service {
    /// Opens the database, binds everything, and lets the parts run.
    ///
    /// # Errors
    /// When the database cannot be opened or an address cannot be bound.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let (store, kept) = open(&config)
            .await
            .with_context(|| format!("cannot open the database {:?}", config.database_url))?;
        let is_there = kept.is_none();
        if is_there {
            timekeeper::set(&clock, &store).await?;
        }
        let store = if config.alerts.notify_restricted_user {
            store.with_own_notices(config.organization.clone())
        } else {
            store
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let policy_listeners = bind(&config.policy_listen).await?;
        let socketmap_listeners = bind(&config.socketmap_listen).await?;
        let config = Config { policy_listen: addresses(&policy_listeners), ..config };
        let web = listener.local_addr()?;
        let public_url = config.public_url(web);
        let app = Arc::new(App::new(config, public_url, clock, store, kept).await?);
        let mut service = Self {
            app,
            web,
            policy: addresses(&policy_listeners),
            socketmap: addresses(&socketmap_listeners),
            stop: CancellationToken::new(),
            stop_meter: CancellationToken::new(),
            parts: JoinSet::new(),
            doors: Doors::of_this_process(1 + usize::from(!socketmap_listeners.is_empty())),
        };
        service.run_mail_ports(policy_listeners, socketmap_listeners);
        service.run_parts(listener);
        if !is_there {
            let stop = service.stop.clone();
            service.run_part("start", |app| async move { prepare_late(&app, &stop).await });
        }
        service.tell_addresses();
        service.doors.warn_of_few();
        if !service.app.config.alerts.leave_the_portal() {
            tracing::info!("alerts stand in the portal alone: no smtp_url, no alert_webhooks");
        }
        Ok(service)
    }

    fn run_mail_ports(&mut self, policy: Vec<Listener>, socketmap: Vec<Listener>) {
        let answers = PolicyPort::new(
            self.app.decider.clone(),
            self.app.config.restricted_answer,
            Arc::clone(&self.app.meter),
            postfix::Metrics::registered(),
        );
        let (port, stop) = (self.mail_port(answers), self.stop.clone());
        self.run_part("postfix", |_| port.serve(policy, stop));
        if !socketmap.is_empty() {
            let maps = Socketmap::new(Arc::clone(&self.app), socketmap::Metrics::registered());
            let (port, stop) = (self.mail_port(maps), self.stop.clone());
            self.run_part("socketmap", |_| port.serve(socketmap, stop));
        }
    }

    fn mail_port<P: Protocol>(&self, protocol: P) -> MailPort<P> {
        let networks = self.app.config.mail_server_networks.clone();
        let metrics = mail_port::Metrics::registered(P::PORT);
        let limits = Limits { connections: self.doors.mail_port, ..Limits::default() };
        MailPort::new(protocol, networks, limits, metrics)
    }

    fn run_parts(&mut self, listener: TcpListener) {
        let stop = self.stop_meter.clone();
        self.run_part("meter", |app| async move { meter::run(&app, &stop).await });
        let stop = self.stop.clone();
        let most = self.doors.web;
        self.run_part("web", |app| web::serve(app, listener, most, stop));
        let stop = self.stop.clone();
        self.run_part("unblocker", |app| async move { unblocker::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("courier", |app| async move { courier::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("feed", |app| async move { feed::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("blocklist", |app| async move { follower::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("bookkeeper", |app| async move { bookkeeper::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("checkpointer", |app| async move { checkpointer::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part(
            "kept_blocklist",
            |app| async move { kept_blocklist::run(&app, &stop).await },
        );
        let stop = self.stop.clone();
        self.run_part("retention", |app| async move { retention::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("timekeeper", |app| async move { timekeeper::run(&app, &stop).await });
        let stop = self.stop.clone();
        self.run_part("notary", |app| async move { notary::run(&app, &stop).await });
    }

    fn run_part<F>(&mut self, name: &'static str, part: impl FnOnce(Arc<App>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = self.app.health.running(name);
        let part = part(Arc::clone(&self.app));
        self.parts.spawn(async move {
            let _running = running;
            part.await;
            name
        });
    }

    fn tell_addresses(&self) {
        tracing::info!(part = "web", address = %self.web, "listening");
        for address in &self.policy {
            tracing::info!(part = "postfix", %address, "listening");
        }
        for address in &self.socketmap {
            tracing::info!(part = "socketmap", %address, "listening");
        }
    }

    /// Waits until `told_to_stop` ends, then stops all parts.
    ///
    /// # Errors
    /// When a part ended before it was told to.
    pub async fn run_until(mut self, told_to_stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            () = told_to_stop => self.stop().await,
            Some(ended) = self.parts.join_next() => {
                let ended = ended.unwrap_or("a part that panicked");
                self.stop().await;
                bail!("{ended} ended before it was told to");
            }
        }
        Ok(())
    }

    /// Stops all parts: requests under way are finished, everything else ends at once.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all_ended = async {
            while self.parts.len() > 1 {
                self.parts.join_next().await;
            }
            self.stop_meter.cancel();
            while self.parts.join_next().await.is_some() {}
        };
        if tokio::time::timeout(LONGEST_STOP, all_ended).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
        self.app.store.close().await;
    }
}

/// The database, or what was kept of the blocklist while it is away.
async fn open(config: &Config) -> anyhow::Result<(Store, Option<KeptBlocklist>)> {
    let store = Store::at(&config.database_url, config.database_connections).await?;
    let Err(error) = store.prepare().await else { return Ok((store, None)) };
    let Some(folder) = config.state_directory.as_ref().filter(|_| is_away(&error)) else {
        return Err(error);
    };
    match KeptBlocklist::read(folder) {
        Ok(kept) => {
            let (error, restricted) = (format!("{error:#}"), kept.restricted.len());
            tracing::error!(error, restricted, "started without the database, and goes on trying");
            Ok((store, Some(kept)))
        }
        Err(why) => {
            Err(error.context(format!("no blocklist is kept in {}: {why}", folder.display())))
        }
    }
}

/// Whether a database that does not open may do so later, without anybody changing anything here.
fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<sqlx::Error>() || cause.is::<Elapsed>())
}

/// Migrates a database that was away at the start, once it is there.
async fn prepare_late(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("start", "the start");
    let prepared = async {
        let failed = |error| sqlx::Error::Io(io::Error::other(format!("{error:#}"))).into();
        while rounds.round(async { app.background.prepare().await.map_err(failed) }).await.is_none()
        {
            tokio::time::sleep(RETRY).await;
        }
        app.due_changed.notify_one();
    };
    stop.run_until_cancelled(prepared).await;
    stop.cancelled().await;
}

fn addresses(listeners: &[Listener]) -> Vec<ListenAddress> {
    listeners.iter().map(Listener::address).collect()
}

async fn bind(addresses: &[ListenAddress]) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(Listener::bind(address).await?);
    }
    Ok(listeners)
}
