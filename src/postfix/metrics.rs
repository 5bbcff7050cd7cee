//! What the policy port counts.

use metrics::{Counter, counter, describe_counter};

const DECISIONS: &str = "restricted_users_policy_decisions_total";

/// The metrics of the policy port.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub rejected: Counter,
    /// Requests answered with `DUNNO`.
    pub allowed: Counter,
}

impl Metrics {
    /// Metrics of the recorder that is installed at the time.
    pub fn registered() -> Self {
        describe_counter!(DECISIONS, "Requests of mail servers by how they were answered");
        Self {
            rejected: counter!(DECISIONS, "result" => "reject"),
            allowed: counter!(DECISIONS, "result" => "allow"),
        }
    }

    /// Metrics that nobody reads.
    pub fn noop() -> Self {
        Self { rejected: Counter::noop(), allowed: Counter::noop() }
    }
}
