//! Notices by webhook.

mod document;
mod resolver;
mod signature;
mod slack;
mod teams;
#[cfg(test)]
mod tests;

use super::Undelivered;
use super::letter::Writer;
use crate::config::{Alerts, Config, WebhookFormat, WebhookSecret, WebhookUrl, is_inside};
use crate::store::Claimed;
use chrono::{DateTime, Utc};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use resolver::{Inside, Resolver};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;
use url::Host;

/// Against a firewall that drops what it does not let through.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);
/// Against a receiver that has hung, or that sends its answer byte by byte.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The answer has said by its status that the call arrived; this is for its end, so that the receiver
/// does not see a connection that breaks.
const ENDS_WITHIN: Duration = Duration::from_secs(1);
/// Nothing in an answer is of use. Against one of 100 MB.
const MOST_READ: usize = 64 * 1024;

/// Characters of a name and of what is said of it, where many are listed: Teams refuses a message of
/// more than 28 KB, and Slack a block of more than 3,000 characters.
const LONGEST_LISTED: usize = 100;

/// Calls webhooks.
#[derive(Debug)]
pub struct Webhooks {
    urls: Vec<WebhookUrl>,
    secret: Option<WebhookSecret>,
    private: bool,
    writer: Writer,
    client: Result<Client, Undelivered>,
}

impl Webhooks {
    /// The webhooks of the settings; links in what they are told lead to `public_url`.
    pub fn new(config: &Config, public_url: &str) -> Self {
        let alerts = &config.alerts;
        Self {
            urls: alerts.webhooks.clone(),
            secret: alerts.webhook_secret.clone(),
            private: alerts.webhook_private,
            writer: Writer::new(config, public_url),
            client: client(alerts),
        }
    }

    /// Calls the webhook that `claimed` is for.
    ///
    /// # Errors
    /// When it did not take the call.
    pub async fn send(&self, claimed: &Claimed, now: DateTime<Utc>) -> Result<(), Undelivered> {
        let webhook = self.urls.iter().find(|webhook| webhook.label() == claimed.target);
        let webhook = webhook.ok_or_else(gone)?;
        if !self.private && leads_inside(webhook) {
            return Err(Undelivered(Inside.to_string()));
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let call = self.call(client, webhook, claimed, now);
        judged(call.send().await.map_err(|error| told(&error))?).await
    }

    fn call(
        &self,
        client: &Client,
        webhook: &WebhookUrl,
        claimed: &Claimed,
        now: DateTime<Utc>,
    ) -> RequestBuilder {
        let letter = || self.writer.letter(&claimed.notice);
        let document = match webhook.format {
            WebhookFormat::Generic => document::of(claimed, &self.writer),
            WebhookFormat::Slack => slack::message(&letter()),
            WebhookFormat::Teams => teams::message(&letter()),
        };
        let body = document.to_string();
        let call = client.post(webhook.url.clone()).header(CONTENT_TYPE, "application/json");
        let call = match (&self.secret, webhook.format) {
            (Some(secret), WebhookFormat::Generic) => {
                call.headers(signature::headers(secret, &claimed.id.to_string(), now, &body))
            }
            _ => call,
        };
        call.body(body)
    }
}

fn gone() -> Undelivered {
    Undelivered("this webhook is not in alert_webhooks any more".into())
}

fn client(alerts: &Alerts) -> Result<Client, Undelivered> {
    // Without webhooks nobody needs the system's certificates.
    if alerts.webhooks.is_empty() {
        return Err(gone());
    }
    // An error says that another part has chosen the same one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECTS_WITHIN)
        .timeout(ANSWERS_WITHIN)
        // A redirect could lead inside, or a signed call to somebody else.
        .redirect(Policy::none())
        // A proxy would look the name up itself, so that nobody knew where the call goes.
        .no_proxy()
        // A connection kept would lead where the name led earlier.
        .pool_max_idle_per_host(0)
        .dns_resolver(Resolver { private: alerts.webhook_private })
        .user_agent(concat!("restricted-users/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Undelivered(format!("webhooks cannot be called over TLS: {error}")))
}

/// An address in place of a name is not looked up, so the resolver does not see it.
fn leads_inside(webhook: &WebhookUrl) -> bool {
    match webhook.url.host() {
        Some(Host::Ipv4(address)) => is_inside(address.into()),
        Some(Host::Ipv6(address)) => is_inside(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

async fn judged(mut answer: Response) -> Result<(), Undelivered> {
    let status = answer.status();
    let ended = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            read += chunk.len();
            if read > MOST_READ {
                break;
            }
        }
    };
    let _ = timeout(ENDS_WITHIN, ended).await;
    if status.is_success() {
        return Ok(());
    }
    let code = status.as_u16();
    Err(Undelivered(if status.is_redirection() {
        format!("the webhook answered {code}, a redirect, and redirects are not followed")
    } else {
        format!("the webhook answered {code}, and anything but 2xx is a failure")
    }))
}

/// A sentence without the URL, which is a secret.
fn told(error: &reqwest::Error) -> Undelivered {
    let causes = || std::iter::successors(error.source(), |cause| (*cause).source());
    let inside = causes().find_map(|cause| cause.downcast_ref::<Inside>());
    let why = causes().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    Undelivered(match (inside, why) {
        (Some(inside), _) => inside.to_string(),
        _ if error.is_timeout() => {
            format!("the webhook did not answer within {} seconds", ANSWERS_WITHIN.as_secs())
        }
        (None, Some(why)) if error.is_connect() => {
            let why = crate::model::text::decent(&why.to_string(), 200);
            format!("the webhook cannot be reached: {why}")
        }
        _ if error.is_connect() => "the webhook cannot be reached".into(),
        _ => "the webhook's answer is not HTTP, or broke off".into(),
    })
}
