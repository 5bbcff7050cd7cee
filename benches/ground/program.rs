//! The real program in a process of its own.

use super::Database;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

/// A running `serve`; ends when dropped.
pub struct Program {
    child: Child,
    /// Where its portal and its API are.
    pub url: String,
    /// Where it answers mail servers.
    pub policy: String,
}

impl Program {
    /// Starts it on a database, with settings of its own, and waits until it listens.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let mut command = database.command();
        command
            .arg("serve")
            .env("RESTRICTED_USERS_LISTEN", "127.0.0.1:0")
            .env("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "warn,restricted_users::service=info")
            .envs(settings.iter().map(|(key, value)| (format!("RESTRICTED_USERS_{key}"), value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let url = format!("http://{}", listens(&mut log, "web"));
        let policy = listens(&mut log, "postfix");
        // Reads to the end, so that a full pipe never stops the program.
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        Self { child, url, policy }
    }

    /// Waits until it is ready.
    pub async fn ready(self) -> Self {
        while reqwest::get(format!("{}/readyz", self.url)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self
    }

    /// What Linux says of its memory, in MiB: `VmRSS` now, `VmHWM` at most.
    pub fn memory(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the program runs, on Linux");
        let line = status.lines().find(|line| line.starts_with(what)).expect("Linux tells it");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("it is a number").div_ceil(1024)
    }

    /// How many files and sockets it has open.
    pub fn files(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        folder.expect("the program runs, on Linux").count()
    }

    /// From now on `VmHWM` tells the most from now on.
    pub fn forget_the_most(&self) {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(file, "5").expect("the program runs, on Linux");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new token of a role group.
pub fn token(database: &Database, role: &str) -> String {
    let name = format!("bench-{}", uuid::Uuid::now_v7());
    let create = ["token", "create", "--name", &name, "--role", role];
    let output = database.command().args(create).output().expect("the command runs");
    String::from_utf8(output.stdout).expect("a token is text").trim().into()
}

/// Waits for the line of the log that tells where a part listens.
fn listens(log: &mut Lines<BufReader<ChildStderr>>, part: &str) -> String {
    loop {
        let line = log.next().expect("it starts").expect("a log is text");
        let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if line["fields"]["message"] == "listening" && line["fields"]["part"] == part {
            return line["fields"]["address"].as_str().expect("it is text").into();
        }
    }
}
