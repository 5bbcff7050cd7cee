//! Writes down, each second, what is counted: refused recipients, that a mail server asked, wrong
//! passwords, and the use of tokens.

use crate::app::App;
use crate::store::{MAIL_SERVER_ASKED, Result};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the counts are written; a kill loses at most those of so long, which no decision
/// depends on.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`, then writes what is left.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("bookkeeper", "the count of refused recipients");
    let mut told = false;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some();
        rounds.round(write(app, &mut told)).await;
        if !goes_on {
            return;
        }
    }
}

/// What cannot be written does not keep the rest from it.
async fn write(app: &App, told: &mut bool) -> Result<()> {
    let milestone = note_that_a_mail_server_asked(app, told).await;
    let failures = app.background.audit_failures(app.clock.now()).await;
    let uses = write_token_uses(app).await;
    write_refusals(app).await.and(uses).and(failures).and(milestone)
}

async fn note_that_a_mail_server_asked(app: &App, told: &mut bool) -> Result<()> {
    if !*told && app.decider.was_asked() {
        app.background.reach_milestone(MAIL_SERVER_ASKED, app.clock.now()).await?;
        *told = true;
    }
    Ok(())
}

/// Writes when tokens were used last. What cannot be written is forgotten: it is noted again at
/// the token's next use.
///
/// # Errors
/// When the database fails.
pub async fn write_token_uses(app: &App) -> Result<()> {
    let uses = app.token_uses.take();
    if uses.is_empty() { Ok(()) } else { app.background.note_token_uses(&uses).await }
}

/// Writes the refused recipients counted so far.
///
/// # Errors
/// When the database fails; then they stay counted.
pub async fn write_refusals(app: &App) -> Result<()> {
    let counts = app.decider.refusals.take();
    if counts.is_empty() {
        return Ok(());
    }
    let written = app.background.add_refusals(&counts).await;
    if written.is_err() {
        app.decider.refusals.put_back(counts);
    }
    written
}
