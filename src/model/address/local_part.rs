//! What stands before the `@`.

use super::AddressError;
use super::characters::{is_invisible, one_spelling};

/// In octets (RFC 5321 §4.5.3.1.1).
pub(super) const LONGEST_LOCAL_PART: usize = 64;

/// The local part in lower case, quoted only where RFC 5321 §4.1.2 asks for it.
pub(super) fn normal_local_part(text: &str) -> Result<String, AddressError> {
    let content = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => text.to_owned(),
    };
    if content.is_empty() {
        return Err(AddressError::NoLocalPart);
    }
    if let Some(character) = content.chars().find(|character| is_invisible(*character)) {
        return Err(AddressError::Invisible(character));
    }
    let content = one_spelling(&content);
    let local_part = if is_dot_string(&content) {
        content
    } else {
        format!("\"{}\"", content.replace('\\', r"\\").replace('"', "\\\""))
    };
    if local_part.len() > LONGEST_LOCAL_PART {
        return Err(AddressError::LongLocalPart);
    }
    Ok(local_part)
}

/// What a quoted string holds; `text` begins behind the opening quote.
fn unquoted(text: &str) -> Result<String, AddressError> {
    let mut content = String::with_capacity(text.len());
    let mut rest = text.chars();
    loop {
        match rest.next().ok_or(AddressError::BadQuotes)? {
            '"' => break,
            '\\' => content.push(rest.next().ok_or(AddressError::BadQuotes)?),
            other => content.push(other),
        }
    }
    rest.next().map_or(Ok(content), |_| Err(AddressError::BadQuotes))
}

fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

/// RFC 5322 §3.2.3, and everything beyond ASCII (RFC 6531 §3.3).
fn is_atom_character(character: char) -> bool {
    !character.is_ascii()
        || character.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(character)
}
