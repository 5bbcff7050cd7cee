//! What answers right now.

use super::finding::Finding;
use super::policy::Endpoint;
use crate::config::Config;
use crate::mail_port::listen::ListenAddress;
use crate::model::clock::Clock;
use crate::postfix::protocol::DUNNO;
use crate::store::{Integrity, MAIL_SERVER_ASKED, Result, Store};
use crate::timekeeper;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long an answer may take; Postfix is told to wait as long.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A request that is answered `DUNNO`, whoever is restricted.
const QUESTION: &[u8] = b"request=smtpd_access_policy\nprotocol_state=VRFY\n\n";

/// Where something can be connected to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `host:port`.
    Tcp(String),
    Unix(PathBuf),
}

impl Target {
    /// What Postfix reaches at `endpoint`.
    pub fn of(endpoint: &Endpoint, queue: &Path, chroot: bool) -> Self {
        match (endpoint, endpoint.path(queue, chroot)) {
            (_, Some(path)) => Self::Unix(path),
            (endpoint, None) => {
                let text = endpoint.to_string();
                Self::Tcp(text.trim_start_matches("inet:").to_owned())
            }
        }
    }
}

impl From<&ListenAddress> for Target {
    fn from(address: &ListenAddress) -> Self {
        Self::of(&Endpoint::of(address, Path::new("/")), Path::new("/"), false)
    }
}

/// Whether a policy service answers at `target`.
pub async fn policy_service(target: &Target) -> Finding {
    let asked = timeout(LONGEST_WAIT, ask(target)).await;
    let name = match target {
        Target::Tcp(address) => address.clone(),
        Target::Unix(path) => format!("unix:{}", path.display()),
    };
    match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(()) => Finding::ok(format!("the policy port answers at {name}")),
        Err(error) => Finding::problem(format!("no policy service answers at {name}: {error}"))
            .write("restricted-users serve"),
    }
}

async fn ask(target: &Target) -> io::Result<()> {
    match target {
        Target::Tcp(address) => converse(TcpStream::connect(address).await?).await,
        Target::Unix(path) => converse(UnixStream::connect(path).await?).await,
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(QUESTION).await?;
    let mut answer = [0; DUNNO.len()];
    stream.read_exact(&mut answer).await?;
    if answer == DUNNO {
        Ok(())
    } else {
        Err(io::Error::other("it gives another answer than ours"))
    }
}

/// Whether the database opens, and what it tells.
pub async fn database(config: &Config) -> Vec<Finding> {
    let url = &config.database_url;
    match Store::open(url).await {
        Ok(store) => {
            let mut findings = vec![Finding::ok(format!("the database {url:?} opens"))];
            for told in [integrity(&store).await, clock(&store).await, told_by(&store).await] {
                findings.extend(told.unwrap_or_else(|error| {
                    vec![Finding::problem(format!("{:#}", anyhow::Error::from(error)))]
                }));
            }
            store.close().await;
            findings
        }
        Err(error) => vec![
            Finding::problem(format!("the database {url:?} does not open: {error:#}"))
                .write("restricted-users.toml: database_url"),
        ],
    }
}

async fn told_by(store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if !store.has_operators().await? {
        findings.push(
            Finding::note("nobody can sign in yet")
                .write("restricted-users operator add ADDRESS --role organization-management"),
        );
    }
    findings.push(if store.has_reached(MAIL_SERVER_ASKED).await? {
        Finding::ok("a mail server has asked")
    } else {
        Finding::note("no mail server has ever asked")
    });
    let messages = store.last_without_verdict().await?;
    findings.extend((messages > 0).then(|| without_verdict(messages)));
    Ok(findings)
}

async fn clock(store: &Store) -> Result<Vec<Finding>> {
    let behind = timekeeper::offset(&Clock::default(), store).await?;
    let seconds = behind.as_seconds_f64().round();
    let says = format!("this machine's clock is {seconds} s behind the database's");
    let far_off = behind.abs() >= timekeeper::FAR_OFF;
    let finding = || Finding::warning(says).write("NTP on both machines");
    Ok(far_off.then(finding).into_iter().collect())
}

async fn integrity(store: &Store) -> Result<Vec<Finding>> {
    let found = store.quick_check().await?.map(|found| match found {
        Integrity::Whole => Finding::ok("the database's file is whole"),
        Integrity::Damaged(how) => Finding::problem(format!(
            "the database's file is damaged ({how}); docs/operations.md says how to restore a backup"
        )),
        Integrity::Unknown => Finding::note(
            "the database's file is too large to be looked through in 8 s; as far as that went it is \
             whole",
        ),
    });
    Ok(found.into_iter().collect())
}

fn without_verdict(messages: i64) -> Finding {
    let last = if messages == 1 { "message".into() } else { format!("{messages} messages") };
    Finding::warning(format!(
        "no spam filter has reported a verdict for the last {last}: only recipient limits can \
         restrict; docs/mail-servers/rspamd.md says how rspamd reports"
    ))
}
