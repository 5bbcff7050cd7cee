//! `serve`: runs everything until a signal.

use super::{one_time_link, print};
use crate::clock::Clock;
use crate::config::Config;
use crate::secret::{SecretHash, random_secret};
use crate::service::Service;
use crate::telemetry;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// How long the link for the first operator is good.
const LINK_LASTS: TimeDelta = TimeDelta::hours(1);

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::log_to_stderr(config.log_format);
    for variable in &config.unknown_variables {
        tracing::warn!("{variable} is no setting of ours and is left alone");
    }
    // Listened for before anything starts, so that a signal during the start is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let service = Service::start(config, Clock::default()).await?;
    invite_first_operator(&service).await?;
    let told_to_stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    service.run_until(told_to_stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// While nobody can sign in, whoever sees the terminal may become the first operator.
async fn invite_first_operator(service: &Service) -> anyhow::Result<()> {
    let app = &service.app;
    if app.store.has_operators().await? {
        return Ok(());
    }
    let secret = random_secret();
    let hash = SecretHash::of(secret.expose_secret());
    app.store.link_for_first_operator(&hash, app.clock.now() + LINK_LASTS).await?;
    eprintln!(
        "Nobody can sign in yet. Within an hour, open this link to set up the first operator:"
    );
    print(&one_time_link(&app.public_url, secret.expose_secret()));
    Ok(())
}
