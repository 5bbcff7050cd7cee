//! Tells everybody who follows what happens to restrictions. It reads each event once for all of
//! them.

use crate::app::App;
use crate::store::{Happened, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

/// Events that wait for a follower; one that is further behind reads the store.
const WAITING: usize = 256;
/// Events read at once.
const AT_ONCE: i64 = 200;
/// How long to wait before the database is asked again after it failed.
const RETRY: Duration = Duration::from_secs(1);

/// What those who follow are told.
#[derive(Debug, Clone)]
pub enum Told {
    Happened(Arc<Happened>),
    /// The database went back to an earlier state, and its events end with this number: some that
    /// were told never happened.
    Reset(i64),
}

/// What happens to restrictions, as it happens.
#[derive(Debug)]
pub struct Feed {
    sender: broadcast::Sender<Told>,
    /// The number of the last event that was told, or that nobody wanted to be told.
    told: Mutex<i64>,
    /// Rung when there may be more events.
    pub grown: Notify,
    /// Cancelled when nothing more will be told.
    pub over: CancellationToken,
}

impl Feed {
    /// A feed that goes on behind event number `told`.
    pub fn behind(told: i64) -> Self {
        Self {
            sender: broadcast::Sender::new(WAITING),
            told: Mutex::new(told),
            grown: Notify::new(),
            over: CancellationToken::new(),
        }
    }

    /// Everything that is committed from now on.
    pub fn follow(&self) -> broadcast::Receiver<Told> {
        // Under the lock, so that nothing is skipped for want of followers that this one wants.
        let _told = self.told();
        self.sender.subscribe()
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        self.sender.receiver_count()
    }

    fn told(&self) -> std::sync::MutexGuard<'_, i64> {
        // No code that holds the lock can panic half-way.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Behind which event to go on; what nobody follows is skipped unread.
    fn next(&self, last: i64) -> Option<i64> {
        let mut told = self.told();
        if self.sender.receiver_count() == 0 {
            *told = last;
            return None;
        }
        Some(*told)
    }

    fn tell(&self, happened: Happened) {
        *self.told() = happened.number;
        // Nobody may be left.
        let _ = self.sender.send(Told::Happened(Arc::new(happened)));
    }

    /// The database went back to an earlier state, whose events end with number `last`.
    pub fn start_over(&self, last: i64) {
        *self.told() = last;
        // Nobody may be left.
        let _ = self.sender.send(Told::Reset(last));
    }
}

/// Runs until `stop`, and then ends what follows.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("feed", "the change feed");
    let telling = async {
        loop {
            app.feed.grown.notified().await;
            while rounds.round(tell_all(app)).await.is_none() {
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    stop.run_until_cancelled(telling).await;
    app.feed.over.cancel();
}

async fn tell_all(app: &App) -> Result<()> {
    while let Some(after) = app.feed.next(app.blocklist.followed()) {
        let events = app.background.events_after(after, AT_ONCE).await?;
        if events.is_empty() {
            return Ok(());
        }
        for happened in events {
            app.feed.tell(happened);
        }
    }
    Ok(())
}
