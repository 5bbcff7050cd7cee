//! Remembers which tokens were good of late, so that a script that asks without pause costs no
//! look-up each time, and a filter that tells of spam only once is taken in while the database is
//! away.

use crate::model::operator::RoleGroup;
use crate::secret::SecretHash;
use crate::store::KnownToken;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For so long after a token was found it is not looked up again, so that one that is revoked by
/// another process is good for no longer.
const FRESH: TimeDelta = TimeDelta::seconds(1);
/// For so long after a token was last found in the database it is believed while that is away; a
/// token that is revoked elsewhere is good for no longer.
const BELIEVED: TimeDelta = TimeDelta::hours(1);
/// Tokens remembered; against an installation that makes new ones without end.
const MOST: usize = 1_000;

/// A token as it was found last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    pub name: String,
    pub role_group: RoleGroup,
    expires_at: Option<DateTime<Utc>>,
    found_at: DateTime<Utc>,
}

/// The tokens that were good of late.
#[derive(Debug, Default)]
pub struct TokenMemory(Mutex<HashMap<SecretHash, Remembered>>);

impl TokenMemory {
    /// The database has this token.
    pub fn found(&self, secret: &SecretHash, token: &KnownToken, now: DateTime<Utc>) {
        let mut memory = self.locked();
        if memory.len() >= MOST {
            memory.retain(|_, token| token.is_good(now));
        }
        if memory.len() < MOST || memory.contains_key(secret) {
            let (name, role_group) = (token.name.clone(), token.role_group);
            let expires_at = token.expires_at;
            memory
                .insert(secret.clone(), Remembered { name, role_group, expires_at, found_at: now });
        }
    }

    /// The token of this name was revoked.
    pub fn revoked(&self, name: &str) {
        self.locked().retain(|_, token| token.name != name);
    }

    /// What is remembered may never have been.
    pub fn forget(&self) {
        self.locked().clear();
    }

    /// The database does not have this token.
    pub fn missed(&self, secret: &SecretHash) {
        self.locked().remove(secret);
    }

    /// The token, where it was found within the last second and has not expired.
    pub fn fresh(&self, secret: &SecretHash, now: DateTime<Utc>) -> Option<Remembered> {
        // A clock that was put back makes nothing fresh.
        let is_fresh =
            |token: &Remembered| (TimeDelta::zero()..FRESH).contains(&(now - token.found_at));
        self.get(secret, now).filter(is_fresh)
    }

    /// The token, where it was good within the last hour and has not expired.
    pub fn get(&self, secret: &SecretHash, now: DateTime<Utc>) -> Option<Remembered> {
        self.locked().get(secret).filter(|token| token.is_good(now)).cloned()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<SecretHash, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        now - self.found_at <= BELIEVED && self.expires_at.is_none_or(|at| now < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(created_at: DateTime<Utc>, expires_at: Option<DateTime<Utc>>) -> KnownToken {
        KnownToken {
            name: "rspamd".into(),
            role_group: RoleGroup::MailServer,
            created_at,
            expires_at,
            last_used_at: None,
            last_used_from: None,
        }
    }

    #[test]
    fn a_token_is_believed_for_an_hour_until_it_expires_or_is_missed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |minutes| now + TimeDelta::minutes(minutes);
        let token = |expires_at| token(now, expires_at);
        let (memory, secret) = (TokenMemory::default(), SecretHash::of("a"));
        assert_eq!(memory.get(&secret, now), None);
        memory.found(&secret, &token(None), now);
        assert!(memory.get(&secret, after(60)).is_some());
        assert_eq!(memory.get(&secret, after(61)), None);
        memory.found(&secret, &token(Some(after(30))), now);
        assert!(memory.get(&secret, after(29)).is_some());
        assert_eq!(memory.get(&secret, after(30)), None);
        memory.missed(&secret);
        assert_eq!(memory.get(&secret, now), None);
    }

    #[test]
    fn a_token_is_fresh_for_a_second_until_it_expires_or_is_revoked() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |milliseconds| now + TimeDelta::milliseconds(milliseconds);
        let (memory, secret) = (TokenMemory::default(), SecretHash::of("a"));
        assert_eq!(memory.fresh(&secret, now), None);
        memory.found(&secret, &token(now, None), now);
        for (at, is_fresh) in [(0, true), (999, true), (1_000, false), (-1, false)] {
            assert_eq!(memory.fresh(&secret, after(at)).is_some(), is_fresh, "{at} ms");
        }
        memory.found(&secret, &token(now, Some(after(500))), now);
        assert_eq!(memory.fresh(&secret, after(500)), None);
        memory.revoked("another");
        assert!(memory.fresh(&secret, now).is_some());
        memory.revoked("rspamd");
        assert_eq!(memory.get(&secret, now), None);
    }
}
