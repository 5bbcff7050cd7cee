//! How many requests a minute a token may send, over all replicas together.

use crate::secret::SecretHash;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The window that requests are counted in. Windows are fixed, so that at their border twice as many
/// can pass.
const WINDOW: TimeDelta = TimeDelta::minutes(1);

/// What a token has left of the current minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that are left, this one taken off.
    pub left: u32,
    /// Whether this request is one too many.
    pub is_used_up: bool,
    /// Whole seconds until the next minute, at least one.
    pub seconds_left: i64,
}

impl Allowance {
    /// What is left when the `used`th request of the minute comes at `now`.
    pub fn after(used: i64, limit: u32, now: DateTime<Utc>) -> Self {
        let milliseconds = (minute(now) + WINDOW - now).num_milliseconds();
        Self {
            limit,
            left: u32::try_from((i64::from(limit) - used).max(0)).unwrap_or_default(),
            is_used_up: used > i64::from(limit),
            seconds_left: (milliseconds + 999) / 1_000,
        }
    }
}

/// The minute that `now` is in.
///
/// # Panics
/// Never: times of this epoch have minutes.
pub fn minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(WINDOW).expect("times of this epoch have minutes")
}

/// Tokens that have used up the current minute: whoever goes on all the same, as a script without a
/// pause does, no longer reaches the database. There are no more than there are tokens.
#[derive(Debug, Default)]
pub struct UsedUp(Mutex<(DateTime<Utc>, HashSet<SecretHash>)>);

impl UsedUp {
    /// Notes that a token has nothing left of the minute of `now`.
    pub fn note(&self, token: SecretHash, now: DateTime<Utc>) {
        let mut used_up = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used_up.0 != minute(now) {
            *used_up = (minute(now), HashSet::new());
        }
        used_up.1.insert(token);
    }

    /// Whether a token has nothing left.
    pub fn contains(&self, token: &SecretHash, now: DateTime<Utc>) -> bool {
        let used_up = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used_up.0 == minute(now) && used_up.1.contains(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_of_a_minute_leaves_none_and_the_next_is_one_too_many() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:59.5Z").unwrap().to_utc();
        let allowance =
            |left, is_used_up| Allowance { limit: 3, left, is_used_up, seconds_left: 1 };
        assert_eq!(Allowance::after(1, 3, now), allowance(2, false));
        assert_eq!(Allowance::after(3, 3, now), allowance(0, false));
        assert_eq!(Allowance::after(4, 3, now), allowance(0, true));
        assert_eq!(Allowance::after(1, 3, minute(now)).seconds_left, 60);
    }

    #[test]
    fn a_token_is_used_up_until_its_minute_is_over() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:30Z").unwrap().to_utc();
        let (used_up, token) = (UsedUp::default(), SecretHash::of("t"));
        assert!(!used_up.contains(&token, now));
        used_up.note(token.clone(), now);
        assert!(used_up.contains(&token, now + TimeDelta::seconds(29)));
        assert!(!used_up.contains(&token, now + TimeDelta::seconds(30)));
        assert!(!used_up.contains(&SecretHash::of("u"), now));
    }
}
