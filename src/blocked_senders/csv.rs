//! CSV as `Export-Csv` writes it.

use super::{
    BadRow, Record,
    text::{Cut, Text},
    values::{Column, Values, shown},
};
use crate::spreadsheet::restored;
use ::csv::{Position, Reader, ReaderBuilder, StringRecord};
use std::io::{Cursor, Read, SeekFrom};

/// A comma, or what `-UseCulture` and `-Delimiter` put in its place.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The rows after the header.
pub(super) struct Rows<R> {
    text: Text<R>,
    header: Option<Header>,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(text: Text<R>) -> Self {
        Self { text, header: None }
    }

    fn next_row(&mut self) -> Result<Option<Record>, BadRow> {
        if self.header.is_none() {
            self.header = self.read_header()?;
        }
        let Some(header) = &mut self.header else { return Ok(None) };
        let Some(cut) = next_cut(&mut self.text, header.delimiter)? else { return Ok(None) };
        let values =
            header.values(cut.text()?).map_err(|problem| BadRow { line: cut.line, problem })?;
        Ok(Some(Record { line: cut.line, values }))
    }

    fn read_header(&mut self) -> Result<Option<Header>, BadRow> {
        while let Some(cut) = next_cut(&mut self.text, DELIMITERS[0])? {
            let text = match cut.text() {
                Ok(text) => text,
                Err(bad) => return Err(self.text.give_up(bad.line, bad.problem)),
            };
            // Windows PowerShell names the type of the objects first.
            if !text.starts_with("#TYPE") {
                return Header::read(text)
                    .map(Some)
                    .map_err(|problem| self.text.give_up(cut.line, problem));
            }
        }
        Ok(None)
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Record, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.has_given_up() {
            return None;
        }
        self.next_row().transpose()
    }
}

/// Which column stands where, and how rows are split into them.
struct Header {
    delimiter: u8,
    columns: Vec<Option<Column>>,
    splitter: Splitter,
}

impl Header {
    fn read(text: &str) -> Result<Self, String> {
        DELIMITERS
            .into_iter()
            .map(|delimiter| Self::read_with(delimiter, text))
            .find(|header| header.columns.contains(&Some(Column::SenderAddress)))
            .ok_or_else(|| {
                format!(
                    "no column is named SenderAddress in the header {}; \
                     a file of Export-Csv or ConvertTo-Json is taken",
                    shown(text.trim_end())
                )
            })
    }

    fn read_with(delimiter: u8, text: &str) -> Self {
        let mut splitter = Splitter::new(delimiter);
        let columns = splitter.fields(text).iter().map(Column::named).collect();
        Self { delimiter, columns, splitter }
    }

    fn values(&mut self, text: &str) -> Result<Values, String> {
        let fields = self.splitter.fields(text);
        if fields.len() != self.columns.len() {
            let (came, taken) = (fields.len(), self.columns.len());
            return Err(format!("the row has {came} fields; the header names {taken}"));
        }
        let mut values = Values::default();
        for (column, field) in self.columns.iter().zip(fields) {
            if let Some(column) = column {
                values.set(*column, restored(field).to_owned());
            }
        }
        Ok(values)
    }
}

/// Cuts off the next row that is not empty.
fn next_cut<R: Read>(text: &mut Text<R>, delimiter: u8) -> Result<Option<Cut>, BadRow> {
    if text.next_but(is_line_end)?.is_none() {
        return Ok(None);
    }
    let mut place = Place::FieldStart;
    let cut = text.cut(|byte| {
        place = place.after(byte, delimiter);
        place == Place::RowEnd
    })?;
    if place == Place::Quoted {
        return Err(text.give_up(cut.line, "the row opens a quote that is never closed"));
    }
    Ok(Some(cut))
}

/// Where in a row a byte left off, as RFC 4180 and the csv crate see it: a quote opens nothing
/// but at the start of a field.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    FieldStart,
    Field,
    Quoted,
    /// Closed, or half of a doubled quote.
    QuoteInQuoted,
    RowEnd,
}

impl Place {
    fn after(self, byte: u8, delimiter: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::FieldStart | Self::QuoteInQuoted, b'"') | (Self::Quoted, _) => Self::Quoted,
            (_, byte) if byte == delimiter => Self::FieldStart,
            (_, byte) if is_line_end(byte) => Self::RowEnd,
            _ => Self::Field,
        }
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Splits rows into fields. One reader serves them all, because making one takes longer than
/// splitting many rows.
struct Splitter {
    csv: Reader<Cursor<Vec<u8>>>,
    fields: StringRecord,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        let mut csv = ReaderBuilder::new();
        csv.has_headers(false).delimiter(delimiter).flexible(true);
        Self { csv: csv.from_reader(Cursor::default()), fields: StringRecord::new() }
    }

    fn fields(&mut self, text: &str) -> &StringRecord {
        let row = self.csv.get_mut().get_mut();
        row.clear();
        row.extend_from_slice(text.as_bytes());
        self.csv
            .seek_raw(SeekFrom::Start(0), Position::new())
            .and_then(|()| self.csv.read_record(&mut self.fields))
            .expect("UTF-8 in memory can be read");
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_cut_where_the_csv_crate_would_cut_them(
            file in "([ab,]|\"|\"\"|\r\n|\n|\r){0,40}",
        ) {
            let mut whole = ReaderBuilder::new();
            let whole = whole.has_headers(false).flexible(true).from_reader(file.as_bytes());
            let expected: Vec<_> = whole.into_records().map(Result::unwrap).collect();

            let mut text = Text::new(file.as_bytes());
            let mut splitter = Splitter::new(b',');
            let mut rows = Vec::new();
            while let Ok(Some(cut)) = next_cut(&mut text, b',') {
                rows.push(splitter.fields(cut.text().unwrap()).clone());
            }

            // The crate takes a quote that is never closed for a row; we do not.
            let all = expected.len() - usize::from(text.has_given_up());
            prop_assert_eq!(&rows[..], &expected[..all]);
        }
    }
}
