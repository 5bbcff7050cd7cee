//! A real Postfix, its logins, and the sinks that it delivers to.

use crate::harness::eventually;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const DOCUMENTATION: &str = include_str!("../../docs/mail-servers.md");
const README: &str = include_str!("../../README.md");

/// Where the documentation's lines reach the service.
const DOCUMENTED_TCP: &str = "inet:127.0.0.1:10040";
const DOCUMENTED_UNIX_SOCKET: &str = "unix:restricted/policy.sock";

/// Where a mail server listens: its submission service, and its sinks inside and outside.
const SUBMISSION: u16 = 24_587;
const INSIDE: u16 = 24_025;
const OUTSIDE: u16 = 24_026;

/// A mail server; all of it ends and goes when this is dropped, or its process is killed.
pub struct MailServer {
    /// What was delivered inside the organisation.
    pub inside: Sink,
    /// What was delivered to the outside.
    pub outside: Sink,
    address: OwnAddress,
    folder: PathBuf,
    process: Child,
}

impl MailServer {
    /// Starts one that asks the service at `policy`, and waits until it listens.
    pub async fn start(policy: &str) -> Self {
        let address = OwnAddress::take();
        let ports = [SUBMISSION, INSIDE, OUTSIDE];
        let mut process = Command::new("tests/mail_flow/mail-server")
            .arg(address.ip.to_string())
            .args(ports.map(|port| port.to_string()))
            .arg(documented_lines(policy))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut folder = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        assert!(
            !folder.is_empty(),
            "the mail server did not start; tests/run installs what it needs"
        );
        let folder = PathBuf::from(folder.trim());
        let sink = |name| Sink(folder.join(name));
        let (inside, outside) = (sink("inside"), sink("outside"));
        let mail_server = Self { inside, outside, address, folder, process };
        for port in ports {
            eventually("the mail server listens", async || {
                TcpStream::connect((mail_server.address.ip, port)).is_ok()
            })
            .await;
        }
        mail_server
    }

    /// The queue directory.
    pub fn queue(&self) -> PathBuf {
        self.folder.join("queue")
    }

    /// A mail client signs in as `sender` and sends a message.
    pub fn send(&self, sender: &str, recipients: &[&str]) -> Replies {
        self.send_as(sender, sender, recipients)
    }

    /// A mail client signs in as `login` and sends a message of `envelope_sender`.
    pub fn send_as(&self, login: &str, envelope_sender: &str, recipients: &[&str]) -> Replies {
        let client = Command::new("swaks")
            .arg("--server")
            .arg(format!("{}:{SUBMISSION}", self.address.ip))
            .args(["--auth", "PLAIN", "--auth-user", login, "--auth-password", "secret"])
            .args(["--from", envelope_sender, "--to", &recipients.join(",")])
            .output()
            .expect("swaks is there; tests/run installs it");
        Replies(String::from_utf8(client.stdout).unwrap())
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log-postfix"));
            eprintln!("{}", log.unwrap_or_default());
        }
        // It ends when its standard input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The lines for `main.cf` as the documentation gives them, with another address of the service.
fn documented_lines(policy: &str) -> String {
    let (_, postfix) = DOCUMENTATION.split_once("\n## Postfix\n").unwrap();
    let lines = postfix.split("```").nth(1).unwrap();
    assert!(README.contains(lines), "README.md gives other lines than docs/mail-servers.md");
    assert!(lines.contains(DOCUMENTED_TCP), "{lines}");
    assert!(policy.starts_with("inet:") || policy == DOCUMENTED_UNIX_SOCKET, "{policy}");
    assert!(postfix.contains(DOCUMENTED_UNIX_SOCKET), "{postfix}");
    lines.replace(DOCUMENTED_TCP, policy)
}

/// A loopback address that no other mail server of a test has for as long as this is held. A port
/// looked for on 127.0.0.1 could be taken by anybody before Postfix listens on it.
struct OwnAddress {
    ip: Ipv4Addr,
    _held: TcpListener,
}

impl OwnAddress {
    fn take() -> Self {
        const HELD_PORT: u16 = 24_000;
        let mut addresses = (1..=254).map(|host| Ipv4Addr::new(127, 24, 0, host));
        let hold = |ip| Some(Self { ip, _held: TcpListener::bind((ip, HELD_PORT)).ok()? });
        addresses.find_map(hold).expect("few tests run at once")
    }
}

/// What a mail client said and was answered, as swaks writes it down.
pub struct Replies(String);

impl Replies {
    /// The reply to `RCPT TO` of a recipient.
    pub fn to(&self, recipient: &str) -> &str {
        let command = format!(" -> RCPT TO:<{recipient}>");
        let mut lines = self.0.lines().skip_while(|line| *line != command).skip(1);
        // An arrow and two spaces, or two asterisks and one, come before the reply.
        lines.next().and_then(|line| line.get(4..)).unwrap_or_else(|| panic!("{}", self.0))
    }
}

/// A server that writes down each message that it is sent.
pub struct Sink(PathBuf);

impl Sink {
    /// The messages, envelope first.
    pub fn messages(&self) -> Vec<String> {
        fs::read_dir(&self.0).unwrap().map(|file| read(&file.unwrap().path())).collect()
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

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
