//! What the policy port counts.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

const DECISIONS: &str = "restricted_users_policy_decisions_total";
const NOT_COUNTED: &str = "restricted_users_policy_messages_without_sender_total";
const CONNECTIONS: &str = "restricted_users_policy_connections";
const REFUSED: &str = "restricted_users_policy_refused_connections_total";
const ERRORS: &str = "restricted_users_policy_protocol_errors_total";

/// The metrics of the policy port.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Requests answered with a refusal.
    pub rejected: Counter,
    /// Requests answered with `DUNNO`.
    pub allowed: Counter,
    /// Messages not counted because their login is no address.
    pub not_counted: Counter,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections closed unread because they came from elsewhere than `mail_server_networks`.
    pub from_elsewhere: Counter,
    /// Connections closed unread because too many were open.
    pub too_many: Counter,
    /// Connections closed because of what the client sent or left out.
    pub protocol_errors: Counter,
}

impl Metrics {
    /// Metrics of the recorder that is installed at the time.
    #[must_use]
    pub fn registered() -> Self {
        describe_counter!(DECISIONS, "Requests of mail servers by how they were answered");
        describe_counter!(NOT_COUNTED, "Messages not counted because their login is no address");
        describe_gauge!(CONNECTIONS, "Open connections of mail servers");
        describe_counter!(REFUSED, "Connections to the policy port that were closed unread");
        describe_counter!(ERRORS, "Connections to the policy port that broke its protocol");
        Self {
            rejected: counter!(DECISIONS, "result" => "reject"),
            allowed: counter!(DECISIONS, "result" => "allow"),
            not_counted: counter!(NOT_COUNTED),
            connections: gauge!(CONNECTIONS),
            from_elsewhere: counter!(REFUSED, "reason" => "network"),
            too_many: counter!(REFUSED, "reason" => "limit"),
            protocol_errors: counter!(ERRORS),
        }
    }

    /// Metrics that nobody reads.
    #[must_use]
    pub fn noop() -> Self {
        Self {
            rejected: Counter::noop(),
            allowed: Counter::noop(),
            not_counted: Counter::noop(),
            connections: Gauge::noop(),
            from_elsewhere: Counter::noop(),
            too_many: Counter::noop(),
            protocol_errors: Counter::noop(),
        }
    }
}
