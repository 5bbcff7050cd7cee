//! `serve`: runs everything until a signal.

use super::print;
use crate::config::Config;
use crate::model::clock::Clock;
use crate::one_time_link::OneTimeLink;
use crate::open_files;
use crate::private_file::is_open_to_others;
use crate::service::Service;
use crate::service_manager;
use crate::telemetry;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    log(&config);
    open_files::raise_limit();
    // Listened for before anything starts, so that a signal during the start is not lost.
    let mut signals = Signals::listen()?;
    let service = Service::start(config, Clock::default()).await?;
    // Mail servers are answered already, also where the database has gone since.
    if let Err(error) = invite_first_operator(&service).await {
        let error = format!("{error:#}");
        tracing::error!(%error, "cannot see whether anybody can sign in; the next start looks again");
    }
    service_manager::ready();
    let alive = tokio::spawn(service_manager::keep_alive(service.app.health.clone()));
    let told_to_stop = async {
        signals.told_to_stop().await;
        service_manager::stopping();
    };
    let stopped = service.run_until(told_to_stop).await;
    alive.abort();
    stopped?;
    Ok(ExitCode::SUCCESS)
}

/// Begins the log, and tells of what looks like a setting, and of settings that everybody can read.
pub(super) fn log(config: &Config) {
    telemetry::log_to_stderr(config.log_format);
    for variable in &config.unknown_variables {
        tracing::warn!("{variable} is no setting of ours and is left alone");
    }
    if let Some(file) = config.file_with_secrets.as_deref().filter(|it| is_open_to_others(it)) {
        let file = file.display();
        tracing::warn!(%file, "everybody on this machine can read the settings, which hold secrets");
    }
}

/// What tells this process to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on none is lost.
    pub(super) fn listen() -> std::io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    /// Waits for one.
    pub(super) async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        tracing::info!("stopping");
    }
}

/// While nobody can sign in, whoever sees the terminal may become the first operator.
async fn invite_first_operator(service: &Service) -> anyhow::Result<()> {
    let app = &service.app;
    // Without its database the service was set up before.
    if app.meter.is_away() || app.store.has_operators().await? {
        return Ok(());
    }
    let link = OneTimeLink::lasting(OneTimeLink::FIRST_LASTS, app.clock.now());
    let (hash, expires_at) = link.stored();
    app.store.link_for_first_operator(hash, expires_at).await?;
    eprintln!(
        "Nobody can sign in yet. Within an hour, open this link to set up the first operator:"
    );
    print(&link.url(&app.public_url));
    Ok(())
}
