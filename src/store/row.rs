//! A restriction as it stands in its table.

use crate::model::address::Address;
use crate::model::reason::Cause;
use crate::model::restriction::{Restriction, Unblock};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::FromRow;
use uuid::Uuid;

/// Many rows of `restrictions` as one, a JSON list of [`RestrictionRow`]s with their fields in order.
/// SQLite hands each row over to another thread by itself, and wakes it up; that takes longer than to
/// read the row.
pub(crate) const SQLITE_LIST: &str = "json_group_array(json_array(
    hex(id), address, cause, reason, json(iif(temporary, 'true', 'false')), ends_at,
    restricted_at, restricted_by, changed_at, released_at,
    unblock_requested_by, unblock_requested_at, takes_effect_at, unblock_comment))";

/// One row of `restrictions`.
#[derive(FromRow, Deserialize)]
pub(crate) struct RestrictionRow {
    id: Uuid,
    address: String,
    cause: Cause,
    reason: String,
    temporary: bool,
    ends_at: Option<DateTime<Utc>>,
    restricted_at: DateTime<Utc>,
    restricted_by: Option<String>,
    changed_at: DateTime<Utc>,
    released_at: Option<DateTime<Utc>>,
    unblock_requested_by: Option<String>,
    unblock_requested_at: Option<DateTime<Utc>>,
    takes_effect_at: Option<DateTime<Utc>>,
    unblock_comment: Option<String>,
}

impl From<RestrictionRow> for Restriction {
    fn from(row: RestrictionRow) -> Self {
        Self {
            unblock: unblock(&row),
            id: row.id,
            address: Address::stored(&row.address),
            cause: row.cause,
            reason: row.reason,
            temporary: row.temporary,
            ends_at: row.ends_at,
            restricted_at: row.restricted_at,
            restricted_by: row.restricted_by,
            changed_at: row.changed_at,
            released_at: row.released_at,
        }
    }
}

/// The three columns are written together, so all are there or none is.
fn unblock(row: &RestrictionRow) -> Option<Unblock> {
    Some(Unblock {
        requested_by: row.unblock_requested_by.clone()?,
        requested_at: row.unblock_requested_at?,
        takes_effect_at: row.takes_effect_at?,
        comment: row.unblock_comment.clone(),
    })
}
