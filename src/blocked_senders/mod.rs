//! Blocked senders as `Get-BlockedSenderAddress` shows them and PowerShell's `Export-Csv` and
//! `ConvertTo-Json` write them to a file: read row by row, and written likewise.

mod csv;
mod date;
mod json;
mod text;
mod values;
mod writer;

pub use writer::{Format, Writer};

use crate::model::address::Address;
use crate::model::organization::Organization;
use crate::model::reason::Reason;
use chrono::{DateTime, Utc};
use std::io::Read;
use text::Text;
use values::Values;

/// One blocked sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedSender {
    pub sender_address: Address,
    /// Why; none where the file says nothing.
    pub reason: Option<Reason>,
    /// When the block began, to the microsecond, from 1970 to 9999.
    pub created: Option<DateTime<Utc>>,
    /// When something about it changed last, likewise.
    pub changed: Option<DateTime<Utc>>,
    /// Whether it ends by itself at midnight.
    pub temporary: bool,
}

/// A blocked sender and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line at which the row begins; the first is 1.
    pub line: u64,
    pub sender: BlockedSender,
}

/// What could not be read, in one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadRow {
    /// The line at which it begins; the first is 1.
    pub line: u64,
    /// The field, what came and what is taken.
    pub problem: String,
}

/// Reads a file that PowerShell wrote, holding one row at a time in memory. CSV and JSON are told
/// apart by the first character, UTF-8 and UTF-16 by the byte order mark. After a bad row come
/// the good ones; where nothing more can be read, a bad row is the last.
pub fn read<'a, R: Read + 'a>(
    reader: R,
    organization: &'a Organization,
) -> impl Iterator<Item = Result<Row, BadRow>> + use<'a, R> {
    records(reader).map(|record| {
        let Record { line, values } = record?;
        match values.blocked_sender(organization) {
            Ok(sender) => Ok(Row { line, sender }),
            Err(problem) => Err(BadRow { line, problem }),
        }
    })
}

/// A row as either format gives it.
struct Record {
    line: u64,
    values: Values,
}

enum Records<R> {
    Csv(csv::Rows<R>),
    Json(json::Objects<R>),
    Unreadable(Option<BadRow>),
}

fn records<R: Read>(reader: R) -> Records<R> {
    let mut text = Text::new(reader);
    match text.next_but(|byte| byte.is_ascii_whitespace()) {
        Ok(Some(b'[' | b'{')) => Records::Json(json::Objects::new(text)),
        Ok(_) => Records::Csv(csv::Rows::new(text)),
        Err(bad) => Records::Unreadable(Some(bad)),
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Json(objects) => objects.next(),
            Self::Unreadable(bad) => bad.take().map(Err),
        }
    }
}

#[cfg(test)]
mod tests;
