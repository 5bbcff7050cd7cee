//! Which senders are at warning level: half of a spam rule, rounded up.

use crate::app::App;
use crate::model::address::Address;
use crate::store::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a lookup waits for the database. All mail of Postfix passes its trivial-rewrite, which
/// waits for us and does nothing else meanwhile.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// For how long nobody asks a database that did not answer; against one such wait for every
/// recipient of every message.
const PAUSE: Duration = Duration::from_secs(5);

/// Asks the database, but never long, and not at once again in vain.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Option<Instant>>);

impl Watch {
    /// Whether `sender` is at warning level; nothing where the database cannot tell.
    pub(super) async fn is_at_warning_level(&self, app: &App, sender: &Address) -> Option<bool> {
        let away_since = *self.away_since();
        if away_since.is_some_and(|since| since.elapsed() < PAUSE) {
            return None;
        }
        let answer = timeout(LONGEST_WAIT, is_at_warning_level(app, sender)).await;
        let answer = answer.ok().and_then(Result::ok);
        match (away_since, answer) {
            (None, None) => {
                tracing::warn!("the database cannot tell in time who is at warning level");
            }
            (Some(_), Some(_)) => {
                tracing::info!("the database tells again who is at warning level");
            }
            _ => {}
        }
        *self.away_since() = answer.is_none().then(Instant::now);
        answer
    }

    fn away_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A policy in shadow does nothing to its senders.
async fn is_at_warning_level(app: &App, sender: &Address) -> Result<bool> {
    let standing = app.store.standing(sender, app.clock.now()).await?;
    Ok(!standing.policy.shadow && standing.judgement().warning)
}
