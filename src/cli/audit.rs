//! `audit`: whether the audit log is whole.

use super::{open, print};
use crate::config::Config;
use crate::store::ChainEnd;
use anyhow::Context;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Checks the chain of hashes, and prints the last record's number and hash.
    Verify {
        /// A number and hash that an earlier run printed: proves that nothing up to there was
        /// replaced or cut off since.
        #[arg(long, value_name = "NUMBER:HASH", value_parser = known)]
        since: Option<ChainEnd>,
    },
}

fn known(text: &str) -> Result<ChainEnd, String> {
    let known = text.split_once(':').and_then(|(number, hash)| {
        let number = number.parse().ok().filter(|number| *number > 0)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| ChainEnd { number, hash: hash.to_ascii_lowercase() })
    });
    known.ok_or_else(|| "it takes a record's number, a colon and its 64 hex digits".into())
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    let Command::Verify { since } = command;
    let store = open(config).await?;
    let end = store.verify_audit(since.as_ref()).await.context("the audit log is not whole")?;
    store.close().await;
    print(&format!("{}:{}", end.number, end.hash));
    Ok(ExitCode::SUCCESS)
}
