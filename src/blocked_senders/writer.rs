//! Blocked senders, written in the shape in which they are read.

use super::{BlockedSender, values::Column};
use crate::model::reason::Reason;
use crate::spreadsheet::defused;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::io::{self, Write};

/// How a file of blocked senders is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A header and a line each, everything quoted, as `Export-Csv -NoTypeInformation` does; no cell
    /// is one that a spreadsheet would run.
    Csv,
    /// A list of objects, as `ConvertTo-Json` writes it.
    Json,
}

/// Writes blocked senders one by one; [`Writer::finish`] makes the file whole.
pub struct Writer<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Csv(Box<::csv::Writer<W>>),
    Json { out: W, before_object: &'static str },
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn new(out: W, format: Format) -> io::Result<Self> {
        match format {
            Format::Csv => {
                let mut csv = ::csv::WriterBuilder::new()
                    .quote_style(::csv::QuoteStyle::Always)
                    .has_headers(false)
                    .from_writer(out);
                csv.write_record(Column::ALL.map(Column::name)).map_err(unwritten)?;
                Ok(Self(Inner::Csv(Box::new(csv))))
            }
            Format::Json => Ok(Self(Inner::Json { out, before_object: "[\n" })),
        }
    }

    /// Adds a blocked sender.
    ///
    /// # Errors
    /// When the file cannot be written to.
    pub fn write(&mut self, sender: &BlockedSender) -> io::Result<()> {
        let shape = Shape::of(sender);
        match &mut self.0 {
            Inner::Csv(csv) => {
                let cells = shape.fields().map(defused);
                csv.write_record(cells.iter().map(|cell| cell.as_bytes())).map_err(unwritten)
            }
            Inner::Json { out, before_object } => {
                out.write_all(before_object.as_bytes())?;
                *before_object = ",\n";
                Ok(serde_json::to_writer(out, &shape)?)
            }
        }
    }

    /// Ends the file and hands back what it was written to.
    ///
    /// # Errors
    /// When the rest of it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::Csv(csv) => csv.into_inner().map_err(::csv::IntoInnerError::into_error),
            Inner::Json { mut out, before_object } => {
                let end = if before_object == ",\n" { "\n]\n" } else { "[]\n" };
                out.write_all(end.as_bytes())?;
                out.flush()?;
                Ok(out)
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shape<'a> {
    sender_address: &'a str,
    reason: Option<&'a str>,
    created_datetime: Option<String>,
    changed_datetime: Option<String>,
    temporary_block: bool,
}

impl<'a> Shape<'a> {
    fn of(sender: &'a BlockedSender) -> Self {
        Self {
            sender_address: sender.sender_address.as_str(),
            reason: sender.reason.as_ref().map(Reason::as_str),
            created_datetime: sender.created.map(iso_8601),
            changed_datetime: sender.changed.map(iso_8601),
            temporary_block: sender.temporary,
        }
    }

    fn fields(&self) -> [&str; 5] {
        [
            self.sender_address,
            self.reason.unwrap_or_default(),
            self.created_datetime.as_deref().unwrap_or_default(),
            self.changed_datetime.as_deref().unwrap_or_default(),
            if self.temporary_block { "True" } else { "False" },
        ]
    }
}

/// What the file said; the csv crate would wrap it so that nobody knows a broken pipe any more.
fn unwritten(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn iso_8601(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocked_senders::read;
    use crate::model::address::Address;
    use crate::model::organization::Organization;
    use proptest::{collection::vec, option, prelude::*};

    fn written(format: Format, senders: &[BlockedSender]) -> String {
        let mut writer = Writer::new(Vec::new(), format).unwrap();
        for sender in senders {
            writer.write(sender).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    fn alice_and_bob() -> [BlockedSender; 2] {
        let alice = BlockedSender {
            sender_address: Address::stored("alice@example.org"),
            reason: Some(Reason::parse("said \"no\", twice")),
            created: Some("2025-11-20T09:14:03Z".parse().unwrap()),
            changed: Some("2025-11-20T09:14:03.5Z".parse().unwrap()),
            temporary: true,
        };
        let bob = BlockedSender {
            sender_address: Address::stored("bob@example.org"),
            reason: None,
            created: None,
            changed: None,
            temporary: false,
        };
        [alice, bob]
    }

    #[test]
    fn csv_quotes_everything_and_names_no_type() {
        insta::assert_snapshot!(written(Format::Csv, &alice_and_bob()), @r#"
        "SenderAddress","Reason","CreatedDatetime","ChangedDatetime","TemporaryBlock"
        "alice@example.org","said ""no"", twice","2025-11-20T09:14:03Z","2025-11-20T09:14:03.500Z","True"
        "bob@example.org","","","","False"
        "#);
    }

    #[test]
    fn json_is_a_list_with_an_object_a_line() {
        insta::assert_snapshot!(written(Format::Json, &alice_and_bob()), @r#"
        [
        {"SenderAddress":"alice@example.org","Reason":"said \"no\", twice","CreatedDatetime":"2025-11-20T09:14:03Z","ChangedDatetime":"2025-11-20T09:14:03.500Z","TemporaryBlock":true},
        {"SenderAddress":"bob@example.org","Reason":null,"CreatedDatetime":null,"ChangedDatetime":null,"TemporaryBlock":false}
        ]
        "#);
        assert_eq!(written(Format::Json, &[]), "[]\n");
    }

    fn any_date() -> impl Strategy<Value = Option<DateTime<Utc>>> {
        option::of(
            (0..253_402_300_799_999_999_i64)
                .prop_map(|microseconds| DateTime::from_timestamp_micros(microseconds).unwrap()),
        )
    }

    prop_compose! {
        fn any_sender()(
            address in "[a-z'=+-][a-z \",;]{0,19}@[a-z]{1,9}",
            reason in option::of("[^\0]{0,40}x|[\";,\r\n\t'=+@-]{1,9}x"),
            created in any_date(),
            changed in any_date(),
            temporary: bool,
        ) -> BlockedSender {
            BlockedSender {
                sender_address: Address::parse(&address, None).unwrap(),
                reason: reason.as_deref().map(Reason::parse),
                created,
                changed,
                temporary,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(senders in vec(any_sender(), 0..5)) {
            for format in [Format::Csv, Format::Json] {
                let file = written(format, &senders);
                let read_back: Vec<_> = read(file.as_bytes(), &Organization::default())
                    .map(|row| row.unwrap().sender)
                    .collect();
                prop_assert_eq!(&read_back, &senders);
            }
        }
    }
}
