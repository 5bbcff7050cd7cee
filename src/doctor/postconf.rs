//! The settings of Postfix, as `postconf` tells them.

use super::master::{Service, services};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

/// Where to look for the program. On Debian it stands outside of other people's `PATH`.
const PROGRAMS: [&str; 2] = ["postconf", "/usr/sbin/postconf"];

/// How long it may take: it reads two files, but looks for the machine's name in the DNS.
const LONGEST_RUN: Duration = Duration::from_secs(20);

/// Octets of its output; Postfix 3.7 has 850 settings in 28 KiB.
const LONGEST_OUTPUT: u64 = 4 * 1024 * 1024;

/// The settings of Postfix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Postconf {
    /// Those of main.cf, defaults included.
    pub main: BTreeMap<String, String>,
    pub services: Vec<Service>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    #[error("there is no postconf on this machine")]
    NoProgram,
    #[error("postconf does not tell the settings of Postfix: {0}")]
    Failed(String),
}

impl Postconf {
    /// Settings as `postconf -x`, `postconf -M` and `postconf -Px` print them.
    pub fn parse(main: &str, master: &str, overrides: &str) -> Self {
        let main = main.lines().filter_map(setting);
        let main = main.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { main, services: services(master, overrides) }
    }

    /// A setting of a service: its own, else that of main.cf.
    pub fn get<'a>(&'a self, service: &'a Service, name: &str) -> &'a str {
        service.overrides.get(name).map_or_else(|| self.main(name), String::as_str)
    }

    /// A setting of main.cf; empty where it is unknown.
    pub fn main(&self, name: &str) -> &str {
        self.main.get(name).map_or("", String::as_str)
    }
}

/// `name = value`.
pub(super) fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    Some((name.trim(), value.trim()))
}

/// Reads the settings of the Postfix at `folder`, else of the machine's own.
///
/// # Errors
/// When there is no `postconf`, or it does not tell them.
pub async fn read(folder: Option<&Path>) -> Result<Postconf, Unread> {
    let program = PROGRAMS.into_iter().map(PathBuf::from).find(is_there);
    let program = program.ok_or(Unread::NoProgram)?;
    let main = run(&program, folder, "-x").await?;
    let master = run(&program, folder, "-M").await?;
    let overrides = run(&program, folder, "-Px").await?;
    Ok(Postconf::parse(&main, &master, &overrides))
}

fn is_there(program: &PathBuf) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

async fn run(program: &Path, folder: Option<&Path>, option: &str) -> Result<String, Unread> {
    let failed = |why: String| Unread::Failed(why);
    let mut command = Command::new(program);
    if let Some(folder) = folder {
        command.arg("-c").arg(folder);
    }
    command.arg(option).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.kill_on_drop(true).spawn().map_err(|error| failed(error.to_string()))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let all = async { tokio::join!(text(stdout), text(stderr), child.wait()) };
    let Ok((output, complaint, status)) = timeout(LONGEST_RUN, all).await else {
        return Err(failed(format!("it took longer than {} s", LONGEST_RUN.as_secs())));
    };
    if status.is_ok_and(|status| status.success()) {
        return Ok(output);
    }
    Err(failed(complaint.lines().next_back().unwrap_or("it failed").to_owned()))
}

async fn text(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut octets = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before a failure is shorter, and judged as what it is.
        let _ = pipe.take(LONGEST_OUTPUT).read_to_end(&mut octets).await;
    }
    String::from_utf8_lossy(&octets).into_owned()
}
