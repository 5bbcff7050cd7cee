//! `api`: any request of the API, authenticated.

use super::client::{Server, VARIABLES};
use anyhow::{Context, ensure};
use clap::Args;
use reqwest::Method;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

/// The largest body that any route takes.
const LARGEST_BODY: u64 = 16 * 1024 * 1024;

#[derive(Debug, Args)]
#[command(after_help = VARIABLES)]
pub(super) struct Arguments {
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(value_parser = method)]
    method: Method,
    /// Path and query, such as /api/v1/restricted-users?limit=1.
    path: String,
    /// The body; - for standard input.
    json: Option<String>,
}

fn method(text: &str) -> Result<Method, &'static str> {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = methods.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text));
    method.ok_or("it takes GET, POST, PUT, PATCH or DELETE")
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let server = Server::of_the_environment()?;
    let url = server.typed(&arguments.path).with_context(|| {
        format!("PATH is {:?}, but it begins with a slash, such as /api/v1/tokens", arguments.path)
    })?;
    let body = arguments.json.map(body).transpose()?;
    let mut answer = server.ask(arguments.method, url, body).await?;
    // Piece by piece: an audit log is larger than memory, and a stream of events has no end.
    let (mut out, mut last) = (stdout(), b'\n');
    while let Some(chunk) = server.chunk(&mut answer).await? {
        out.write_all(chunk.as_ref())?;
        out.flush()?;
        last = chunk.as_ref().last().copied().unwrap_or(last);
    }
    if last != b'\n' {
        writeln!(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn body(json: String) -> anyhow::Result<String> {
    if json != "-" {
        return Ok(json);
    }
    let mut body = String::new();
    let read = stdin().take(LARGEST_BODY + 1).read_to_string(&mut body);
    let read = read.context("the body on standard input cannot be read as UTF-8")?;
    ensure!(
        read as u64 <= LARGEST_BODY,
        "the body on standard input has more than {LARGEST_BODY} bytes"
    );
    Ok(body)
}
