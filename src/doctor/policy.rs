//! How Postfix is told to ask a policy service (`SMTPD_POLICY_README`).

use super::restrictions::{split, unbraced};
use crate::mail_port::listen::ListenAddress;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Where a policy service or a socketmap is asked, as Postfix writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `inet:host:port`.
    Tcp(String),
    /// `unix:path`, relative to the queue directory.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `inet:host:port` or `unix:path`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix("inet:") {
            return Some(Self::Tcp(address.to_owned()));
        }
        let path = text.strip_prefix("unix:").or_else(|| text.strip_prefix("local:"))?;
        Some(Self::Unix(path.into()))
    }

    /// How Postfix reaches `address`; one that stands for all of a machine's is reached over
    /// loopback.
    pub fn of(address: &ListenAddress, queue: &Path) -> Self {
        match address {
            ListenAddress::Tcp { host, port } if is_wildcard(host) => {
                Self::Tcp(format!("127.0.0.1:{port}"))
            }
            ListenAddress::Tcp { .. } => Self::Tcp(address.to_string()),
            ListenAddress::Unix(path) => {
                Self::Unix(path.strip_prefix(queue).unwrap_or(path).to_owned())
            }
        }
    }

    /// Whether asking here reaches `address`.
    pub fn reaches(&self, address: &ListenAddress, queue: &Path, chroot: bool) -> bool {
        match (self, address) {
            (Self::Tcp(asked), ListenAddress::Tcp { host, port }) => {
                let (asked_host, asked_port) = asked.rsplit_once(':').unwrap_or(("", asked));
                let asked_host = asked_host.trim_matches(['[', ']']);
                asked_port.parse() == Ok(*port) && (is_wildcard(host) || is_same(asked_host, host))
            }
            (Self::Unix(_), ListenAddress::Unix(path)) => {
                self.path(queue, chroot).as_deref() == Some(path)
            }
            _ => false,
        }
    }

    /// Where the socket really is. In a chroot every path begins at the queue directory.
    pub fn path(&self, queue: &Path, chroot: bool) -> Option<PathBuf> {
        let Self::Unix(path) = self else { return None };
        let inside = if chroot { path.strip_prefix("/").unwrap_or(path) } else { path };
        Some(queue.join(inside))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "inet:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Whether an address to listen on stands for all of a machine's.
pub fn is_wildcard(host: &str) -> bool {
    host.parse().is_ok_and(|host: IpAddr| host.is_unspecified())
}

fn is_same(asked: &str, host: &str) -> bool {
    let is_loopback = |host: &str| {
        host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    };
    asked.eq_ignore_ascii_case(host)
        || (asked.eq_ignore_ascii_case("localhost") && is_loopback(host))
        || (host.eq_ignore_ascii_case("localhost") && is_loopback(asked))
}

/// `check_policy_service` with what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyService {
    /// Where it is asked; nothing where that is no address.
    pub(super) endpoint: Option<Endpoint>,
    /// What Postfix does while it is not answered, where the check says so itself.
    pub(super) default_action: Option<String>,
    /// How long Postfix waits, where the check says so itself.
    pub(super) timeout: Option<String>,
}

impl PolicyService {
    /// Reads `inet:host:port`, or the same in braces with settings of its own behind it.
    pub(super) fn read(text: &str) -> Self {
        let parts = unbraced(text).map_or_else(|| vec![text], split);
        let mut service = Self { endpoint: None, default_action: None, timeout: None };
        for part in parts {
            let part = unbraced(part).unwrap_or(part);
            match part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("default_action", value)) => service.default_action = Some(value.to_owned()),
                Some(("timeout", value)) => service.timeout = Some(value.to_owned()),
                Some(_) => {}
                None => service.endpoint = service.endpoint.or_else(|| Endpoint::parse(part)),
            }
        }
        service
    }
}
