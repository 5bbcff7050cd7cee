//! Cells of CSV that a spreadsheet takes for text, whatever they begin with.
//!
//! What begins like a formula gets an apostrophe, and so does what would read like such a cell: taken
//! off again, each is what it was.

use std::borrow::Cow;

/// With what a formula begins, or what is passed over before one (OWASP, *CSV Injection*); the wide
/// forms count in East Asian editions.
const BEGINS_A_FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// The cell that stands for `text`.
pub(crate) fn defused(text: &str) -> Cow<'_, str> {
    if is_risky(text) { format!("'{text}").into() } else { text.into() }
}

/// The text that a cell stands for.
pub(crate) fn restored(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_risky(text)).unwrap_or(cell)
}

fn is_risky(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(BEGINS_A_FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_that_would_be_run_begins_with_an_apostrophe_and_no_other_is_changed() {
        for (text, cell) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("-bob@example.org", "'-bob@example.org"),
            ("\r\n=1", "'\r\n=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("'=1", "''=1"),
            ("'quoted'", "'quoted'"),
            ("o'=brien@example.org", "o'=brien@example.org"),
            ("", ""),
        ] {
            assert_eq!(defused(text), cell);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_its_cell(text in "['=+\\-@\t\r\n＝a ]{0,6}|\\PC{0,9}") {
            let cell = defused(&text);
            prop_assert!(!cell.starts_with(BEGINS_A_FORMULA), "{cell}");
            prop_assert_eq!(restored(&cell), &text);
        }
    }
}
