//! Remembers which tokens were good of late, so that a filter that tells of spam only once is taken
//! in while the database is away.

use crate::operator::RoleGroup;
use crate::secret::SecretHash;
use crate::store::KnownToken;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For so long after a token was last found in the database it is believed without; a token that is
/// revoked elsewhere is good for no longer.
const BELIEVED: TimeDelta = TimeDelta::hours(1);
/// Tokens remembered; against an installation that makes new ones without end.
const MOST: usize = 1_000;

/// A token as it was found last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Its name.
    pub name: String,
    /// What it may do.
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

    /// The database does not have this token.
    pub fn missed(&self, secret: &SecretHash) {
        self.locked().remove(secret);
    }

    /// The token, where it was good within the last hour and has not expired.
    #[must_use]
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

    #[test]
    fn a_token_is_believed_for_an_hour_until_it_expires_or_is_missed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |minutes| now + TimeDelta::minutes(minutes);
        let token = |expires_at| KnownToken {
            name: "rspamd".into(),
            role_group: RoleGroup::MailServer,
            created_at: now,
            expires_at,
            last_used_at: None,
            last_used_from: None,
        };
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
}
