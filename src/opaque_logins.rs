//! Warns of logins that are no address: nobody would look for them.

use crate::model::address::Address;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Between two warnings of one login.
const PAUSE: TimeDelta = TimeDelta::hours(1);
/// Logins warned of in an hour; against a mail server that lets anything in.
const MOST: usize = 1_000;

/// Which were warned of, and when.
#[derive(Debug, Default)]
pub struct OpaqueLogins(Mutex<HashMap<Address, DateTime<Utc>>>);

impl OpaqueLogins {
    /// Warns of a login, at most once an hour.
    pub fn seen(&self, sender: &Address, now: DateTime<Utc>) {
        if self.is_due(sender, now) {
            tracing::warn!(%sender, "a login that is no mail address is counted under this name");
        }
    }

    fn is_due(&self, sender: &Address, now: DateTime<Utc>) -> bool {
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(sender).is_some_and(|at| now - at < PAUSE) {
            return false;
        }
        if warned.len() >= MOST {
            warned.retain(|_, at| now - *at < PAUSE);
        }
        warned.len() < MOST && warned.insert(sender.clone(), now).is_none_or(|at| now - at >= PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_due_once_an_hour_and_a_thousand_in_all() {
        let (logins, start) = (OpaqueLogins::default(), DateTime::UNIX_EPOCH);
        let name = |number: usize| Address::opaque(&format!("{number}@"));
        let due = |minutes| logins.is_due(&name(0), start + TimeDelta::minutes(minutes));
        assert_eq!([0, 1, 59, 60, 61].map(due), [true, false, false, true, false]);
        let later = start + TimeDelta::hours(3);
        let all = (0..2 * MOST).filter(|number| logins.is_due(&name(*number), later));
        assert_eq!(all.count(), MOST);
    }
}
