//! Alerts: raising them in the transaction of what they tell, reading and working on them; notices,
//! and their deliveries.

mod changes;
mod deliveries;
mod digest;
mod gather;
mod list;
mod own;
mod policies;
mod raise;
mod row;

pub use deliveries::{Channel, Claimed, Delivery, Queue};
pub use gather::Audience;
pub use list::{AlertPage, AlertQuery};
pub(super) use raise::NewAlert;

use super::{Result, Store, StoreError, Tx, on};
use chrono::{DateTime, Utc};

/// The UTC day, counted from 1970-01-01.
pub(super) fn day(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(24 * 60 * 60)
}
