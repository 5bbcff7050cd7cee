//! Lists: a table on a terminal, tab-separated otherwise, JSON when asked for.

use super::print;
use serde_json::{Map, Value};
use std::io::IsTerminal;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people, tab-separated lines for a pipe.
    Text,
    /// A list of objects.
    Json,
}

/// Writes the rows under their column names.
pub(super) fn show<const N: usize>(format: Format, columns: [&str; N], rows: &[[String; N]]) {
    match format {
        Format::Json => print(&json(columns, rows)),
        Format::Text if std::io::stdout().is_terminal() => print(&table(columns, rows)),
        Format::Text => rows.iter().for_each(|row| print(&row.join("\t"))),
    }
}

fn json<const N: usize>(columns: [&str; N], rows: &[[String; N]]) -> String {
    let object = |row: &[String; N]| -> Value {
        let value = |text: &String| if text.is_empty() { Value::Null } else { text.clone().into() };
        let pairs = columns.iter().zip(row).map(|(column, text)| (column.to_string(), value(text)));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let objects: Value = rows.iter().map(object).collect();
    format!("{objects:#}")
}

fn table<const N: usize>(columns: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([columns[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let heads = columns.map(|column| column.replace('_', " ").to_uppercase());
    let lines = std::iter::once(line(&heads)).chain(rows.iter().map(|row| line(row)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_widest_cell_and_json_has_null_for_nothing() {
        let rows = [["ci".into(), String::new()], ["monitoring".into(), "never".into()]];
        assert_eq!(
            table(["name", "last_use"], &rows),
            "NAME        LAST USE\nci\nmonitoring  never"
        );
        assert!(json(["name", "last_use"], &rows).contains("\"last_use\": null"));
    }
}
