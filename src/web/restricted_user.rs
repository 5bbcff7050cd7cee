//! A restricted user as the API shows one.

use crate::model::address::Address;
use crate::model::reason::Cause;
use crate::model::restriction::{Restriction, State, Unblock};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A sender with its restriction, the one that is in force or one that has ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RestrictedUser {
    /// The id of the restriction (UUID version 7); one after a release has another.
    id: Uuid,
    /// The sender, in lower case.
    #[schema(value_type = String)]
    address: Address,
    /// Where the restriction stands.
    state: State,
    /// What led to it.
    cause: Cause,
    /// Why, in Exchange's grammar or as somebody typed it.
    reason: String,
    /// Whether it is a day block, which ends by itself.
    temporary: bool,
    /// When a day block ends: the first UTC midnight after `restricted_at`.
    ends_at: Option<DateTime<Utc>>,
    /// Since when.
    restricted_at: DateTime<Utc>,
    /// By whom; null for what was imported.
    restricted_by: Option<String>,
    /// When its state last changed.
    changed_at: DateTime<Utc>,
    /// When it ended.
    released_at: Option<DateTime<Utc>>,
    /// The unblock that is pending, or that ended it.
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
