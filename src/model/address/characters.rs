//! Characters of addresses, in the one spelling that everything compares.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Composed (NFC).
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { text.into() } else { text.nfc().collect::<String>().into() }
}

/// In lower case, and composed.
pub(super) fn one_spelling(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfc().collect::<String>().to_lowercase().nfc().collect()
    }
}

/// What nobody sees, or takes for a plain space.
pub(super) fn is_invisible(character: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, SpaceSeparator, Unassigned,
    };
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    // Fillers and selectors of variants, which are letters and marks as far as the category tells.
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    is_ignorable
        || matches!(
            category,
            Control | Format | LineSeparator | ParagraphSeparator | SpaceSeparator | Unassigned
        )
}

/// What separates addresses, or stands before one. The wide `@` is read as one by people.
pub(super) fn needs_quotes(character: char) -> bool {
    character.is_whitespace() || [':', ';', ',', '@', '\u{ff20}', '\u{fe6b}'].contains(&character)
}

pub(super) fn named(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}
