//! The two rounds: from alerts to deliveries, and from deliveries to those concerned.

use super::Undelivered;
use crate::app::App;
use crate::store::{Channel, Claimed, Result};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

/// So long after it was written a delivery is given up: who reads it then has learnt of it otherwise.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::hours(24);
/// After a first failed attempt; each further one waits twice as long.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(15);
/// The longest wait: so long after a server is back, everything has arrived.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// How much shorter or longer a wait is, so that not everything comes at one moment to a server that
/// has just come back.
const JITTER_PERCENT: i32 = 20;

/// Writes the notices that are due, and answers when the next one is.
///
/// # Errors
/// When the database fails; what was not written stays due.
pub async fn gather_due(app: &App) -> Result<Option<DateTime<Utc>>> {
    let (courier, now) = (&app.courier, app.clock.now());
    if app.config.alerts.weekly_digest {
        app.background.write_digest(&courier.audience, now).await?;
    }
    let next = app.background.gather(&courier.audience, now).await?;
    courier.ring();
    Ok(next)
}

/// Tries everything that is due on a channel, and answers when the next attempt is.
///
/// # Errors
/// When the database fails; what was sent and could not be marked is sent once more.
pub async fn deliver_due(app: &App, channel: Channel) -> Result<Option<DateTime<Utc>>> {
    while deliver_some(app, channel).await? {}
    next_delivery(app, channel).await
}

/// Tries some of what is due on a channel, and answers whether there may be more.
pub(super) async fn deliver_some(app: &App, channel: Channel) -> Result<bool> {
    let claimed = app.background.claim(channel, app.clock.now()).await?;
    let attempts = claimed.iter().map(|claimed| attempt(app, channel, claimed));
    join_all(attempts).await.into_iter().collect::<Result<()>>()?;
    Ok(!claimed.is_empty())
}

/// When the next attempt on a channel is due.
pub(super) async fn next_delivery(app: &App, channel: Channel) -> Result<Option<DateTime<Utc>>> {
    app.background.next_delivery(channel).await
}

async fn attempt(app: &App, channel: Channel, claimed: &Claimed) -> Result<()> {
    let sent = match channel {
        Channel::Mail => match &app.courier.mailer {
            Some(mailer) => mailer.send(claimed).await,
            None => Err(Undelivered("smtp_url is not set any more".into())),
        },
        Channel::Webhook => app.courier.webhooks.send(claimed, app.clock.now()).await,
    };
    match sent {
        Ok(()) => app.background.delivered(claimed, app.clock.now()).await,
        Err(problem) => failed(app, channel, claimed, &problem).await,
    }
}

/// Even a refusal for good is tried again: a relay that does not let us in is more often set up
/// wrongly than meant so, and somebody is about to mend it.
async fn failed(
    app: &App,
    channel: Channel,
    claimed: &Claimed,
    problem: &Undelivered,
) -> Result<()> {
    let now = app.clock.now();
    let next = now + wait_after(claimed.attempt);
    let next = Some(next).filter(|next| *next < claimed.created_at + GIVEN_UP_AFTER);
    app.courier.metrics.failed(channel);
    tracing::warn!(
        channel = channel.name(),
        attempt = claimed.attempt,
        given_up = next.is_none(),
        problem = %problem.0.escape_debug(),
        "an alert could not be delivered"
    );
    app.background.failed(claimed, &problem.0, next, now).await
}

fn wait_after(attempt: i64) -> TimeDelta {
    let doublings = u32::try_from(attempt - 1).unwrap_or_default().min(10);
    let wait = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
    wait * (100 + jitter()) / 100
}

fn jitter() -> i32 {
    let random = getrandom::u32().unwrap_or_default() % (2 * JITTER_PERCENT.unsigned_abs() + 1);
    i32::try_from(random).unwrap_or_default() - JITTER_PERCENT
}
