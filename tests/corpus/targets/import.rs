//! Files to import.

use super::{Dripping, organization};
use restricted_users::blocked_senders::{BadRow, BlockedSender, Format, Row, Writer, read};

/// Characters of a sentence about a bad row.
const LONGEST_PROBLEM: usize = 1_000;

pub fn run(octets: &[u8]) {
    let organization = organization();
    let rows: Vec<_> = read(octets, &organization).collect();
    assert!(rows.iter().map(line).is_sorted());
    let bad = rows.iter().filter_map(|row| row.as_ref().err());
    for BadRow { problem, .. } in bad {
        assert!(problem.chars().count() <= LONGEST_PROBLEM, "{problem}");
        assert!(!problem.contains(char::is_control), "{problem:?}");
    }
    assert!(read(Dripping(octets), &organization).eq(rows.iter().cloned()));

    let senders: Vec<_> = rows.into_iter().flatten().map(|row| row.sender).collect();
    for format in [Format::Csv, Format::Json] {
        let file = written(&senders, format);
        let again = read(&file[..], &organization).map(|row| row.expect("it is ours").sender);
        assert!(again.eq(senders.iter().cloned()), "{}", file.escape_ascii());
    }
}

fn line(row: &Result<Row, BadRow>) -> u64 {
    match row {
        Ok(Row { line, .. }) | Err(BadRow { line, .. }) => *line,
    }
}

fn written(senders: &[BlockedSender], format: Format) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), format).expect("memory is written to");
    for sender in senders {
        writer.write(sender).expect("memory is written to");
    }
    writer.finish().expect("memory is written to")
}
