//! Numbers, and the texts of strangers, as people read them.

/// With thousands separators.
pub(crate) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A stranger's text on one line and cut to `most` characters. Without the controls of writing
/// direction (Unicode UAX 9), with which it could make what stands beside it read backwards.
pub(crate) fn decent(text: &str, most: usize) -> String {
    let letter = |letter: char| match letter {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        '\u{2028}' | '\u{2029}' => ' ',
        letter if letter.is_control() => ' ',
        letter => letter,
    };
    let mut letters = text.chars().map(letter);
    let mut decent: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        decent.push('…');
    }
    decent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(1_204), "1,204");
        assert_eq!(number(-1_234_567), "-1,234,567");
    }

    #[test]
    fn a_strangers_text_stays_on_its_line_and_in_its_direction() {
        assert_eq!(decent("cheap\n\tpills", 20), "cheap  pills");
        assert_eq!(decent("\u{202e}sllip\u{2066}", 20), "\u{fffd}sllip\u{fffd}");
        assert_eq!(decent("cheap pills", 5), "cheap…");
        assert_eq!(decent("grün", 4), "grün");
    }
}
