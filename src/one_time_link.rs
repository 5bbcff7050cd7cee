//! One-time links: how somebody gets to set a password that nobody else ever knew.

use crate::secret::{SecretHash, random_secret};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

/// A link that was just made; the store knows it by its hash alone.
#[derive(Debug)]
pub struct OneTimeLink {
    secret: SecretString,
    hash: SecretHash,
    pub expires_at: DateTime<Utc>,
}

impl OneTimeLink {
    /// How long a link for an operator is good.
    pub const LASTS: TimeDelta = TimeDelta::hours(24);
    /// How long the link for the first operator is good, which is made at every start.
    pub const FIRST_LASTS: TimeDelta = TimeDelta::hours(1);

    /// A new one that is good from `now` on for so long.
    pub fn lasting(time: TimeDelta, now: DateTime<Utc>) -> Self {
        let secret = random_secret();
        let hash = SecretHash::of(secret.expose_secret());
        Self { secret, hash, expires_at: now + time }
    }

    /// What the store keeps.
    pub fn stored(&self) -> (&SecretHash, DateTime<Utc>) {
        (&self.hash, self.expires_at)
    }

    /// The link itself. The secret stands behind the `#`, where no request line and no log shows
    /// it.
    pub fn url(&self, public_url: &str) -> String {
        format!("{public_url}/#/welcome/{}", self.secret.expose_secret())
    }
}
