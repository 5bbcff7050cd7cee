//! The API of a running server, as the commands call it that work over it.

mod failure;
mod restricted_user;

pub(super) use failure::Failure;
pub(super) use restricted_user::{Page, RestrictedUser};

use crate::config::origin;
use anyhow::Context;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::{Host, Url};

/// What is added to the help of every such command.
pub(super) const VARIABLES: &str = "\
The server is at RESTRICTED_USERS_URL [default: http://127.0.0.1:8080]; RESTRICTED_USERS_TOKEN holds the token, \
as `restricted-users token create` prints it.";

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// A machine that is off answers nothing at all; who waits shall learn of it.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
/// A server that hangs: ours ends every request of its own after 30 seconds.
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);
/// Against a server that is none of ours and sends without end: 200 entries with the longest reasons
/// and comments have less than half of it.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// The longest rest that a limit of requests asks for: it counts by the minute.
const LONGEST_REST: u64 = 60;

/// A server and the token for it.
#[derive(Debug)]
pub(super) struct Server {
    origin: Url,
    token: HeaderValue,
    http: reqwest::Client,
    patience: Duration,
}

impl Server {
    /// The server that the environment names.
    pub(super) fn of_the_environment() -> anyhow::Result<Self> {
        let url = std::env::var("RESTRICTED_USERS_URL").unwrap_or_default();
        let url = Some(url.trim()).filter(|url| !url.is_empty()).unwrap_or(DEFAULT_URL);
        let origin = origin(url).with_context(|| {
            format!("RESTRICTED_USERS_URL is {url:?}, but it takes scheme, host and port, such as {DEFAULT_URL}")
        })?;
        let token = std::env::var("RESTRICTED_USERS_TOKEN").unwrap_or_default();
        anyhow::ensure!(!token.trim().is_empty(), NO_TOKEN);
        if origin.scheme() == "http" && !is_here(&origin) {
            eprintln!(
                "restricted-users: the token goes to {origin} in the clear; https keeps it secret"
            );
        }
        Self::new(origin, token.trim(), ANSWERS_WITHIN)
    }

    fn new(origin: Url, token: &str, patience: Duration) -> anyhow::Result<Self> {
        let mut token = HeaderValue::try_from(format!("Bearer {token}"))
            .ok()
            .context("RESTRICTED_USERS_TOKEN holds characters that no token has")?;
        token.set_sensitive(true);
        // An error says that another part has chosen the same one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECTS_WITHIN)
            .read_timeout(patience)
            // A redirect could lead the token to somewhere else.
            .redirect(Policy::none());
        // So could a proxy that was set for the world outside.
        let http = if is_here(&origin) { http.no_proxy() } else { http };
        let http = http.build().context("the system's certificates cannot be read")?;
        Ok(Self { origin, token, http, patience })
    }

    /// The address of a route, each part of its path as it is.
    pub(super) fn route<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.origin.clone();
        let mut parts = url.path_segments_mut().expect("http addresses have a path");
        parts.clear().extend(["api", "v1"]).extend(path);
        drop(parts);
        url
    }

    /// The address of a path and query that somebody typed.
    pub(super) fn typed(&self, path: &str) -> Option<Url> {
        let url = self.origin.join(path).ok();
        url.filter(|url| url.origin() == self.origin.origin() && path.starts_with('/'))
    }

    /// The answer to a request that went well, read no further than its head.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<Response, Failure> {
        let mut request = self.http.request(method, url).header("authorization", &self.token);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer).await) }
    }

    /// The answer as what it stands for.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<T, Failure> {
        let whole = async {
            let answer = self.ask(method, url, body).await?;
            let status = answer.status();
            let bytes = self.bytes(answer, LARGEST_ANSWER).await?;
            serde_json::from_slice(&bytes).map_err(|_| self.not_ours(status))
        };
        // A server that sends a byte now and then never lets a read take long.
        let answer = tokio::time::timeout(self.patience, whole).await;
        answer.map_err(|_| self.slow())?
    }

    /// What is there, in time, however few requests a minute the server allows.
    pub(super) async fn look<T: DeserializeOwned>(&self, url: Url) -> Result<T, Failure> {
        loop {
            match self.json(Method::GET, url.clone(), None).await {
                Err(Failure::TooMany { rest: Some(rest), .. }) if rest <= LONGEST_REST => {
                    tokio::time::sleep(Duration::from_secs(rest.max(1))).await;
                }
                answer => return answer,
            }
        }
    }

    /// The next piece of an answer.
    pub(super) async fn chunk(
        &self,
        answer: &mut Response,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, Failure> {
        answer.chunk().await.map_err(|error| self.failed(&error))
    }

    async fn bytes(&self, mut answer: Response, most: usize) -> Result<Vec<u8>, Failure> {
        let (mut bytes, status) = (Vec::new(), answer.status());
        while let Some(chunk) = self.chunk(&mut answer).await? {
            if bytes.len() + chunk.as_ref().len() > most {
                return Err(self.not_ours(status));
            }
            bytes.extend_from_slice(chunk.as_ref());
        }
        Ok(bytes)
    }

    async fn refused(&self, answer: Response) -> Failure {
        let status = answer.status();
        if status.is_redirection() {
            return Failure::Elsewhere { server: self.name(), status: status.as_u16() };
        }
        if status == StatusCode::UNAUTHORIZED {
            return Failure::SignedOut { server: self.name() };
        }
        let rest = answer.headers().get(RETRY_AFTER);
        let rest = rest.and_then(|rest| rest.to_str().ok()?.parse().ok());
        match self.bytes(answer, LARGEST_ANSWER).await {
            Ok(bytes) => {
                Failure::of_document(&bytes, rest).unwrap_or_else(|| self.not_ours(status))
            }
            Err(failure) => failure,
        }
    }

    fn failed(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            return self.slow();
        }
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Failure::Unreachable { server: self.name(), why: innermost.to_string() }
    }

    fn slow(&self) -> Failure {
        Failure::Slow { server: self.name(), seconds: self.patience.as_secs() }
    }

    fn not_ours(&self, status: StatusCode) -> Failure {
        Failure::NotOurs { server: self.name(), status: status.as_u16() }
    }

    fn name(&self) -> String {
        self.origin.as_str().trim_end_matches('/').to_owned()
    }
}

const NO_TOKEN: &str =
    "RESTRICTED_USERS_TOKEN is not set; `restricted-users token create` prints a token for it";

fn is_here(origin: &Url) -> bool {
    match origin.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
