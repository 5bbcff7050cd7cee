//! What every port for mail servers counts about its connections.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// The metrics of a port's connections.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub connections: Gauge,
    /// Connections closed unread because they came from elsewhere than `mail_server_networks`.
    pub from_elsewhere: Counter,
    /// Connections closed unread because too many were open.
    pub too_many: Counter,
    /// Connections closed because of what the client sent or left out.
    pub protocol_errors: Counter,
}

impl Metrics {
    /// Metrics of `port` in the recorder that is installed at the time.
    pub fn registered(port: &'static str) -> Self {
        let connections = format!("restricted_users_{port}_connections");
        let refused = format!("restricted_users_{port}_refused_connections_total");
        let errors = format!("restricted_users_{port}_protocol_errors_total");
        describe_gauge!(connections.clone(), "Open connections of mail servers");
        describe_counter!(refused.clone(), "Connections of clients that were closed unread");
        describe_counter!(errors.clone(), "Connections of clients that broke the protocol");
        Self {
            connections: gauge!(connections),
            from_elsewhere: counter!(refused.clone(), "reason" => "network"),
            too_many: counter!(refused, "reason" => "limit"),
            protocol_errors: counter!(errors),
        }
    }

    /// Metrics that nobody reads.
    pub fn noop() -> Self {
        Self {
            connections: Gauge::noop(),
            from_elsewhere: Counter::noop(),
            too_many: Counter::noop(),
            protocol_errors: Counter::noop(),
        }
    }
}
