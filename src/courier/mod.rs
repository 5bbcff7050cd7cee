//! Delivers notices: tells the alerts that nobody was told of, and tries each delivery until it
//! arrives or a day has passed.

mod letter;
pub mod mail;
mod metrics;
mod rounds;
#[cfg(test)]
mod samples;
pub mod webhook;

pub use rounds::{deliver_due, gather_due};
use rounds::{deliver_some, next_delivery};

use crate::app::App;
use crate::config::{Config, WebhookUrl};
use crate::store::{Audience, Channel, Queue};
use chrono::{DateTime, TimeDelta, Utc};
use mail::Mailer;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use webhook::Webhooks;

/// How often to look for what another process raised or wrote and then did not live to deliver.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long to wait before the database is asked again after it failed.
const RETRY: TimeDelta = TimeDelta::seconds(1);

/// What delivers notices.
#[derive(Debug)]
pub struct Courier {
    mailer: Option<Mailer>,
    webhooks: Webhooks,
    audience: Audience,
    metrics: metrics::Metrics,
    /// Rung when there may be something to deliver.
    written: [Notify; Channel::ALL.len()],
}

/// Why a notice did not arrive: one sentence for the portal, nothing of a stranger's bytes in it
/// that is not escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

impl Courier {
    /// A courier by the settings; links in what it delivers lead to `public_url`.
    pub fn new(config: &Config, public_url: &str) -> Self {
        let alerts = &config.alerts;
        let mailer = alerts.mail.as_ref().map(|mail| Mailer::new(mail, config, public_url));
        let audience = Audience {
            mail: mailer.is_some(),
            recipients: alerts.recipients.iter().map(ToString::to_string).collect(),
            webhooks: alerts.webhooks.iter().map(WebhookUrl::label).collect(),
        };
        let webhooks = Webhooks::new(config, public_url);
        let (metrics, written) = (metrics::Metrics::registered(), Default::default());
        Self { mailer, webhooks, audience, metrics, written }
    }

    /// To whom alerts go, by the settings.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Sets the gauges of what waits.
    pub fn tell_queues(&self, queues: &[Queue], now: DateTime<Utc>) {
        self.metrics.tell_queues(queues, now);
    }

    /// Looks for something to deliver at once.
    pub fn ring(&self) {
        self.written.iter().for_each(Notify::notify_one);
    }
}

/// Runs until `stop`. What waits at one channel does not hold up the other.
pub async fn run(app: &App, stop: &CancellationToken) {
    let [mail, webhook] = Channel::ALL;
    let (mail, webhook) = (deliver(app, mail, stop), deliver(app, webhook, stop));
    tokio::join!(gather(app, stop), Box::pin(mail), Box::pin(webhook));
}

async fn gather(app: &App, stop: &CancellationToken) {
    let mut rounds = app.health.rounds("courier", "the gathering of alerts");
    let gathering = async {
        loop {
            let wake_at = rounds.round(gather_due(app)).await;
            wait(app, wake_at.unwrap_or_else(|| Some(soon(app))), &app.alerts_raised).await;
        }
    };
    stop.run_until_cancelled(gathering).await;
}

async fn deliver(app: &App, channel: Channel, stop: &CancellationToken) {
    let called = match channel {
        Channel::Mail => "the delivery of mail",
        Channel::Webhook => "the delivery to webhooks",
    };
    let mut rounds = app.health.rounds("courier", called);
    let delivering = async {
        loop {
            while rounds.round(deliver_some(app, channel)).await == Some(true) {}
            let wake_at = rounds.round(next_delivery(app, channel)).await;
            wait(
                app,
                wake_at.unwrap_or_else(|| Some(soon(app))),
                &app.courier.written[channel as usize],
            )
            .await;
        }
    };
    stop.run_until_cancelled(delivering).await;
}

/// When to try again what failed.
fn soon(app: &App) -> DateTime<Utc> {
    app.clock.now() + RETRY
}

async fn wait(app: &App, wake_at: Option<DateTime<Utc>>, bell: &Notify) {
    let due = async {
        match wake_at {
            Some(at) => app.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = due => {}
        () = bell.notified() => {}
        () = tokio::time::sleep(LOOK_EVERY) => {}
    }
}
