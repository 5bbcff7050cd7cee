//! Every setting, parsed to its type once; secrets print as `***`.

mod alerts;
mod inside;
mod oidc;
mod source;

pub use alerts::{
    Alerts, MailSettings, SmtpTls, SmtpUrl, WebhookFormat, WebhookSecret, WebhookUrl,
};
pub use inside::is_inside;
pub use oidc::Oidc;

use crate::decision::Scope;
use crate::mail_port::listen::ListenAddress;
use crate::model::address::Domain;
use crate::model::organization::Organization;
use crate::model::restriction::UnblockRules;
use crate::postfix::RestrictedAnswer;
use crate::socketmap::Transport;
use chrono::TimeDelta;
use ipnet::IpNet;
use source::Source;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use url::Url;

/// The longest propagation delay, as in Microsoft's portal of 2019.
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(30);

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the data is.
    pub database_url: DatabaseUrl,
    /// How many connections to Postgres this process makes at most.
    pub database_connections: u32,
    /// Where the blocklist is kept for a start without a database.
    pub state_directory: Option<PathBuf>,
    /// Where the portal and the API listen.
    pub listen: SocketAddr,
    /// Scheme, host and port as browsers see them, where they differ from `listen`.
    pub public_url: Option<Url>,
    pub organization: Organization,
    pub unblock: UnblockRules,
    /// Which mail of a restricted sender is refused.
    pub restriction_scope: Scope,
    /// Where mail servers ask.
    pub policy_listen: Vec<ListenAddress>,
    /// Where mail servers look senders up; nowhere unless it is set.
    pub socketmap_listen: Vec<ListenAddress>,
    /// Over which transport the mail of senders at warning level goes.
    pub high_risk_transport: Option<Transport>,
    /// Which networks, beside loopback, may ask there.
    pub mail_server_networks: Vec<IpNet>,
    /// What a restricted user's mail is answered.
    pub restricted_answer: RestrictedAnswer,
    pub alerts: Alerts,
    /// Where the organisation explains what to do with a compromised account.
    pub help_url: Option<Url>,
    /// The organisation's identity provider, where operators may sign in with it.
    pub oidc: Option<Oidc>,
    /// Whether local operators must have a second factor.
    pub require_mfa: bool,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The one header in which they tell it.
    pub forwarded_header: ForwardedHeader,
    /// Requests a minute that a token may send, 0 for any number.
    pub api_rate_limit: u32,
    /// How long messages and counts are kept.
    pub message_retention: TimeDelta,
    /// How the log is written; text on a terminal where it is not set.
    pub log_format: Option<LogFormat>,
    /// The file that the settings come from, where it holds secrets.
    pub file_with_secrets: Option<PathBuf>,
    /// Variables that look like settings of ours and are none.
    pub unknown_variables: Vec<String>,
}

/// Which database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// A server, with everything that is needed to connect.
    Postgres(String),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://***"),
        }
    }
}

/// The header in which a proxy tells the client's address. A proxy writes one and hands the others on as
/// the client sent them, so that the others are anybody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: a list that each proxy adds to.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): likewise.
    Forwarded,
    /// `X-Real-IP`: one address.
    XRealIp,
}

impl ForwardedHeader {
    /// Its name, in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::XForwardedFor, Self::Forwarded, Self::XRealIp];
        all.into_iter().find(|header| text.eq_ignore_ascii_case(header.name()))
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// A setting that cannot be used: which, what came, what is taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} is {got:?}, but it takes {takes}")]
    Bad {
        /// The key.
        key: &'static str,
        /// What came.
        got: String,
        /// What is taken.
        takes: String,
    },
    #[error("{key} in {} is no setting; there are {settings}", path.display())]
    Unknown {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// The settings that there are.
        settings: String,
    },
    /// A key without which others are of no use.
    #[error("{key} is not set, but {because} is, which needs it")]
    Missing {
        /// The key.
        key: &'static str,
        /// One that is set.
        because: &'static str,
    },
    #[error("cannot read the settings in {}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

type Result<T> = std::result::Result<T, ConfigError>;

impl Config {
    /// Reads the settings: `file` (or `restricted-users.toml` where it exists), overridden by the
    /// environment.
    ///
    /// # Errors
    /// When the file cannot be read or a setting cannot be used.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        Self::from_source(Source::load(file, std::env::vars_os())?)
    }

    /// Reads the settings from variables alone, as tests set them.
    pub fn from_variables<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        let variables =
            variables.into_iter().map(|(key, value)| (key.into().into(), value.into().into()));
        Self::from_source(Source::variables(variables))
    }

    /// Which mail of a restricted user is refused in effect: without domains of ours there is nobody
    /// inside.
    pub fn scope_in_effect(&self) -> Scope {
        if self.organization.domains.is_empty() { Scope::All } else { self.restriction_scope }
    }

    fn from_source(mut source: Source) -> Result<Self> {
        let file_with_secrets = source.file_with_secrets();
        let mail_server_networks = source.list("mail_server_networks", NETWORKS, network)?;
        Ok(Self {
            database_url: source
                .one("database_url", DATABASE, database_url)?
                .unwrap_or_else(|| DatabaseUrl::Sqlite("restricted-users.db".into())),
            database_connections: source
                .one("database_connections", "a whole number from 6 to 200", connections)?
                .unwrap_or(18),
            state_directory: source.state_directory()?,
            listen: source
                .one("listen", "an address and a port, such as 127.0.0.1:8080", |text| {
                    text.parse().ok()
                })?
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: source.one("public_url", PUBLIC_URL, origin)?,
            organization: organization(&mut source)?,
            unblock: unblock_rules(&mut source)?,
            restriction_scope: source
                .one("restriction_scope", "outside or all", scope)?
                .unwrap_or(Scope::Outside),
            policy_listen: policy_listen(&mut source, &mail_server_networks)?,
            socketmap_listen: listen(&mut source, "socketmap_listen", &mail_server_networks)?,
            high_risk_transport: source
                .one("high_risk_transport", TRANSPORT, |text| text.parse().ok())?,
            mail_server_networks,
            restricted_answer: source
                .one("restricted_answer", "reject or bounce", restricted_answer)?
                .unwrap_or_default(),
            alerts: Alerts::from_source(&mut source)?,
            help_url: source.one("help_url", HELP_URL, help_url)?,
            oidc: Oidc::from_source(&mut source)?,
            require_mfa: source
                .one("require_mfa", "true or false", |text| text.parse().ok())?
                .unwrap_or_default(),
            trusted_proxies: source.list("trusted_proxies", NETWORKS, network)?,
            forwarded_header: source
                .one("forwarded_header", FORWARDED_HEADER, ForwardedHeader::parse)?
                .unwrap_or_default(),
            api_rate_limit: source
                .one("api_rate_limit", "requests a minute, 0 for any number", |text| {
                    text.parse().ok()
                })?
                .unwrap_or_default(),
            message_retention: source
                .one("message_retention", "a time from 2d to 365d, such as 30d", retention)?
                .unwrap_or(TimeDelta::days(30)),
            log_format: source.one("log_format", "text or json", log_format)?,
            file_with_secrets,
            unknown_variables: source.finish()?,
        })
    }

    /// Scheme, host and port as browsers see them; `listening` is where the portal really listens.
    pub fn public_url(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://localhost:{}", listening.port()),
        }
    }

    /// Whether browsers reach the portal over https.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

const NETWORKS: &str = "networks such as 192.0.2.0/24 or single addresses";
const FORWARDED_HEADER: &str = "x-forwarded-for, forwarded or x-real-ip";
const TRANSPORT: &str = "a transport of Postfix such as hirisk or hirisk:[192.0.2.66]:25";
const DATABASE: &str = "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME";
const HELP_URL: &str = "an http or https URL without a user name or a password";
const PUBLIC_URL: &str = "scheme, host and port alone, such as https://restricted.example.org";

fn organization(source: &mut Source) -> Result<Organization> {
    Ok(Organization {
        name: source
            .one("organization_name", "a name of 1 to 100 characters", |text| {
                (1..=100).contains(&text.chars().count()).then(|| text.to_owned())
            })?
            .unwrap_or_else(|| "Organization".into()),
        domains: source.list(
            "organization_domains",
            "mail domains such as example.org",
            |text| Domain::parse(text).ok(),
        )?,
    })
}

fn unblock_rules(source: &mut Source) -> Result<UnblockRules> {
    Ok(UnblockRules {
        propagation_delay: source
            .one("propagation_delay", "a time from 0s to 30m, such as 90s or 30m", delay)?
            .unwrap_or(LONGEST_DELAY),
        limit: source
            .one("unblock_limit", "a whole number, 0 for no limit", |text| text.parse().ok())?
            .unwrap_or(3),
    })
}

fn policy_listen(source: &mut Source, networks: &[IpNet]) -> Result<Vec<ListenAddress>> {
    let given = listen(source, "policy_listen", networks)?;
    let default = || vec![ListenAddress::Tcp { host: "127.0.0.1".into(), port: 10040 }];
    Ok(if given.is_empty() { default() } else { given })
}

fn listen(
    source: &mut Source,
    key: &'static str,
    networks: &[IpNet],
) -> Result<Vec<ListenAddress>> {
    const TAKES: &str = "a list of HOST:PORT and unix:/PATH";
    const CLOSED: &str =
        "loopback addresses and unix:/PATH alone while mail_server_networks is empty";
    let given = source.list(key, TAKES, |text| ListenAddress::from_str(text).ok())?;
    if let Some(open) = given.iter().find(|address| networks.is_empty() && !address.is_local()) {
        let (got, takes) = (open.to_string(), CLOSED.into());
        return Err(ConfigError::Bad { key, got, takes });
    }
    Ok(given)
}

fn restricted_answer(text: &str) -> Option<RestrictedAnswer> {
    match text {
        "reject" => Some(RestrictedAnswer::Reject),
        "bounce" => Some(RestrictedAnswer::Bounce),
        _ => None,
    }
}

fn database_url(text: &str) -> Option<DatabaseUrl> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return (!path.is_empty()).then(|| DatabaseUrl::Sqlite(path.into()));
    }
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    (known && sqlx::postgres::PgConnectOptions::from_str(text).is_ok())
        .then(|| DatabaseUrl::Postgres(text.into()))
}

fn connections(text: &str) -> Option<u32> {
    text.parse().ok().filter(|connections| (6..=200).contains(connections))
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// The one that people are shown.
fn help_url(text: &str) -> Option<Url> {
    web_url(text).filter(names_nobody)
}

/// Whether a URL has neither a user name nor a password.
fn names_nobody(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// An address of scheme, host and port alone.
pub(crate) fn origin(text: &str) -> Option<Url> {
    web_url(text)
        .filter(names_nobody)
        .filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
}

/// A duration as `90s`, `30m`, `24h`, `90d`.
pub(crate) fn duration(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 =
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }
}

fn delay(text: &str) -> Option<TimeDelta> {
    duration(text).filter(|delay| *delay <= LONGEST_DELAY)
}

fn retention(text: &str) -> Option<TimeDelta> {
    duration(text).filter(|time| (TimeDelta::days(2)..=TimeDelta::days(365)).contains(time))
}

fn scope(text: &str) -> Option<Scope> {
    match text {
        "outside" => Some(Scope::Outside),
        "all" => Some(Scope::All),
        _ => None,
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(key: &str, value: &str) -> String {
        Config::from_variables([(key, value)]).unwrap_err().to_string()
    }

    #[test]
    fn without_settings_everything_has_its_default() {
        let config = Config::from_variables::<String, String>([]).unwrap();
        assert_eq!(format!("{:?}", config.database_url), "sqlite:restricted-users.db");
        assert_eq!(config.unblock.propagation_delay, TimeDelta::minutes(30));
        assert_eq!(config.public_url("127.0.0.1:8080".parse().unwrap()), "http://localhost:8080");
        assert_eq!(config.policy_listen[0].to_string(), "127.0.0.1:10040");
    }

    #[test]
    fn a_bad_value_is_told_with_its_key_what_came_and_what_is_taken() {
        for (key, value, sentence) in [
            (
                "RESTRICTED_USERS_PROPAGATION_DELAY",
                "31m",
                "propagation_delay is \"31m\", but it takes a time from 0s to 30m, such as 90s or 30m",
            ),
            (
                "RESTRICTED_USERS_FORWARDED_HEADER",
                "x-client-ip",
                "forwarded_header is \"x-client-ip\", but it takes x-forwarded-for, forwarded or x-real-ip",
            ),
            (
                "RESTRICTED_USERS_ORGANIZATION_DOMAINS",
                "example.org,exa mple.org",
                "organization_domains is \"exa mple.org\", but it takes mail domains such as example.org",
            ),
            (
                "RESTRICTED_USERS_DATABASE_URL",
                "mysql://localhost",
                "database_url is \"mysql://localhost\", but it takes sqlite:PATH or \
                 postgres://USER:PASSWORD@HOST/NAME",
            ),
            (
                "RESTRICTED_USERS_POLICY_LISTEN",
                "0.0.0.0:10040",
                "policy_listen is \"0.0.0.0:10040\", but it takes loopback addresses and unix:/PATH \
                 alone while mail_server_networks is empty",
            ),
            (
                "RESTRICTED_USERS_SOCKETMAP_LISTEN",
                "127.0.0.1:10041,192.0.2.1:10041",
                "socketmap_listen is \"192.0.2.1:10041\", but it takes loopback addresses and \
                 unix:/PATH alone while mail_server_networks is empty",
            ),
            (
                "RESTRICTED_USERS_HIGH_RISK_TRANSPORT",
                "hi risk",
                "high_risk_transport is \"hi risk\", but it takes a transport of Postfix such as \
                 hirisk or hirisk:[192.0.2.66]:25",
            ),
        ] {
            assert_eq!(problem(key, value), sentence);
        }
    }

    #[test]
    fn an_address_that_people_are_shown_or_led_to_holds_no_login() {
        for key in ["RESTRICTED_USERS_HELP_URL", "RESTRICTED_USERS_PUBLIC_URL"] {
            Config::from_variables([(key, "https://help.example.org")]).unwrap();
            for login in ["admin", "admin:hunter2", ":hunter2"] {
                let told = problem(key, &format!("https://{login}@help.example.org"));
                assert!(told.contains("but it takes") && !told.contains("hunter2"), "{told}");
            }
        }
    }

    #[test]
    fn the_password_of_the_database_is_never_shown() {
        let shown = problem("RESTRICTED_USERS_DATABASE_URL", "mysql://u:hunter2@localhost");
        assert!(!shown.contains("hunter2"), "{shown}");
        let url = database_url("postgres://u:hunter2@localhost/x").unwrap();
        assert_eq!(format!("{url:?}"), "postgres://***");
    }

    #[test]
    fn a_list_in_a_variable_is_comma_separated_and_the_file_has_an_array() {
        let config = Config::from_variables([(
            "RESTRICTED_USERS_ORGANIZATION_DOMAINS",
            "Example.org, example.net",
        )])
        .unwrap();
        let domains: Vec<_> = config.organization.domains.iter().map(Domain::as_str).collect();
        assert_eq!(domains, ["example.org", "example.net"]);
    }

    #[test]
    fn a_variable_that_is_no_setting_is_a_warning_and_a_key_in_the_file_an_error() {
        let config = Config::from_variables([
            ("RESTRICTED_USERS_PORT", "tcp://10.0.0.1:8080"),
            ("RESTRICTED_USERS_URL", "http://localhost"),
        ])
        .unwrap();
        assert_eq!(config.unknown_variables, ["RESTRICTED_USERS_PORT"]);
    }
}
