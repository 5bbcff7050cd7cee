//! `demo`: `serve` on a throw-away database with a sample organisation.

use super::{print, serve};
use crate::config::Config;
use crate::demo;
use crate::model::clock::Clock;
use crate::one_time_link::OneTimeLink;
use crate::open_files;
use crate::service::Service;
use anyhow::Context;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    serve::log(&config);
    open_files::raise_limit();
    let mut signals = serve::Signals::listen()?;
    // Gone with everything in it when this ends.
    let folder = tempfile::Builder::new()
        .prefix("restricted-users-demo-")
        .tempdir()
        .context("cannot make a folder for the demo's database")?;
    let mut config = demo::config(config, folder.path());
    if is_taken(config.listen).await {
        config.listen.set_port(0);
        config.public_url = None;
    }
    let clock = Clock::default();
    demo::write_history(&config, clock.now()).await?;
    let link = OneTimeLink::lasting(OneTimeLink::LASTS, clock.now());
    demo::add_operator(&config, &link, clock.now()).await?;
    let service = Service::start(config, clock).await?;
    eprintln!("A demo: its names and its mail are invented, and everything is gone when it ends.");
    eprintln!("Open this link, set any password, and see who is restricted within a minute:");
    print(&link.url(&service.app.public_url));
    let mail = demo::mail(service.app.clone(), service.policy.clone());
    let served = service.run_until(async {
        tokio::select! {
            () = signals.told_to_stop() => {}
            () = mail => {}
        }
    });
    served.await?;
    Ok(ExitCode::SUCCESS)
}

/// Whether another program listens there, such as a real `serve`.
async fn is_taken(address: SocketAddr) -> bool {
    let bound = TcpListener::bind(address).await;
    bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}
