//! What Postfix asks a socketmap and what it is answered (`socketmap_table(5)`): netstrings, each a
//! length in decimal, a colon, so many octets, and a comma.

use crate::mail_port;

/// Octets in a query. Postfix itself refuses to send more (`socketmap_table(5)`).
pub const LONGEST_QUERY: usize = 10_000;

/// Digits in the length of the longest query; against a client that never ends its length.
const LONGEST_LENGTH: usize = 5;

/// Why something is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// It begins with no length, or with one that is written in an uncommon way.
    #[error("a query does not begin with its length and a colon")]
    NoLength,
    /// A query over [`LONGEST_QUERY`].
    #[error("a query is longer than {LONGEST_QUERY} octets")]
    LongQuery,
    /// The octet behind the query is no comma.
    #[error("a query does not end with a comma")]
    NoComma,
}

/// Finds where netstrings end.
#[derive(Debug, Default)]
pub struct Scanner;

impl mail_port::Scanner for Scanner {
    type Error = ProtocolError;

    /// The length includes that of the query, the colon and the comma.
    fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some((begin, length)) = head(buffer)? else { return Ok(None) };
        match buffer.get(begin + length) {
            None => Ok(None),
            Some(b',') => Ok(Some(begin + length + 1)),
            Some(_) => Err(ProtocolError::NoComma),
        }
    }
}

/// Where the octets of a netstring begin, and how many there are, once its colon is there.
fn head(buffer: &[u8]) -> Result<Option<(usize, usize)>, ProtocolError> {
    let count = buffer.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (digits, rest) = buffer.split_at(count);
    if digits.len() > 1 && digits[0] == b'0' {
        return Err(ProtocolError::NoLength);
    }
    if digits.len() > LONGEST_LENGTH {
        return Err(ProtocolError::LongQuery);
    }
    match rest.first() {
        None => Ok(None),
        Some(b':') if !digits.is_empty() => match number(digits) {
            length if length <= LONGEST_QUERY => Ok(Some((digits.len() + 1, length))),
            _ => Err(ProtocolError::LongQuery),
        },
        Some(_) => Err(ProtocolError::NoLength),
    }
}

fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

/// What is looked up where. The name of a map holds no space, a key may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    pub map: &'a [u8],
    pub key: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads a netstring that the scanner found whole; nothing where it holds no map and key.
    pub fn read(netstring: &'a [u8]) -> Option<Self> {
        let begin = netstring.iter().position(|octet| *octet == b':')? + 1;
        let content = netstring.get(begin..netstring.len() - 1)?;
        let space = content.iter().position(|octet| *octet == b' ')?;
        Some(Self { map: &content[..space], key: &content[space + 1..] })
    }
}

/// An answer to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// What stands in the map under the key.
    Found(&'a str),
    /// Nothing stands there.
    NotFound,
    Never(&'static str),
}

impl Reply<'_> {
    /// The answer as a netstring.
    pub fn netstring(self) -> Vec<u8> {
        let (word, rest) = match self {
            Self::Found(value) => ("OK", value),
            // Postfix wants the space behind it as well.
            Self::NotFound => ("NOTFOUND", ""),
            Self::Never(reason) => ("PERM", reason),
        };
        format!("{}:{word} {rest},", word.len() + 1 + rest.len()).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail_port::Scanner as _;
    use proptest::prelude::*;

    fn scanned(sent: &[u8]) -> Result<Option<usize>, ProtocolError> {
        Scanner.scan(sent)
    }

    #[test]
    fn what_is_no_query_is_known_as_early_as_it_can() {
        for (sent, error) in [
            (b"GET / HTTP/1.1".as_slice(), ProtocolError::NoLength),
            (b":", ProtocolError::NoLength),
            (b" 1:a,", ProtocolError::NoLength),
            (b"-1:a,", ProtocolError::NoLength),
            (b"01", ProtocolError::NoLength),
            (b"1a", ProtocolError::NoLength),
            (b"10001:", ProtocolError::LongQuery),
            (b"100000", ProtocolError::LongQuery),
            (b"99999999999999999999999999", ProtocolError::LongQuery),
            (b"1:ab", ProtocolError::NoComma),
            (b"0:\n", ProtocolError::NoComma),
        ] {
            assert_eq!(scanned(sent), Err(error), "{}", sent.escape_ascii());
        }
    }

    #[test]
    fn a_query_without_a_space_names_no_key() {
        assert_eq!(Query::read(b"9:transport,"), None);
        assert_eq!(Query::read(b"0:,"), None);
        assert_eq!(Query::read(b"1: ,"), Some(Query { map: b"", key: b"" }));
    }

    #[test]
    fn an_answer_tells_its_length_in_octets() {
        assert_eq!(Reply::Found("hirisk").netstring(), b"9:OK hirisk,");
        assert_eq!(Reply::NotFound.netstring(), b"9:NOTFOUND ,");
        assert_eq!(Reply::Never("no").netstring(), b"7:PERM no,");
    }

    proptest! {
        #[test]
        fn a_query_is_read_as_it_was_written_in_whatever_pieces_it_comes(
            map in "[!-~]{0,20}",
            key in proptest::collection::vec(any::<u8>(), 0..9_000),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let length = map.len() + 1 + key.len();
            let query = [format!("{length}:{map} ").as_bytes(), &key, b","].concat();
            prop_assert_eq!(scanned(&query[..cut.index(query.len())]), Ok(None));
            let sent = [query.as_slice(), &behind].concat();
            prop_assert_eq!(scanned(&sent), Ok(Some(query.len())));
            prop_assert_eq!(Query::read(&query), Some(Query { map: map.as_bytes(), key: &key }));
        }

        #[test]
        fn any_octets_are_a_query_or_refused_and_more_of_them_never_change_that(
            sent in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                "[0-9]{0,7}[:,]?[ -~]{0,20},?".prop_map(String::into_bytes),
            ],
            cut in any::<prop::sample::Index>(),
        ) {
            let first = scanned(&sent[..cut.index(sent.len() + 1)]);
            if first != Ok(None) {
                prop_assert_eq!(scanned(&sent), first);
            }
            if let Ok(Some(length)) = first {
                let _ = Query::read(&sent[..length]);
            }
        }
    }
}
