//! Remembers when tokens were used, and from where, until it is in the store: a request shall not
//! wait for a write, and a database that is busy shall not keep a mail server waiting.

use crate::secret::SecretHash;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// When a token was used, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUse {
    pub at: DateTime<Utc>,
    /// From where.
    pub from: Option<IpAddr>,
}

/// The latest use of each token that is not in the store yet.
#[derive(Debug, Default)]
pub struct TokenUses(Mutex<HashMap<SecretHash, TokenUse>>);

impl TokenUses {
    /// Notes a use.
    pub fn note(&self, token: SecretHash, it: TokenUse) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token, it);
    }

    /// Hands over what was noted.
    pub fn take(&self) -> HashMap<SecretHash, TokenUse> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
