//! Where Postfix is to send mail.

use std::fmt;
use std::str::FromStr;

/// Octets in a transport and its next hop; against a slip of the pen, such as a whole file.
const LONGEST: usize = 255;

/// A transport of Postfix with its next hop, if any: `hirisk` or `hirisk:[192.0.2.66]:25`
/// (transport(5); as `default_transport` takes it, so never without a transport's name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport(Box<str>);

/// Why a text is no [`Transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no name of a transport, with or without a next hop behind a colon")]
pub struct NoTransport;

impl FromStr for Transport {
    type Err = NoTransport;

    fn from_str(text: &str) -> Result<Self, NoTransport> {
        let name = text.split(':').next().unwrap_or_default();
        let is_name = |name: &str| {
            let mut octets = name.bytes();
            !name.is_empty()
                && octets.all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
        };
        let is_one_word = text.bytes().all(|octet| octet.is_ascii_graphic());
        let usable = is_name(name) && is_one_word && text.len() <= LONGEST;
        usable.then(|| Self(text.into())).ok_or(NoTransport)
    }
}

impl Transport {
    /// The transport as Postfix reads it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_one_word_that_begins_with_a_name() {
        for text in ["hirisk", "hirisk:", "smtp:[192.0.2.66]:25", "hi-risk_2:mx.example.org"] {
            assert_eq!(text.parse::<Transport>().unwrap().as_str(), text);
        }
        let long = "a".repeat(LONGEST + 1);
        for text in ["", ":", ":[192.0.2.1]", "hi risk", "hirisk\nX", "hirisk:ä", "/bin", &long] {
            assert_eq!(text.parse::<Transport>(), Err(NoTransport), "{text}");
        }
    }
}
