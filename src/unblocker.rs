//! Ends restrictions when their time has come.

use crate::app::App;
use crate::health::Rounds;
use crate::store::Result;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long other writers of the same SQLite file get between two rounds; they look every
/// millisecond.
const BREATH: Duration = Duration::from_millis(4);

/// How long to wait before the database is asked again after it failed.
const RETRY: TimeDelta = TimeDelta::seconds(1);

/// Runs until `stop`: releases what is due, then sleeps until the next release or until somebody
/// changes what is due.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut trouble =
        Trouble { rounds: app.health.rounds("unblocker", "the unblocker"), told: false };
    while stop.run_until_cancelled(round(app, &mut trouble)).await.is_some() {}
}

/// What keeps the unblocker from its work.
struct Trouble {
    rounds: Rounds,
    /// Whether admins were told that releases fail although the database answers.
    told: bool,
}

async fn round(app: &App, trouble: &mut Trouble) {
    let failed_before = trouble.rounds.fails();
    let wake_at = loop {
        match trouble.rounds.round(release_some(app)).await {
            Some(Released::Some) => tokio::time::sleep(BREATH).await,
            Some(Released::AllBut(next)) => {
                trouble.told = false;
                break next;
            }
            None => {
                // A database that takes nothing at all takes no alert either.
                if failed_before && !trouble.told {
                    trouble.told = tell_that_releases_fail(app).await;
                }
                break Some(app.clock.now() + RETRY);
            }
        }
    };
    let due = async {
        match wake_at {
            Some(at) => app.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = due => {}
        () = app.due_changed.notified() => {}
    }
}

/// While the database is away nobody can be told; the alert that a release came late follows.
async fn tell_that_releases_fail(app: &App) -> bool {
    const REASON: &str = "The database answers, but does not take releases; the service's log has \
                          its words";
    let raised = app.background.raise_that_releases_fail(REASON, app.clock.now()).await;
    app.alerts_raised.notify_one();
    raised.is_ok()
}

/// Releases everything that is due and answers when the next release is.
pub async fn release_all_due(app: &App) -> Result<Option<DateTime<Utc>>> {
    loop {
        match release_some(app).await? {
            Released::Some => tokio::time::sleep(BREATH).await,
            Released::AllBut(next) => return Ok(next),
        }
    }
}

enum Released {
    Some,
    /// Nothing more is due until then.
    AllBut(Option<DateTime<Utc>>),
}

async fn release_some(app: &App) -> Result<Released> {
    let now = app.clock.now();
    let due = app.background.due(now).await?;
    if due.is_empty() {
        return Ok(Released::AllBut(app.background.next_release().await?));
    }
    let released = app.background.release(due, now).await?;
    for released in &released {
        let lateness = released.restriction.lateness().and_then(|late| late.to_std().ok());
        app.metrics.release_lateness.record(lateness.unwrap_or_default().as_secs_f64());
    }
    app.committed(&released);
    Ok(Released::Some)
}
