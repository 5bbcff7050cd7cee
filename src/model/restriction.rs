//! A restriction and its states; what may be unblocked, and when that takes effect.

use crate::model::address::Address;
use crate::model::reason::{Cause, Reason};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The state "may not send outside the organisation" of one sender, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// Its id (UUID version 7).
    pub id: Uuid,
    pub address: Address,
    pub cause: Cause,
    /// Why, in Exchange's grammar or as somebody typed it.
    pub reason: String,
    /// Whether it is a day block, which ends by itself at `ends_at`.
    pub temporary: bool,
    /// When a day block ends: the first UTC midnight after `restricted_at`.
    pub ends_at: Option<DateTime<Utc>>,
    pub restricted_at: DateTime<Utc>,
    /// By whom; nobody when it was imported.
    pub restricted_by: Option<String>,
    pub changed_at: DateTime<Utc>,
    pub released_at: Option<DateTime<Utc>>,
    /// The unblock that is pending, or that ended it.
    pub unblock: Option<Unblock>,
}

/// An operator's decision to end a restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unblock {
    /// Who decided.
    pub requested_by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// From when on mail may flow again.
    pub takes_effect_at: DateTime<Utc>,
    /// What the operator wrote about it.
    pub comment: Option<String>,
}

/// Where a restriction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Mail is refused.
    Restricted,
    /// An unblock is pending; mail is still refused.
    Unblocking,
    /// It has ended.
    Released,
}

impl State {
    /// The state in one word, as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Unblocking => "unblocking",
            Self::Released => "released",
        }
    }
}

impl Restriction {
    /// Where it stands.
    pub fn state(&self) -> State {
        match (&self.released_at, &self.unblock) {
            (Some(_), _) => State::Released,
            (None, Some(_)) => State::Unblocking,
            (None, None) => State::Restricted,
        }
    }

    /// How long after it was due its release came; nothing where it has not ended.
    pub fn lateness(&self) -> Option<TimeDelta> {
        let due = self.unblock.as_ref().map(|unblock| unblock.takes_effect_at).or(self.ends_at)?;
        Some(self.released_at? - due)
    }

    /// Why, in plain words.
    pub fn why(&self) -> String {
        Reason::parse(&self.reason).sentence()
    }
}

/// What an operator asks for when unblocking.
#[derive(Debug, Clone, Default)]
pub struct UnblockRequest {
    pub comment: Option<String>,
    /// The recommendations ticked as done; nothing where none were shown, as to a script.
    pub done: Option<Vec<Recommendation>>,
}

/// What is recommended before an account is let out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recommendation {
    /// Turn on multi-factor authentication.
    Mfa,
    Password,
    Sessions,
    /// Remove forwarding and inbox rules that nobody knows.
    Forwarding,
    Delegates,
    Devices,
}

impl Recommendation {
    /// Every one, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Mfa,
        Self::Password,
        Self::Sessions,
        Self::Forwarding,
        Self::Delegates,
        Self::Devices,
    ];
}

/// How unblocks behave here: two settings.
#[derive(Debug, Clone, Copy)]
pub struct UnblockRules {
    /// From the request until mail flows again; zero releases at once.
    pub propagation_delay: TimeDelta,
    /// So many unblocks of one sender in 30 days, then Organization Management is asked; 0 = no limit.
    pub limit: u32,
}

impl UnblockRules {
    /// The time within which unblocks of one sender are counted.
    pub const LIMIT_WINDOW: TimeDelta = TimeDelta::days(30);
}

/// The first UTC midnight after `at`, when a day block that began then ends.
pub fn next_midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight + TimeDelta::days(1)
}
