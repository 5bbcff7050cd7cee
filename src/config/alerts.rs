//! How admins are told: by mail, by webhook, or in the portal alone.

use super::source::Source;
use super::{ConfigError, Result, is_inside};
use crate::model::alert::recipient;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lettre::Address;
use lettre::message::Mailbox;
use secrecy::{SecretBox, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

const SMTP: &str = "smtp://HOST:PORT or smtps://HOST:PORT, with USER:PASSWORD@ before the host \
                    where the server asks for it";
const MAILBOX: &str = "a mail address, or NAME <ADDRESS>";
const WEBHOOKS: &str = "http or https URLs, or those with slack+ or teams+ before them";
const PUBLIC_WEBHOOKS: &str = "URLs of public addresses alone while alert_webhook_private is false";
const SECRET: &str = "whsec_ and 24 to 64 random bytes in base64";
/// Bytes that a key of Standard Webhooks has.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How admins are told.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// The server that takes mail, and who it comes from.
    pub mail: Option<MailSettings>,
    /// Who gets the mails of policies that name nobody; where it is empty, Organization Management.
    pub recipients: Vec<Address>,
    pub webhooks: Vec<WebhookUrl>,
    /// What calls of generic webhooks are signed with.
    pub webhook_secret: Option<WebhookSecret>,
    /// Whether webhooks may be on this machine or in a private network.
    pub webhook_private: bool,
    /// Whether restricted users get a notice of their own.
    pub notify_restricted_user: bool,
    /// Whether admins get a digest each week.
    pub weekly_digest: bool,
}

/// The server that takes mail, and who it comes from.
#[derive(Debug, Clone)]
pub struct MailSettings {
    pub server: SmtpUrl,
    pub from: Mailbox,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpUrl {
    pub host: String,
    /// Its port; 25 for `smtp`, 465 for `smtps` where none is named.
    pub port: u16,
    pub tls: SmtpTls,
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection to a mail server is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all: the server is on this machine.
    Loopback,
    /// By STARTTLS (RFC 3207), else nothing is sent.
    StartTls,
    /// From the first byte (RFC 8314 §3).
    Implicit,
}

/// The key that calls of webhooks are signed with.
pub type WebhookSecret = SecretBox<[u8]>;

/// A webhook. Whoever knows the URL of one of Slack's can write there, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    /// Where it is.
    pub url: Url,
    pub format: WebhookFormat,
}

/// What a webhook understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// JSON signed as Standard Webhooks asks for.
    Generic,
    Slack,
    Teams,
}

impl WebhookUrl {
    /// What the webhook is called on pages and in the store: its host, and some of the hash of its
    /// URL, because there may be several at one host.
    pub fn label(&self) -> String {
        let hash = hex::encode(Sha256::digest(self.url.as_str()));
        format!("{} ({})", self.url.host_str().unwrap_or_default(), &hash[..6])
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl FromStr for WebhookUrl {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let named = [("slack+", WebhookFormat::Slack), ("teams+", WebhookFormat::Teams)];
        let named = named
            .into_iter()
            .find_map(|(prefix, format)| text.strip_prefix(prefix).map(|url| (url, Some(format))));
        let (url, format) = named.unwrap_or((text, None));
        let url = super::web_url(url).ok_or(())?;
        let format = format.unwrap_or_else(|| format_of(url.host_str().unwrap_or_default()));
        Ok(Self { url, format })
    }
}

fn format_of(host: &str) -> WebhookFormat {
    let is_at = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    if is_at("hooks.slack.com") || is_at("hooks.slack-gov.com") {
        WebhookFormat::Slack
    } else if is_at("webhook.office.com") || is_at("logic.azure.com") || is_at("powerplatform.com")
    {
        WebhookFormat::Teams
    } else {
        WebhookFormat::Generic
    }
}

impl Alerts {
    pub(super) fn from_source(source: &mut Source) -> Result<Self> {
        let flag = |text: &str| text.parse().ok();
        let server = source.one("smtp_url", SMTP, smtp_url)?;
        let from = source.one("alert_from", MAILBOX, |text| text.parse().ok())?;
        let private = source.one("alert_webhook_private", "true or false", flag)?;
        let alerts = Self {
            recipients: source
                .list("alert_recipients", "mail addresses", |text| recipient(text).ok())?,
            webhooks: webhooks(source, private.unwrap_or_default())?,
            webhook_secret: source.secret("alert_webhook_secret", SECRET, webhook_secret)?,
            webhook_private: private.unwrap_or_default(),
            notify_restricted_user: source
                .one("notify_restricted_user", "true or false", flag)?
                .unwrap_or_default(),
            weekly_digest: source.one("weekly_digest", "true or false", flag)?.unwrap_or_default(),
            mail: None,
        };
        alerts.needs(server.is_some(), from.is_some())?;
        Ok(Self {
            mail: server.zip(from).map(|(server, from)| MailSettings { server, from }),
            ..alerts
        })
    }

    fn needs(&self, server: bool, from: bool) -> Result<()> {
        let generic = self.webhooks.iter().any(|one| one.format == WebhookFormat::Generic);
        let needs = [
            (server, "smtp_url", from, "alert_from"),
            (self.notify_restricted_user, "notify_restricted_user", server, "smtp_url"),
            (self.weekly_digest, "weekly_digest", server, "smtp_url"),
            (generic, "alert_webhooks", self.webhook_secret.is_some(), "alert_webhook_secret"),
        ];
        match needs.into_iter().find(|(is_set, _, has, _)| *is_set && !has) {
            Some((_, because, _, key)) => Err(ConfigError::Missing { key, because }),
            None => Ok(()),
        }
    }

    /// Whether alerts are told anywhere but in the portal.
    pub fn leave_the_portal(&self) -> bool {
        self.mail.is_some() || !self.webhooks.is_empty()
    }
}

fn smtp_url(text: &str) -> Option<SmtpUrl> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
    let plain =
        url.query().is_none() && url.fragment().is_none() && ["", "/"].contains(&url.path());
    let (tls, port) = match url.scheme() {
        "smtp" if is_loopback(&host) => (SmtpTls::Loopback, 25),
        "smtp" => (SmtpTls::StartTls, 25),
        "smtps" => (SmtpTls::Implicit, 465),
        _ => return None,
    };
    let decoded = |text: &str| -> Option<String> {
        let bytes = percent_decode(text);
        String::from_utf8(bytes).ok()
    };
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some((decoded(user)?, decoded(password?)?.into())),
    };
    plain.then(|| SmtpUrl { host, port: url.port().unwrap_or(port), tls, credentials })
}

fn percent_decode(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn webhooks(source: &mut Source, private: bool) -> Result<Vec<WebhookUrl>> {
    let key = "alert_webhooks";
    let webhooks = source.list(key, WEBHOOKS, |text| Some(text.to_owned()))?;
    let webhooks = webhooks.iter().map(|text| webhook(key, text)).collect::<Result<Vec<_>>>()?;
    let inside = |webhook: &&WebhookUrl| match webhook.url.host() {
        Some(Host::Ipv4(address)) => is_inside(address.into()),
        Some(Host::Ipv6(address)) => is_inside(address.into()),
        Some(Host::Domain(name)) => is_localhost(name),
        None => true,
    };
    match webhooks.iter().find(inside) {
        Some(inside) if !private => {
            let got = inside.url.host_str().unwrap_or_default().into();
            Err(ConfigError::Bad { key, got, takes: PUBLIC_WEBHOOKS.into() })
        }
        _ => Ok(webhooks),
    }
}

/// Whether a name is this machine's for itself (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// What follows the host may be a secret, which no message shall show.
fn webhook(key: &'static str, text: &str) -> Result<WebhookUrl> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let got = if scheme.is_empty() { host.into() } else { format!("{scheme}://{host}/…") };
    text.parse().map_err(|()| ConfigError::Bad { key, got, takes: WEBHOOKS.into() })
}

fn webhook_secret(text: &str) -> Option<WebhookSecret> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then(|| SecretBox::new(bytes.into_boxed_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use secrecy::ExposeSecret;

    fn alerts(settings: &[(&str, &str)]) -> Result<Alerts> {
        let settings = settings.iter().map(|(key, value)| {
            (format!("RESTRICTED_USERS_{}", key.to_uppercase()), (*value).to_owned())
        });
        Config::from_variables(settings).map(|config| config.alerts)
    }

    fn problem(settings: &[(&str, &str)]) -> String {
        alerts(settings).unwrap_err().to_string()
    }

    #[test]
    fn a_mail_server_off_this_machine_must_speak_tls() {
        let server = |url| {
            let from = ("alert_from", "Restricted Users <noreply@example.org>");
            alerts(&[("smtp_url", url), from]).unwrap().mail.unwrap().server
        };
        assert_eq!(server("smtp://127.0.0.1:2525").tls, SmtpTls::Loopback);
        assert_eq!(server("smtp://[::1]").tls, SmtpTls::Loopback);
        assert_eq!(server("smtp://relay.example.org").tls, SmtpTls::StartTls);
        assert_eq!(server("smtp://relay.example.org").port, 25);
        assert_eq!(server("smtps://relay.example.org").port, 465);
        let (user, password) =
            server("smtps://alerts%40example.org:a%2Fb@relay.example.org").credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("alerts@example.org", "a/b"));
    }

    #[test]
    fn what_cannot_be_used_is_told_with_what_is_taken() {
        let secret = ("alert_webhook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        for (settings, told) in [
            (&[("alert_recipients", "no address")][..], "it takes mail addresses"),
            (&[("smtp_url", "http://relay")], "it takes smtp://HOST:PORT"),
            (&[("smtp_url", "smtp://relay")], "alert_from is not set, but smtp_url is"),
            (&[("weekly_digest", "true")], "smtp_url is not set, but weekly_digest is"),
            (&[("alert_webhooks", "ftp://example.com")], "it takes http or https URLs"),
            (&[("alert_webhooks", "https://example.com/x")], "alert_webhook_secret is not set"),
            (&[("alert_webhooks", "https://10.0.0.1/x"), secret], "URLs of public addresses alone"),
            (&[("alert_webhooks", "http://[::ffff:127.0.0.1]/"), secret], "public addresses alone"),
            (&[("alert_webhook_secret", "whsec_c2hvcnQ=")], "24 to 64 random bytes"),
        ] {
            let shown = problem(settings);
            assert!(shown.contains(told), "{shown}");
        }
    }

    #[test]
    fn a_webhook_leads_inside_in_no_spelling() {
        let secret = ("alert_webhook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "0",
            "0.0.0.0",
            "%31%32%37.0.0.1",
            "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
            "127\u{3002}0\u{3002}0\u{3002}1",
            "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}",
            "127.0.0.1\\@example.com",
            "example.com@127.0.0.1",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "loc%61lhost",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fd00::1]",
            "[fe80::1]",
        ] {
            for scheme in ["http", "https", "slack+https", "teams+http"] {
                let url = format!("{scheme}://{host}/x");
                let settings = [("alert_webhooks", url.as_str()), secret];
                assert!(alerts(&settings).is_err(), "{url}");
            }
        }
        assert!(alerts(&[("alert_webhooks", "https://example.com/x"), secret]).is_ok());
    }

    #[test]
    fn neither_passwords_nor_the_urls_of_webhooks_are_shown() {
        let from = ("alert_from", "noreply@example.org");
        let webhooks = ("alert_webhooks", "https://hooks.slack.com/services/T0/B0/hunter2");
        let shown = format!(
            "{:?}",
            alerts(&[("smtp_url", "smtps://u:hunter2@relay"), from, webhooks]).unwrap()
        );
        assert!(!shown.contains("hunter2"), "{shown}");
        for (key, value) in [
            ("alert_webhooks", "ftp://example.com/hunter2"),
            ("alert_webhooks", "hooks.slack.com/services/hunter2"),
            ("alert_webhook_secret", "whsec_hunter2"),
            ("smtp_url", "smtp://user:hunter2@relay:port"),
        ] {
            let bad = problem(&[(key, value)]);
            assert!(!bad.contains("hunter2"), "{bad}");
        }
    }

    #[test]
    fn slack_and_teams_are_known_by_host_or_by_prefix() {
        let format = |url: &str| url.parse::<WebhookUrl>().unwrap().format;
        assert_eq!(format("https://hooks.slack.com/services/x"), WebhookFormat::Slack);
        assert_eq!(format("https://example.webhook.office.com/x"), WebhookFormat::Teams);
        assert_eq!(format("teams+https://example.org/x"), WebhookFormat::Teams);
        assert_eq!(format("slack+http://127.0.0.1/x"), WebhookFormat::Slack);
        assert_eq!(format("https://nothooks.slack.com.example.org/"), WebhookFormat::Generic);
    }
}
