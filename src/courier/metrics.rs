//! What is counted of deliveries.

use crate::store::{Channel, Queue};
use chrono::{DateTime, Utc};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

const LENGTH: &str = "restricted_users_alert_deliveries_waiting";
const OLDEST: &str = "restricted_users_alert_oldest_delivery_seconds";
const FAILURES: &str = "restricted_users_alert_delivery_failures_total";

/// What is counted of deliveries, for each channel.
#[derive(Debug)]
pub(super) struct Metrics([OfChannel; Channel::ALL.len()]);

#[derive(Debug)]
struct OfChannel {
    length: Gauge,
    oldest: Gauge,
    failures: Counter,
}

impl Metrics {
    pub(super) fn registered() -> Self {
        describe_gauge!(LENGTH, "Deliveries of alerts that wait, by channel");
        describe_gauge!(
            OLDEST,
            "Seconds since the oldest waiting delivery was written, by channel"
        );
        describe_counter!(FAILURES, "Attempts to deliver an alert that failed, by channel");
        Self(Channel::ALL.map(|channel| OfChannel {
            length: gauge!(LENGTH, "channel" => channel.name()),
            oldest: gauge!(OLDEST, "channel" => channel.name()),
            failures: counter!(FAILURES, "channel" => channel.name()),
        }))
    }

    pub(super) fn failed(&self, channel: Channel) {
        self.0[channel as usize].failures.increment(1);
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(super) fn tell_queues(&self, queues: &[Queue], now: DateTime<Utc>) {
        for channel in Channel::ALL {
            let queue = queues.iter().find(|queue| queue.channel == channel);
            let age = queue.map_or(0, |queue| (now - queue.oldest).num_seconds());
            let gauges = &self.0[channel as usize];
            gauges.length.set(queue.map_or(0, |queue| queue.length) as f64);
            gauges.oldest.set(age as f64);
        }
    }
}
