//! A server in a process of its own.

use crate::documentation::Snippets;
use crate::harness::eventually;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running server; all of it ends and goes when this is dropped, or its process is killed.
pub struct Server {
    /// Where it keeps its files.
    pub folder: PathBuf,
    process: Child,
}

impl Server {
    /// Starts one of `tests/mail_flow/servers` and waits until it listens on all of its ports.
    pub async fn start(name: &str, snippets: &Snippets, ip: Ipv4Addr, ports: &[u16]) -> Self {
        let mut process = Command::new(format!("tests/mail_flow/servers/{name}"))
            .arg(snippets.path())
            .arg(ip.to_string())
            .args(ports.iter().map(u16::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut folder = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        assert!(!folder.is_empty(), "{name} did not start; tests/run installs what it needs");
        let server = Self { folder: PathBuf::from(folder.trim()), process };
        for port in ports {
            let listens = async || TcpStream::connect((ip, *port)).is_ok();
            eventually(&format!("{name} listens"), listens).await;
        }
        server
    }

    fn print_logs(&self) {
        for log in fs::read_dir(self.folder.join("logs")).into_iter().flatten().flatten() {
            let text = fs::read(log.path()).unwrap_or_default();
            eprintln!("{}:\n{}", log.path().display(), String::from_utf8_lossy(&text));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        // It ends when its standard input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A loopback address that no other story has for as long as this is held. A port looked for on
/// 127.0.0.1 could be taken by anybody before a server listens on it.
pub struct OwnAddress {
    pub ip: Ipv4Addr,
    _held: TcpListener,
}

impl OwnAddress {
    pub fn take() -> Self {
        const HELD_PORT: u16 = 24_000;
        let mut addresses = (1..=254).map(|host| Ipv4Addr::new(127, 24, 0, host));
        let hold = |ip| Some(Self { ip, _held: TcpListener::bind((ip, HELD_PORT)).ok()? });
        addresses.find_map(hold).expect("few stories are told at once")
    }
}
