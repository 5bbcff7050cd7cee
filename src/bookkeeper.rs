//! Writes down, each second, what is counted: refused recipients, that a mail server asked, wrong
//! passwords, and the use of tokens.

use crate::app::App;
use crate::rate_limit::minute;
use crate::store::{MAIL_SERVER_ASKED, Result};
use chrono::{DateTime, Utc};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the counts are written; a kill loses at most those of so long, which no decision
/// depends on.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`, then writes what is left.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("bookkeeper", "the count of refused recipients");
    let mut done = Done::default();
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some();
        rounds.round(write(app, &mut done)).await;
        if !goes_on {
            return;
        }
    }
}

/// What is not done each second.
#[derive(Default)]
struct Done {
    asked: bool,
    /// Old attempts were forgotten in this minute.
    forgot: Option<DateTime<Utc>>,
}

/// What cannot be written does not keep the rest from it.
async fn write(app: &App, done: &mut Done) -> Result<()> {
    let milestone = note_that_a_mail_server_asked(app, &mut done.asked).await;
    let failures = write_sign_in_failures(app).await;
    let attempts = forget_old_attempts(app, &mut done.forgot).await;
    let uses = write_token_uses(app).await;
    write_refusals(app).await.and(uses).and(attempts).and(failures).and(milestone)
}

async fn note_that_a_mail_server_asked(app: &App, noted: &mut bool) -> Result<()> {
    if !*noted && app.decider.was_asked() {
        app.background.reach_milestone(MAIL_SERVER_ASKED, app.clock.now()).await?;
        *noted = true;
    }
    Ok(())
}

/// Writes how many attempts to sign in were refused, and what failed in a minute that is over.
///
/// # Errors
/// When the database fails; then it stays counted.
pub async fn write_sign_in_failures(app: &App) -> Result<()> {
    let refused = app.refused_attempts.swap(0, Ordering::Relaxed);
    if refused > 0 {
        let written = app.background.note_refused(refused, app.clock.now()).await;
        if written.is_err() {
            app.refused_attempts.fetch_add(refused, Ordering::Relaxed);
        }
        written?;
    }
    app.background.audit_failures(app.clock.now()).await.map(drop)
}

async fn forget_old_attempts(app: &App, forgot: &mut Option<DateTime<Utc>>) -> Result<()> {
    let now = app.clock.now();
    if *forgot != Some(minute(now)) {
        app.background.forget_old_attempts(now).await?;
        *forgot = Some(minute(now));
    }
    Ok(())
}

/// Writes when tokens were used last. What cannot be written is forgotten: it is noted again at
/// the token's next use.
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
