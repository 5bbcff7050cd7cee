//! What callers hand back in cursors, in as far as both databases can compare with it.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer, de::Error};
use std::ops::RangeInclusive;

/// Years of times that both databases can compare with: SQLite compares them as text, and Postgres
/// begins in 4713 BC.
pub(crate) const YEARS: RangeInclusive<i32> = 1..=9999;

/// A time that they can compare with.
pub(crate) fn time<'de, D: Deserializer<'de>>(position: D) -> Result<DateTime<Utc>, D::Error> {
    let time = DateTime::<Utc>::deserialize(position)?;
    if YEARS.contains(&time.year()) { Ok(time) } else { Err(D::Error::custom("an unknown year")) }
}

/// A text that they can compare with: Postgres takes no NUL.
pub(crate) fn text<'de, D: Deserializer<'de>>(position: D) -> Result<String, D::Error> {
    let text = String::deserialize(position)?;
    if text.contains('\0') { Err(D::Error::custom("a NUL character")) } else { Ok(text) }
}
