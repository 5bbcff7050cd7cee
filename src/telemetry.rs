//! Logs and metrics.

use crate::config::LogFormat;
use metrics::{Gauge, Histogram, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// The recorder of the process; tests start several services in one.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Seconds that tell a fast answer from a slow one.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Sends the log to standard error: text on a terminal, else JSON, unless a setting says which.
/// `RUST_LOG` filters.
pub fn log_to_stderr(format: Option<LogFormat>) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    // A second call in one process finds the log set up already.
    let _ = match format {
        LogFormat::Text => log.with_ansi(terminal).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

/// What is counted beside requests and decisions.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Seconds between when a release was due and when it was committed.
    pub release_lateness: Histogram,
    restricted: Gauge,
    unblocking: Gauge,
    open: Gauge,
    idle: Gauge,
}

impl Metrics {
    /// Metrics of this process' recorder, which is installed at the first call.
    pub fn new() -> Self {
        recorder();
        describe_histogram!(LATENESS, "Seconds between when a release was due and its commit");
        describe_gauge!(USERS, "Restricted users by state");
        describe_gauge!(POOL, "Connections to the database by state");
        describe_gauge!(LOG, "Size of SQLite's write-ahead log in bytes");
        Self {
            release_lateness: histogram!(LATENESS),
            restricted: gauge!(USERS, "state" => "restricted"),
            unblocking: gauge!(USERS, "state" => "unblocking"),
            open: gauge!(POOL, "state" => "open"),
            idle: gauge!(POOL, "state" => "idle"),
        }
    }

    /// Sets how many users are restricted in each state.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn set_users(&self, active: usize, unblocking: i64) {
        self.restricted.set(active as f64 - unblocking as f64);
        self.unblocking.set(unblocking as f64);
    }

    /// Sets how many connections to the database there are.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn set_connections(&self, open: u32, idle: usize) {
        self.open.set(f64::from(open));
        self.idle.set(idle as f64);
    }

    /// Sets how large SQLite's write-ahead log is.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn set_write_ahead_log(&self, bytes: u64) {
        gauge!(LOG).set(bytes as f64);
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        recorder().render()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

const LATENESS: &str = "restricted_users_release_lateness_seconds";
const USERS: &str = "restricted_users_users";
const POOL: &str = "restricted_users_database_connections";
const LOG: &str = "restricted_users_write_ahead_log_bytes";

fn recorder() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| install().expect("the buckets are not empty and nobody else installs"))
}

fn install() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)?
        .install_recorder()
}
