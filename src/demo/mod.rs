//! A sample organisation whose mail keeps flowing. All names are invented; domains are those that
//! are reserved for examples (RFC 2606).

mod history;
mod mail;

pub use history::{add_operator, write_history};
pub use mail::mail;

use crate::config::{Config, DatabaseUrl};
use crate::mail_port::listen::ListenAddress;
use crate::model::address::Domain;
use crate::model::organization::Organization;
use chrono::TimeDelta;
use std::path::Path;

/// Who signs in.
const OPERATOR: &str = "olivia@example.org";
/// Whose account was taken over.
const SPAMMER: &str = "victor.marsh@example.org";
/// Everybody else who sends mail.
const SENDERS: [&str; 12] = [
    "alma.reyes@example.org",
    "ben.okafor@example.org",
    "clara.lindt@example.org",
    "dmitri.hall@example.org",
    "esra.kaya@example.org",
    "finn.berg@example.org",
    "grace.tan@example.org",
    "hugo.silva@example.org",
    "ines.moreau@example.org",
    "jonas.weber@example.org",
    "newsletter@example.org",
    "support@example.org",
];

/// From a confirmed unblock until mail flows again: short enough to watch.
const DELAY: TimeDelta = TimeDelta::seconds(30);

/// The settings with what is the demo's own: nothing of it may touch what is real. Its policy port
/// is a free one, because a real mail server may ask at the usual one.
pub fn config(settings: Config, folder: &Path) -> Config {
    let mut config = settings;
    config.database_url = DatabaseUrl::Sqlite(folder.join("demo.db"));
    config.organization = Organization {
        name: "Example Org".into(),
        domains: Vec::from_iter(Domain::parse("example.org")),
    };
    config.unblock.propagation_delay = DELAY;
    config.policy_listen = vec![ListenAddress::Tcp { host: "127.0.0.1".into(), port: 0 }];
    config.socketmap_listen = Vec::new();
    config.mail_server_networks = Vec::new();
    config.oidc = None;
    config.require_mfa = false;
    config
}
