//! A mail server, its logins, and the sinks that it delivers to.

use crate::documentation::Snippets;
use crate::harness::eventually;
use crate::mail_client::{Mail, Replies};
use crate::server::Server;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Where a mail server listens: its submission service, and its sinks inside and outside.
pub const SUBMISSION: u16 = 24_587;
/// Where Postfix speaks TLS from the first byte.
pub const SUBMISSIONS: u16 = 24_465;
const INSIDE: u16 = 24_025;
const OUTSIDE: u16 = 24_026;

/// A mail server that takes mail of everybody who has the password.
pub struct MailServer {
    /// What was delivered inside the organisation.
    pub inside: Sink,
    /// What was delivered to the outside.
    pub outside: Sink,
    ip: Ipv4Addr,
    server: Server,
}

impl MailServer {
    /// Starts one of `tests/mail_flow/servers`.
    pub async fn start(name: &str, snippets: &Snippets, ip: Ipv4Addr) -> Self {
        let server = Server::start(name, snippets, ip, &[SUBMISSION, INSIDE, OUTSIDE]).await;
        let sink = |name| Sink(server.folder.join(name));
        let (inside, outside) = (sink("inside"), sink("outside"));
        Self { inside, outside, ip, server }
    }

    /// The authority that Postfix has its certificate from.
    pub fn authority(&self) -> PathBuf {
        self.server.folder.join("tls/authority.pem")
    }

    /// Postfix' queue directory.
    pub fn queue(&self) -> PathBuf {
        self.server.folder.join("queue")
    }

    /// A mail client signs in and sends this message.
    pub fn submit(&self, mail: &Mail) -> Replies {
        mail.submit(&format!("{}:{SUBMISSION}", self.ip))
    }
}

/// A server that writes down each message that it is sent.
pub struct Sink(PathBuf);

impl Sink {
    /// The messages, envelope first.
    pub fn messages(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).unwrap();
        let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        files.map(|file| text(file.unwrap().path())).collect()
    }

    /// Waits until a message of `sender` for `recipient` is here.
    pub async fn receives(&self, sender: &str, recipient: &str) {
        let (sender, recipient) =
            (format!("X-Mail-Args: <{sender}>"), format!("X-Rcpt-Args: <{recipient}>"));
        eventually("the message is delivered", async || {
            let mut messages = self.messages().into_iter();
            messages.any(|message| message.contains(&sender) && message.contains(&recipient))
        })
        .await;
    }
}
