//! The real program in a process of its own.

use crate::harness::Database;
use restricted_users::config::Config;
use restricted_users::store::Store;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A command of the program on a database, with no settings from outside.
pub fn command(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restricted-users"));
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("RESTRICTED_USERS_DATABASE_URL", &database.url)
        .env("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org")
        .current_dir(database.folder.path())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(database: &Database, arguments: &[&str]) -> Output {
    command(database, arguments).output().unwrap()
}

/// What a command wrote to standard output, after it went well.
pub fn result_of(database: &Database, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// `serve` on free ports, with settings of its own.
pub fn serve_command(database: &Database, settings: &[(&str, impl AsRef<str>)]) -> Command {
    let ports = [("LISTEN", "127.0.0.1:0"), ("POLICY_LISTEN", "127.0.0.1:0")];
    let settings = settings.iter().map(|(key, value)| (*key, value.as_ref()));
    let settings = ports.into_iter().chain(settings);
    let mut command = command(database, &["serve"]);
    command.envs(settings.map(|(key, value)| (format!("RESTRICTED_USERS_{key}"), value)));
    command
}

/// The same command behind one of a shell, such as `umask 0`.
pub fn in_shell(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    shell
}

/// The store of a database, to look into it past the program.
pub async fn open(database: &Database) -> Store {
    let variables = [("RESTRICTED_USERS_DATABASE_URL", database.url.clone())];
    Store::open(&Config::from_variables(variables).unwrap().database_url).await.unwrap()
}

/// A running `serve`; killed when dropped.
pub struct Serve {
    child: Child,
    /// Where its API listens.
    pub url: String,
    /// Where it answers mail servers.
    pub policy: String,
    /// What it wrote to standard output at its start.
    pub link: Option<String>,
    log: mpsc::Receiver<serde_json::Value>,
    read: Vec<serde_json::Value>,
}

impl Serve {
    /// Starts it and waits until it listens.
    pub fn start(database: &Database, delay: &str) -> Self {
        Self::with(database, &[("PROPAGATION_DELAY", delay)])
    }

    /// Starts it with settings of its own and waits until it listens.
    pub fn with(database: &Database, settings: &[(&str, impl AsRef<str>)]) -> Self {
        Self::running(serve_command(database, settings))
    }

    /// Starts it where the system allows a process so many open files, and waits until it listens.
    pub fn with_files(database: &Database, files: usize) -> Self {
        let defaults: [(&str, &str); 0] = [];
        let serve = serve_command(database, &defaults);
        Self::running(in_shell(&format!("ulimit -n {files}"), &serve))
    }

    /// Starts a command that serves and waits until it listens.
    pub fn running(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // Reads to the end, so that a full pipe never stops the program.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
                let _ = sender.send(line["fields"].clone());
            }
        });
        let (url, policy) = (String::new(), String::new());
        let mut serve = Self { child, url, policy, link: None, log, read: Vec::new() };
        serve.url = format!("http://{}", serve.listens("web"));
        serve.policy = serve.listens("postfix");
        serve
    }

    /// Waits until a part listens and answers where.
    pub fn listens(&mut self, part: &str) -> String {
        let line = self.line(|line| line["message"] == "listening" && line["part"] == part);
        line["address"].as_str().unwrap().to_owned()
    }

    /// Waits for the first such line of the log, whatever came before and behind it.
    pub fn line(&mut self, is_it: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            if let Some(line) = self.read.iter().find(|line| is_it(line)) {
                return line.clone();
            }
            let line = self.log.recv_timeout(STARTS_WITHIN).expect("the program logs it");
            self.read.push(line);
        }
    }

    /// Waits for a line of the log with this message that holds `text`.
    pub fn logs(&mut self, message: &str, text: &str) {
        let line = self.line(|line| line["message"] == message);
        assert!(line.to_string().contains(text), "{line}");
    }

    /// Waits for the line of the log that tells this of somebody.
    pub fn tells(&mut self, message: &str, address: &str) -> serde_json::Value {
        self.line(|line| line["message"] == message && line["address"] == address)
    }

    /// How many of the lines read so far have this message.
    pub fn logged(&self, message: &str) -> usize {
        self.read.iter().filter(|line| line["message"] == message).count()
    }

    /// Reads the first line of standard output.
    pub fn with_link(mut self) -> Self {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.link = Some(line.trim().to_owned());
        self
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// No file may grow past so many bytes from now on.
    pub fn limit_files_to(&self, bytes: &str) {
        let (pid, limit) = (self.child.id().to_string(), format!("--fsize={bytes}:unlimited"));
        let limited = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
        assert!(limited.unwrap().success());
    }

    /// As a service manager does; answers whether it ended well.
    pub fn terminate(mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    /// The same; answers what it has written to standard output.
    pub fn output_of_all_its_life(mut self) -> String {
        let mut stdout = self.child.stdout.take().unwrap();
        assert!(self.terminate());
        let mut output = String::new();
        stdout.read_to_string(&mut output).unwrap();
        output
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command on a machine whose clock is wrong, as `faketime -f` says.
pub fn at_another_time(database: &Database, time: &str, does: &str) -> Command {
    let command = command(database, &[does]);
    let mut faketime = Command::new("faketime");
    faketime.args(["-f", time]).arg(command.get_program()).arg(does);
    faketime.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    faketime.envs([
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("TZ", "UTC"),
        ("RESTRICTED_USERS_LISTEN", "127.0.0.1:0"),
        ("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0"),
        ("RESTRICTED_USERS_PROPAGATION_DELAY", "5m"),
    ]);
    faketime.current_dir(database.folder.path());
    faketime
}

/// Runs a command of an administrator.
pub fn as_root(command: &[&str]) {
    let command = if is_root() { command.to_vec() } else { [&["sudo", "-n"], command].concat() };
    let done = Command::new(command[0]).args(&command[1..]).status().unwrap();
    assert!(done.success(), "{command:?}");
}

pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}
