//! What the policy port counts.

use metrics::{Counter, counter, describe_counter};

const DECISIONS: &str = "restricted_users_policy_decisions_total";
const NOT_COUNTED: &str = "restricted_users_policy_messages_without_sender_total";

/// The metrics of the policy port.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Requests answered with a refusal.
    pub rejected: Counter,
    /// Requests answered with `DUNNO`.
    pub allowed: Counter,
    /// Messages not counted because their login is no address.
    pub not_counted: Counter,
}

impl Metrics {
    /// Metrics of the recorder that is installed at the time.
    #[must_use]
    pub fn registered() -> Self {
        describe_counter!(DECISIONS, "Requests of mail servers by how they were answered");
        describe_counter!(NOT_COUNTED, "Messages not counted because their login is no address");
        Self {
            rejected: counter!(DECISIONS, "result" => "reject"),
            allowed: counter!(DECISIONS, "result" => "allow"),
            not_counted: counter!(NOT_COUNTED),
        }
    }

    /// Metrics that nobody reads.
    #[must_use]
    pub fn noop() -> Self {
        Self { rejected: Counter::noop(), allowed: Counter::noop(), not_counted: Counter::noop() }
    }
}
