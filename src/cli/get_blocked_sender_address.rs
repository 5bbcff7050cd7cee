//! `get-blocked-sender-address`: the cmdlet of that name, over the API.

use super::blocked_sender_list::{Format, List};
use super::client::{Page, RestrictedUser, Server, VARIABLES};
use super::sender_address;
use anyhow::{bail, ensure};
use clap::Args;
use console::Term;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

/// Entries of one answer; the API gives no more.
const PAGE: &str = "200";

#[derive(Debug, Args)]
#[command(after_help = VARIABLES)]
pub(super) struct Arguments {
    /// This sender alone.
    #[arg(long, value_name = "ADDRESS", value_parser = sender_address)]
    sender_address: Option<String>,
    /// How to write the list.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let server = Server::of_the_environment()?;
    let out = BufWriter::new(stdout());
    let list = List::new(out, arguments.format, &Term::stdout())?;
    let list = match &arguments.sender_address {
        Some(address) => one(&server, address, list).await?,
        None => all(&server, list).await?,
    };
    list.finish()?.flush()?;
    Ok(ExitCode::SUCCESS)
}

async fn one<W: Write>(
    server: &Server,
    address: &str,
    mut list: List<W>,
) -> anyhow::Result<List<W>> {
    let user = server.look::<RestrictedUser>(server.route(["restricted-users", address])).await;
    match user {
        Ok(user) if user.released_at.is_none() => list.write(&[user.into()])?,
        Err(failure) if !failure.is_nobody() => return Err(failure.into()),
        _ => bail!("{address} is not restricted"),
    }
    Ok(list)
}

/// Page after page, oldest first.
async fn all<W: Write>(server: &Server, mut list: List<W>) -> anyhow::Result<List<W>> {
    let mut cursor: Option<String> = None;
    loop {
        let mut url = server.route(["restricted-users"]);
        url.query_pairs_mut()
            .extend_pairs([("sort", "restricted_at"), ("limit", PAGE)])
            .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
        let page: Page = server.look(url).await?;
        ensure!(page.next_cursor.is_none() || page.next_cursor != cursor, GOES_ROUND);
        let senders: Vec<_> = page.items.into_iter().map(Into::into).collect();
        list.write(&senders)?;
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(list);
        }
    }
}

const GOES_ROUND: &str =
    "the server's list does not come to an end; is RESTRICTED_USERS_URL right?";
