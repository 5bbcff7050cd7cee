//! The server that takes mail.

use super::limited::Limited;
use crate::config::{SmtpTls, SmtpUrl};
use crate::courier::Undelivered;
use crate::model::text::decent;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use secrecy::ExposeSecret;
use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Characters of what a server says that are told.
const LONGEST_SAYING: usize = 200;
/// The mail is taken by then, so a farewell is worth no more.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a mail server may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To be connected to: against a firewall that drops what it does not let through.
    pub connect: Duration,
    /// To greet, and each to begin TLS and to let us in: against a server that has hung, or what is no
    /// mail server. Some let strangers wait for some seconds on purpose (Postfix' postscreen).
    pub greet: Duration,
    /// To take the mail: against one that hangs after DATA, behind a filter that has.
    pub take: Duration,
    /// Altogether: against one that dribbles and is within the limit at each step. It is well below
    /// the lease of a delivery, so that nobody else tries meanwhile.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greet: Duration::from_secs(15),
            take: Duration::from_secs(30),
            whole: Duration::from_mins(1),
        }
    }
}

/// The server that takes mail.
pub(super) struct Relay {
    server: SmtpUrl,
    tls: Result<Tls, Undelivered>,
    limits: Limits,
}

enum Tls {
    None,
    Upgraded(TlsParameters),
    Implicit(TlsConnector, ServerName<'static>),
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Relay").field(&self.server).finish()
    }
}

impl Relay {
    pub(super) fn new(server: SmtpUrl, limits: Limits) -> Self {
        let tls = tls(&server);
        Self { server, tls, limits }
    }

    pub(super) fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) async fn send(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), Undelivered> {
        let limit = self.limits.whole;
        let mut connection = timeout(limit, self.converse(envelope, mail))
            .await
            .unwrap_or_else(|_| Err(too_slow("take the mail", limit)))?;
        // The server has the mail, so whatever becomes of the farewell, it is not sent again.
        let _ = timeout(FAREWELL, connection.quit()).await;
        Ok(())
    }

    async fn converse(
        &self,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<AsyncSmtpConnection, Undelivered> {
        let (limits, tls) = (&self.limits, self.tls.as_ref().map_err(Clone::clone)?);
        let connected = timeout(limits.connect, self.connect());
        let stream =
            connected.await.unwrap_or_else(|_| Err(too_slow("connect", limits.connect)))?;
        let greeted = self.greeted(stream, tls);
        let mut smtp = within(limits.greet, "greet", greeted).await?;
        if let Tls::Upgraded(parameters) = tls {
            let us = ClientId::default();
            let begin = smtp.starttls(parameters.clone(), &us);
            within(limits.greet, "begin TLS", begin).await?;
        }
        if let Some((user, password)) = &self.server.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let sign_in = smtp.auth(DEFAULT_MECHANISMS, &credentials);
            within(limits.greet, "let us in", sign_in).await?;
        }
        within(limits.take, "take the mail", smtp.send(envelope, mail)).await?;
        Ok(smtp)
    }

    async fn connect(&self) -> Result<TcpStream, Undelivered> {
        let SmtpUrl { host, port, .. } = &self.server;
        TcpStream::connect((without_brackets(host), *port)).await.map_err(|error| {
            Undelivered(format!("the mail server {host}:{port} cannot be reached: {error}"))
        })
    }

    async fn greeted(&self, tcp: TcpStream, tls: &Tls) -> Result<AsyncSmtpConnection, Problem> {
        let (peer, us) = (tcp.peer_addr().map_err(Problem::Tls)?, ClientId::default());
        let smtp = match tls {
            Tls::Implicit(connector, name) => {
                let stream = connector.connect(name.clone(), tcp).await.map_err(Problem::Tls)?;
                let stream = Box::new(Limited::new(stream, peer));
                AsyncSmtpConnection::connect_with_transport(stream, &us).await
            }
            Tls::None | Tls::Upgraded(_) => {
                let stream = Box::new(Limited::new(tcp, peer));
                AsyncSmtpConnection::connect_with_transport(stream, &us).await
            }
        };
        Ok(smtp?)
    }
}

fn tls(server: &SmtpUrl) -> Result<Tls, Undelivered> {
    // An error says that another part has chosen the same one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let host = without_brackets(&server.host).to_owned();
    let no_tls = |error: &dyn fmt::Display| {
        Undelivered(format!("TLS to the mail server cannot be begun: {error}"))
    };
    match server.tls {
        SmtpTls::Loopback => Ok(Tls::None),
        SmtpTls::StartTls => {
            let parameters = TlsParameters::new(host).map_err(|error| no_tls(&error))?;
            Ok(Tls::Upgraded(parameters))
        }
        SmtpTls::Implicit => {
            let config = ClientConfig::with_platform_verifier().map_err(|error| no_tls(&error))?;
            let name = ServerName::try_from(host).map_err(|error| no_tls(&error))?;
            Ok(Tls::Implicit(TlsConnector::from(Arc::new(config)), name))
        }
    }
}

/// An IPv6 address stands in brackets in a URL, and nowhere else.
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// What went wrong at a step.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Smtp(#[from] Error),
    #[error(transparent)]
    Tls(std::io::Error),
}

async fn within<T, E: Into<Problem>>(
    limit: Duration,
    what: &str,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Undelivered> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(|error| told(what, &error.into())),
        Err(_) => Err(too_slow(what, limit)),
    }
}

fn too_slow(what: &str, limit: Duration) -> Undelivered {
    let seconds = limit.as_secs_f64();
    Undelivered(format!("the mail server did not {what} within {seconds} seconds"))
}

/// A sentence. What the server said is a stranger's: on one line, and cut.
fn told(what: &str, problem: &Problem) -> Undelivered {
    let said = |source: &dyn fmt::Display| decent(&source.to_string(), LONGEST_SAYING);
    let error = match problem {
        Problem::Smtp(error) => error,
        Problem::Tls(error) => {
            return Undelivered(format!("TLS to the mail server failed: {}", said(error)));
        }
    };
    let source = error.source().map(|source| said(&source)).unwrap_or_default();
    Undelivered(match error.status() {
        Some(code) => format!("the mail server did not {what}, it said {code}: {source}"),
        None if error.is_response() && source == "incomplete response" => {
            format!("the mail server did not {what}, it closed the connection")
        }
        // What came is in the error, whole.
        None if error.is_response() => {
            format!("the mail server did not {what}, its answer is not SMTP")
        }
        None => format!("the mail server did not {what}: {source}"),
    })
}
