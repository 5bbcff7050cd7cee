//! A restricted user as the API shows one.

use crate::address::Address;
use crate::reason::Cause;
use crate::restriction::{Restriction, State, Unblock};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// A restriction with its user, in the shape of the API.
#[derive(Debug, Serialize)]
pub(crate) struct RestrictedUser {
    id: Uuid,
    address: Address,
    state: State,
    cause: Cause,
    reason: String,
    temporary: bool,
    ends_at: Option<DateTime<Utc>>,
    restricted_at: DateTime<Utc>,
    restricted_by: Option<String>,
    changed_at: DateTime<Utc>,
    released_at: Option<DateTime<Utc>>,
    unblock: Option<Unblock>,
}

impl From<Restriction> for RestrictedUser {
    fn from(restriction: Restriction) -> Self {
        Self {
            id: restriction.id,
            state: restriction.state(),
            address: restriction.address,
            cause: restriction.cause,
            reason: restriction.reason,
            temporary: restriction.temporary,
            ends_at: restriction.ends_at,
            restricted_at: restriction.restricted_at,
            restricted_by: restriction.restricted_by,
            changed_at: restriction.changed_at,
            released_at: restriction.released_at,
            unblock: restriction.unblock,
        }
    }
}
