//! `import`: restrictions from an export of `Get-BlockedSenderAddress`.

use super::{open, print};
use crate::blocked_senders::{BadRow, Row, read};
use crate::config::Config;
use crate::model::clock::Clock;
use crate::model::operator::Actor;
use crate::model::organization::Organization;
use crate::model::reason::Cause;
use crate::model::reason::Reason;
use crate::store::{ImportRow, ImportTally, Store};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;

/// Rows of one transaction beside others who use the database: few enough that a running server's
/// writes wait well below 100 ms.
const CHUNK: usize = 500;

/// Rows that are read ahead and put into the order of their addresses. Neighbours in a chunk then
/// change the same pages of the database; rows in no order change a page each in every index. Alone
/// with the database, these are one transaction: even the index by time is then written but once
/// for many rows.
const SORTED_AT_ONCE: usize = 100_000;

/// So many new rows change which way to find some is the fastest.
const MANY: usize = 10_000;

/// After so many rows, and at ten times as many, the database learns of them: without statistics
/// Postgres reads the whole table to look for the rows of the next chunk.
const FIRST_SETTLED: usize = 1_000;

/// The pause between two chunks, in which another process takes its turn at the file.
const BREATH: Duration = Duration::from_millis(3);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// CSV as Export-Csv writes it or JSON as ConvertTo-Json writes it; - for standard input.
    file: PathBuf,
}

pub(super) async fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let path = &arguments.file;
    let (reader, bar) = source(path).with_context(|| format!("cannot read {}", path.display()))?;
    let store = open(config).await?;
    store.expect_many().await?;
    let mut batches = batches(bar.wrap_read(reader), config.organization.clone());
    let file = path.display().to_string();
    let mut import =
        Import { store, file, began: false, tally: ImportTally::default(), bad: 0, settled: 0 };
    while let Some(batch) = batches.recv().await {
        import.take_in(batch, &bar).await?;
    }
    bar.finish_and_clear();
    import.finish().await
}

/// The file, and a bar that goes along with it on a terminal.
fn source(path: &Path) -> std::io::Result<(Box<dyn Read + Send>, ProgressBar)> {
    if path == Path::new("-") {
        return Ok((Box::new(stdin()), ProgressBar::new_spinner()));
    }
    let file = File::open(path)?;
    let bar = ProgressBar::new(file.metadata()?.len());
    let style = ProgressStyle::with_template("{bar:40} {percent} % {msg} {eta} left");
    Ok((Box::new(BufReader::new(file)), bar.with_style(style.expect("the template is good"))))
}

/// Rows in the order of their addresses, those of one address in the order of the file.
#[derive(Default)]
struct Batch {
    rows: Vec<ImportRow>,
    bad: Vec<BadRow>,
}

/// Reads on a thread of its own, at most one batch ahead.
fn batches(
    reader: impl Read + Send + 'static,
    organization: Organization,
) -> mpsc::Receiver<Batch> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let mut rows = read(reader, &organization).peekable();
        while rows.peek().is_some() {
            let batch = Batch::of(rows.by_ref().take(SORTED_AT_ONCE));
            if sender.blocking_send(batch).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Batch {
    fn of(rows: impl Iterator<Item = Result<Row, BadRow>>) -> Self {
        let mut batch = Self::default();
        for row in rows {
            match row {
                Ok(row) => batch.rows.push(import_row(row)),
                Err(bad) => batch.bad.push(bad),
            }
        }
        batch.rows.sort_by(|a, b| a.address.as_str().cmp(b.address.as_str()));
        batch
    }
}

struct Import {
    store: Store,
    file: String,
    /// Whether the audit log says that it began.
    began: bool,
    tally: ImportTally,
    bad: usize,
    /// How many rows the database has learned of.
    settled: usize,
}

impl Import {
    async fn take_in(&mut self, batch: Batch, bar: &ProgressBar) -> anyhow::Result<()> {
        for bad in batch.bad {
            self.bad += 1;
            bar.suspend(|| eprintln!("{bad}"));
        }
        let mut rows = &batch.rows[..];
        if !self.began && !rows.is_empty() {
            // First of all: who is restricted by an import that is killed is not without a record.
            let (now, actor) = (Clock::default().now(), Actor::command_line());
            self.store.record_import_began(&self.file, &actor, now).await?;
            self.began = true;
        }
        while !rows.is_empty() {
            let alone = self.store.alone();
            let at_once = if alone.is_some() { rows.len() } else { CHUNK.min(rows.len()) };
            let (chunk, later) = rows.split_at(at_once);
            let tally = self.store.import(chunk, Clock::default().now()).await?;
            self.tally.imported += tally.imported;
            self.tally.skipped += tally.skipped;
            bar.set_message(format!("{} imported,", self.tally.imported));
            rows = later;
            drop(alone);
            if self.tally.imported >= FIRST_SETTLED.max(self.settled * 10) {
                self.settle().await?;
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }

    async fn settle(&mut self) -> anyhow::Result<()> {
        self.settled = self.tally.imported;
        Ok(self.store.settle().await?)
    }

    async fn finish(mut self) -> anyhow::Result<ExitCode> {
        let (now, actor) = (Clock::default().now(), Actor::command_line());
        self.store.record_import(&self.file, self.tally, self.bad, &actor, now).await?;
        if self.tally.imported >= MANY.max(self.settled + 1) {
            self.settle().await?;
        }
        self.store.close().await;
        let ImportTally { imported, skipped } = self.tally;
        print(&format!("{imported} imported, {skipped} skipped, {} bad", self.bad));
        Ok(if self.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn import_row(row: Row) -> ImportRow {
    let sender = row.sender;
    ImportRow {
        address: sender.sender_address,
        cause: sender.reason.as_ref().and_then(Reason::cause).unwrap_or(Cause::Imported),
        reason: sender.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        created: sender.created,
        changed: sender.changed,
        temporary: sender.temporary,
    }
}
