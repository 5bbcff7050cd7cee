//! Blocked senders on standard output: a table that fits the terminal, tab-separated lines, or a
//! file that `import` reads. Each page is written before the next is asked for.

use crate::blocked_senders::{self, BlockedSender, Writer};
use crate::model::reason::Reason;
use chrono::SecondsFormat;
use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use std::io::{self, Write};

/// How the list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people, tab-separated lines for a pipe.
    Table,
    /// A list of objects, as `ConvertTo-Json` writes it.
    Json,
    /// A header and a line each, as `Export-Csv` writes it.
    Csv,
}

/// A list that is being written.
pub(super) enum List<W: Write> {
    File(Box<Writer<W>>),
    Table(Table<W>),
    Lines(W),
}

/// A table whose columns are as wide as the first page needs them.
pub(super) struct Table<W> {
    out: W,
    terminal: usize,
    addresses: Option<usize>,
}

impl<W: Write> List<W> {
    /// Begins a list; `terminal` is where a table would be seen.
    pub(super) fn new(out: W, format: Format, terminal: &Term) -> io::Result<Self> {
        Ok(match format {
            Format::Json => Self::file(out, blocked_senders::Format::Json)?,
            Format::Csv => Self::file(out, blocked_senders::Format::Csv)?,
            Format::Table if terminal.is_term() => {
                Self::Table(Table { out, terminal: terminal.size().1.into(), addresses: None })
            }
            Format::Table => Self::Lines(out),
        })
    }

    fn file(out: W, format: blocked_senders::Format) -> io::Result<Self> {
        Ok(Self::File(Box::new(Writer::new(out, format)?)))
    }

    /// Adds some.
    pub(super) fn write(&mut self, page: &[BlockedSender]) -> io::Result<()> {
        match self {
            Self::File(file) => page.iter().try_for_each(|sender| file.write(sender)),
            Self::Table(table) => table.write(page),
            Self::Lines(out) => {
                page.iter().try_for_each(|sender| writeln!(out, "{}", cells(sender).join("\t")))?;
                out.flush()
            }
        }
    }

    /// Ends the list and hands back what it was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::File(file) => file.finish(),
            Self::Table(Table { out, .. }) | Self::Lines(out) => Ok(out),
        }
    }
}

impl<W: Write> Table<W> {
    fn write(&mut self, page: &[BlockedSender]) -> io::Result<()> {
        const HEADS: [&str; 4] = ["SENDER ADDRESS", "CREATED", "TEMPORARY", "REASON"];
        let rows: Vec<_> = page.iter().map(cells).collect();
        if self.addresses.is_none() {
            let widths = rows.iter().map(|row| measure_text_width(&row[0]));
            self.addresses = widths.chain([HEADS[0].len()]).max();
            self.line(&HEADS.map(String::from))?;
        }
        rows.iter().try_for_each(|row| self.line(row))?;
        self.out.flush()
    }

    /// The whole address as long as it fits; what stands behind it gives way.
    fn line(&mut self, [address, created, temporary, reason]: &[String; 4]) -> io::Result<()> {
        let address = pad_str(address, self.addresses.unwrap_or_default(), Alignment::Left, None);
        let line = format!("{address}  {created:20}  {temporary:9}  {reason}");
        writeln!(self.out, "{}", truncate_str(line.trim_end(), self.terminal, "…"))
    }
}

fn cells(sender: &BlockedSender) -> [String; 4] {
    let created = sender.created.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let reason = sender.reason.as_ref().map(Reason::as_str).unwrap_or_default();
    let temporary = if sender.temporary { "True" } else { "False" };
    [
        harmless(sender.sender_address.as_str()),
        created.unwrap_or_default(),
        temporary.into(),
        harmless(reason),
    ]
}

/// The text on one line, without anything that a terminal obeys or that turns the direction of text.
fn harmless(text: &str) -> String {
    let is_obeyed = |it: char| {
        it.is_control()
            || matches!(it, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut harmless = String::with_capacity(text.len());
    for it in text.chars() {
        if is_obeyed(it) { harmless.extend(it.escape_default()) } else { harmless.push(it) }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Address;

    fn sender(address: &str, reason: &str) -> BlockedSender {
        BlockedSender {
            sender_address: Address::parse(address, None).unwrap(),
            reason: Some(Reason::parse(reason)),
            created: Some("2026-11-23T10:00:00.5Z".parse().unwrap()),
            changed: None,
            temporary: false,
        }
    }

    fn table(terminal: usize, pages: &[&[BlockedSender]]) -> String {
        let mut table = Table { out: Vec::new(), terminal, addresses: None };
        for page in pages {
            table.write(page).unwrap();
        }
        String::from_utf8(table.out).unwrap()
    }

    #[test]
    fn a_table_has_no_line_that_is_wider_than_the_terminal_and_shows_addresses_whole() {
        let long = "somebody.with.a.long.name@example.org";
        let pages: [&[_]; 2] = [
            &[sender("alice@example.org", "sent spam to everybody and their cousins")],
            &[
                sender(long, "sent spam"),
                sender("bob@example.org", "日本語のスパムを送信しました、何度も"),
            ],
        ];
        insta::assert_snapshot!(table(60, &pages), @r"
        SENDER ADDRESS     CREATED               TEMPORARY  REASON
        alice@example.org  2026-11-23T10:00:00Z  False      sent sp…
        somebody.with.a.long.name@example.org  2026-11-23T10:00:00Z…
        bob@example.org    2026-11-23T10:00:00Z  False      日本語…
        ");
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_and_not_obeyed() {
        assert_eq!(
            harmless("a\u{1b}[31mb\n\tc\u{9b}\u{202e}"),
            "a\\u{1b}[31mb\\n\\tc\\u{9b}\\u{202e}"
        );
        assert_eq!(harmless("Grüße \\ \"日本\""), "Grüße \\ \"日本\"");
    }
}
