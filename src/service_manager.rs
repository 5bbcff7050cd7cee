//! What the service manager is told (`sd_notify(3)`); nothing where none started us.

use crate::health::Health;
use sd_notify::{NotifyState, notify, watchdog_enabled};

/// Everything listens.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// The parts are about to stop.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Tells that we live, twice in each time that the manager gives us, for as long as every part
/// runs. A process that hangs does not get here, and is started anew.
pub async fn keep_alive(health: Health) {
    let Some(patience) = watchdog_enabled() else { return };
    loop {
        if health.all_run() {
            tell(NotifyState::Watchdog);
        }
        tokio::time::sleep(patience / 2).await;
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "cannot tell the service manager how we are");
    }
}
