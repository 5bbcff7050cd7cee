//! What the socketmap counts.

use metrics::{Counter, counter, describe_counter};

const LOOKUPS: &str = "restricted_users_socketmap_lookups_total";
const UNKNOWN: &str = "restricted_users_socketmap_unknown_warning_levels_total";

/// The metrics of the socketmap.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub found: Counter,
    /// Lookups that found nothing.
    pub not_found: Counter,
    /// Lookups in maps that there are not.
    pub refused: Counter,
    /// Senders of whom the database could not tell in time whether they are at warning level.
    pub unknown: Counter,
}

impl Metrics {
    /// Metrics of the recorder that is installed at the time.
    pub fn registered() -> Self {
        describe_counter!(LOOKUPS, "Lookups of mail servers by how they were answered");
        describe_counter!(UNKNOWN, "Lookups of senders whose warning level could not be told");
        Self {
            found: counter!(LOOKUPS, "result" => "found"),
            not_found: counter!(LOOKUPS, "result" => "not_found"),
            refused: counter!(LOOKUPS, "result" => "refused"),
            unknown: counter!(UNKNOWN),
        }
    }

    /// Metrics that nobody reads.
    pub fn noop() -> Self {
        Self {
            found: Counter::noop(),
            not_found: Counter::noop(),
            refused: Counter::noop(),
            unknown: Counter::noop(),
        }
    }
}
