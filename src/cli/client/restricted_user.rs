//! A restricted user as the API shows one, as far as the commands need it.

use crate::blocked_senders::BlockedSender;
use crate::model::address::Address;
use crate::model::reason::Reason;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

/// A part of the list.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Page {
    pub(in crate::cli) items: Vec<RestrictedUser>,
    pub(in crate::cli) next_cursor: Option<String>,
}

/// One restricted user.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct RestrictedUser {
    #[serde(deserialize_with = "address")]
    pub(in crate::cli) address: Address,
    reason: String,
    temporary: bool,
    restricted_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    pub(in crate::cli) released_at: Option<DateTime<Utc>>,
    pub(in crate::cli) unblock: Option<Unblock>,
}

/// The end that somebody asked for.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Unblock {
    pub(in crate::cli) takes_effect_at: DateTime<Utc>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Address::stored(&text))
}

impl From<RestrictedUser> for BlockedSender {
    fn from(user: RestrictedUser) -> Self {
        Self {
            sender_address: user.address,
            reason: Some(user.reason.as_str()).filter(|it| !it.is_empty()).map(Reason::parse),
            created: Some(user.restricted_at),
            changed: Some(user.changed_at),
            temporary: user.temporary,
        }
    }
}
