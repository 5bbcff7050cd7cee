//! Ends restrictions when their time has come.

use crate::app::App;
use crate::outage::Outage;
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
    let mut trouble = Trouble { outage: Outage::of("the unblocker"), told: false };
    while stop.run_until_cancelled(round(app, &mut trouble)).await.is_some() {}
}

/// What keeps the unblocker from its work.
struct Trouble {
    outage: Outage,
    /// Whether admins were told that releases fail although the database answers.
    told: bool,
}

async fn round(app: &App, trouble: &mut Trouble) {
    let wake_at = match release_all_due(app).await {
        Ok(next) => {
            trouble.outage.over();
            trouble.told = false;
            next
        }
        Err(error) => {
            trouble.outage.note(&error);
            if !error.is_outage() && !trouble.told {
                trouble.told = tell_that_releases_fail(app).await;
            }
            Some(app.clock.now() + RETRY)
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
    let raised = app.store.raise_that_releases_fail(REASON, app.clock.now()).await;
    app.alerts_raised.notify_one();
    raised.is_ok()
}

/// Releases everything that is due and answers when the next release is.
///
/// # Errors
/// When the database fails.
pub async fn release_all_due(app: &App) -> Result<Option<DateTime<Utc>>> {
    let mut now = app.clock.now();
    let mut due = app.store.due(now).await?;
    while !due.is_empty() {
        let released = app.store.release(due, now).await?;
        for released in &released {
            let lateness = released.restriction.lateness().and_then(|late| late.to_std().ok());
            app.metrics.release_lateness.record(lateness.unwrap_or_default().as_secs_f64());
        }
        app.committed(&released);
        now = app.clock.now();
        let (next, ()) = tokio::join!(app.store.due(now), tokio::time::sleep(BREATH));
        due = next?;
    }
    app.store.next_release().await
}
