//! `export`: the active restrictions on standard output.

use super::open;
use crate::blocked_senders::Format;
use crate::config::Config;
use crate::export::export;
use std::io::{BufWriter, stdout};
use std::process::ExitCode;

pub(super) async fn run(format: Format, config: &Config) -> anyhow::Result<ExitCode> {
    let store = open(config).await?;
    export(&store, format, BufWriter::new(stdout())).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
