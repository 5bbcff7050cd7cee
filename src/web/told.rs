//! What mail servers and filters tell of messages, kept to a decent length.

use std::net::IpAddr;

/// Characters of a subject that are kept.
const SUBJECT: usize = 200;
/// Octets of a queue id.
const LONGEST_NAME: usize = 64;
/// Octets of a Message-ID; a line of a message has at most 998 (RFC 5322 §2.1.1).
const LONGEST_MESSAGE_ID: usize = 998;

type Bad = (String, String);

/// A queue id: printable and without spaces.
pub(crate) fn name(field: &str, told: Option<String>) -> Result<Option<String>, Bad> {
    printable(field, told, LONGEST_NAME)
}

/// A Message-ID, without the angle brackets.
pub(crate) fn message_id(field: &str, told: Option<String>) -> Result<Option<String>, Bad> {
    let bare = told.map(|told| bare(&told).to_owned());
    printable(field, bare, LONGEST_MESSAGE_ID)
}

/// A Message-ID without the angle brackets, which some write and others leave out.
pub(crate) fn bare(message_id: &str) -> &str {
    let trimmed = message_id.trim();
    trimmed.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(trimmed)
}

fn printable(field: &str, told: Option<String>, most: usize) -> Result<Option<String>, Bad> {
    let Some(text) = told.filter(|text| !text.is_empty()) else { return Ok(None) };
    let is_printable = !text.chars().any(|letter| letter.is_control() || letter == ' ');
    if is_printable && text.len() <= most {
        return Ok(Some(text));
    }
    let detail = format!("it takes 1 to {most} octets without spaces and control characters");
    Err((field.into(), detail))
}

/// A subject on one line, its end cut off where it is long.
pub(crate) fn subject(told: &str) -> String {
    let letter = |letter: char| if letter.is_control() { ' ' } else { letter };
    told.chars().take(SUBJECT).map(letter).collect()
}

/// An address of the internet.
pub(crate) fn client_address(field: &str, told: Option<String>) -> Result<Option<String>, Bad> {
    let Some(text) = told.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Some(address.to_canonical().to_string())),
        Err(_) => Err((field.into(), "it is no IP address".into())),
    }
}

/// A recipient as it is shown: on one line and no longer than an address may be.
pub(crate) fn recipient(told: &str) -> String {
    told.chars().take(320).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
