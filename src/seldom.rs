//! Keeps what clients do wrong from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two log lines of one kind; against a client that does the same wrong thing all the time.
const PAUSE: Duration = Duration::from_secs(10);

/// Says when one kind of log line is due again. The metrics count what goes unsaid.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether to log `now`.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_its_kind_is_due_and_then_one_every_ten_seconds() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let due =
            [0, 1, 9, 10, 19, 20].map(|after| seldom.is_due(start + Duration::from_secs(after)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
