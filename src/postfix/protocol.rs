//! What Postfix asks at the policy port and what it is answered (`SMTPD_POLICY_README` of Postfix).

use crate::mail_port;

/// The answer for a restricted sender and a recipient in scope. Given from
/// `smtpd_sender_restrictions`, Postfix keeps its status 5.1.8.
pub const BAD_OUTBOUND_SENDER: &[u8] = b"action=550 5.1.8 Access denied, bad outbound sender\n\n";

/// The same where the message is to be accepted and come back as a report (`restricted_answer =
/// bounce`). Postfix takes it for the whole message.
pub const BOUNCE: &[u8] = b"action=FILTER error:5.1.8 Access denied, bad outbound sender\n\n";

/// The answer that leaves a recipient to the other restrictions of Postfix. `OK` would skip them.
pub const DUNNO: &[u8] = b"action=DUNNO\n\n";

/// Octets in a line without its end. Postfix sends no string longer than four times its
/// `line_length_limit`, which makes 8 KiB; against a client that never ends its line.
pub const LONGEST_LINE: usize = 8 * 1024;

/// Octets in a request with its empty line; against a client that never ends its request. Seen
/// from Postfix: less than 1 KiB.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// Attributes in a request; against a client that fills its request with the shortest lines, each
/// of which costs more time than its octets. Postfix 3.12 sends 34.
pub const MOST_ATTRIBUTES: usize = 256;

/// Why something is no policy request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A line without a name before a `=`.
    #[error("a line is no name=value")]
    NoAttribute,
    /// A NUL octet, which neither names nor values hold.
    #[error("a line holds a NUL octet")]
    Nul,
    /// A line over [`LONGEST_LINE`].
    #[error("a line is longer than {LONGEST_LINE} octets")]
    LongLine,
    /// A request over [`LONGEST_REQUEST`].
    #[error("a request is longer than {LONGEST_REQUEST} octets")]
    LongRequest,
    /// A request over [`MOST_ATTRIBUTES`].
    #[error("a request has more than {MOST_ATTRIBUTES} attributes")]
    ManyAttributes,
    /// An empty line where a request should begin.
    #[error("a request has no attributes")]
    Empty,
}

/// Finds where requests end, and what is none as early as its line, in whatever pieces they come.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Where the first line begins that has not been seen to its end.
    line: usize,
    attributes: usize,
}

impl mail_port::Scanner for Scanner {
    type Error = ProtocolError;

    /// The length includes the empty line.
    fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        while let Some(length) = buffer[self.line..].iter().position(|octet| *octet == b'\n') {
            let line = &buffer[self.line..][..length];
            self.line += length + 1;
            check_lengths(length, self.line)?;
            if line.is_empty() {
                return self.finish().map(Some);
            }
            self.check(line)?;
        }
        check_lengths(buffer.len() - self.line, buffer.len())?;
        Ok(None)
    }
}

impl Scanner {
    fn check(&mut self, line: &[u8]) -> Result<(), ProtocolError> {
        self.attributes += 1;
        if self.attributes > MOST_ATTRIBUTES {
            return Err(ProtocolError::ManyAttributes);
        }
        if line.contains(&0) {
            return Err(ProtocolError::Nul);
        }
        match split_at_equals_sign(line) {
            None | Some(([], _)) => Err(ProtocolError::NoAttribute),
            Some(_) => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<usize, ProtocolError> {
        let Self { line, attributes } = std::mem::take(self);
        if attributes == 0 { Err(ProtocolError::Empty) } else { Ok(line) }
    }
}

fn check_lengths(line: usize, request: usize) -> Result<(), ProtocolError> {
    if line > LONGEST_LINE {
        Err(ProtocolError::LongLine)
    } else if request > LONGEST_REQUEST {
        Err(ProtocolError::LongRequest)
    } else {
        Ok(())
    }
}

/// What a decision needs of a request; an attribute that Postfix left out is empty.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Which command of the client this is about, such as `RCPT`.
    pub protocol_state: &'a [u8],
    /// The login, empty when the client has not signed in.
    pub sasl_username: &'a [u8],
    /// The recipient as the client gave it.
    pub recipient: &'a [u8],
    /// What all requests about one mail transaction have in common.
    pub instance: &'a [u8],
    /// At END-OF-MESSAGE, how many recipients were accepted.
    pub recipient_count: &'a [u8],
    /// How Postfix calls the message; reliable at END-OF-MESSAGE.
    pub queue_id: &'a [u8],
    /// Where the client is.
    pub client_address: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a request that [`Scanner::scan`](crate::mail_port::Scanner::scan) found whole. Of an attribute that comes twice the
    /// last one counts.
    pub fn read(whole: &'a [u8]) -> Self {
        let mut request = Self::default();
        for line in whole.split(|octet| *octet == b'\n') {
            match split_at_equals_sign(line) {
                Some((b"protocol_state", value)) => request.protocol_state = value,
                Some((b"sasl_username", value)) => request.sasl_username = value,
                Some((b"recipient", value)) => request.recipient = value,
                Some((b"instance", value)) => request.instance = value,
                Some((b"recipient_count", value)) => request.recipient_count = value,
                Some((b"queue_id", value)) => request.queue_id = value,
                Some((b"client_address", value)) => request.client_address = value,
                _ => {}
            }
        }
        request
    }
}

fn split_at_equals_sign(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|octet| *octet == b'=')?;
    Some((&line[..at], &line[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail_port::Scanner as _;
    use proptest::prelude::*;

    /// All requests in `sent`, which arrives in pieces of `piece` octets, and how it ended.
    fn received(sent: &[u8], pieces: &[usize]) -> (Vec<Vec<u8>>, bool) {
        let (mut requests, mut buffer, mut scanner) = (Vec::new(), Vec::new(), Scanner::default());
        let mut pieces = pieces.iter().copied().cycle();
        let mut rest = sent;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(pieces.next().unwrap().min(rest.len()));
            buffer.extend_from_slice(piece);
            rest = later;
            loop {
                match scanner.scan(&buffer) {
                    Ok(Some(length)) => requests.push(buffer.drain(..length).collect()),
                    Ok(None) => break,
                    Err(_) => return (requests, false),
                }
            }
        }
        (requests, true)
    }

    fn scanned(sent: &[u8]) -> Result<Option<usize>, ProtocolError> {
        Scanner::default().scan(sent)
    }

    #[test]
    fn a_value_may_hold_equals_signs_and_of_two_the_last_counts() {
        let whole = b"sasl_username=alice\nunknown=1\nprotocol_state=RCPT\nrecipient=a=b@example.org\nsasl_username=bob\n\n";
        assert_eq!(scanned(whole), Ok(Some(whole.len())));
        assert_eq!(
            Request::read(whole),
            Request {
                protocol_state: b"RCPT",
                sasl_username: b"bob",
                recipient: b"a=b@example.org",
                ..Request::default()
            }
        );
    }

    #[test]
    fn what_is_no_request_is_known_by_its_first_bad_line() {
        let long_line = format!("a={}\n", "x".repeat(LONGEST_LINE));
        let long_request = format!("a={}\n", "x".repeat(LONGEST_LINE - 2)).repeat(8);
        for (sent, error) in [
            (b"GET / HTTP/1.1\r\n".as_slice(), ProtocolError::NoAttribute),
            (b"=value\n", ProtocolError::NoAttribute),
            (b"a=\0\n", ProtocolError::Nul),
            (b"\n", ProtocolError::Empty),
            (&[b'a'; LONGEST_LINE + 1], ProtocolError::LongLine),
            (long_line.as_bytes(), ProtocolError::LongLine),
            (long_request.as_bytes(), ProtocolError::LongRequest),
            (&b"a=\n".repeat(MOST_ATTRIBUTES + 1), ProtocolError::ManyAttributes),
        ] {
            assert_eq!(scanned(sent), Err(error));
        }
    }

    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            "[a-z_]{1,9}=[ -~]{0,20}\n".prop_map(String::into_bytes),
            Just(b"\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..20),
        ];
        proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn any_octets_are_requests_or_refused_the_same_in_whatever_pieces_they_come(
            sent in octets(),
            pieces in proptest::collection::vec(1_usize..40, 1..9),
        ) {
            let whole = received(&sent, &[usize::MAX]);
            prop_assert_eq!(&received(&sent, &pieces), &whole);
            for request in &whole.0 {
                prop_assert!(Request::read(request).recipient.len() < request.len());
            }
        }

        #[test]
        fn a_request_is_read_as_it_was_written(
            state in "[A-Z-]{0,20}",
            login in "[^\0\n]{0,300}",
            recipient in "[^\0\n]{0,300}",
            others in proptest::collection::vec("[a-z]{1,4}=[^\0\n]{0,30}\n", 0..40),
        ) {
            let (before, after) = others.split_at(others.len() / 2);
            let sent = format!(
                "{}recipient={recipient}\nprotocol_state={state}\nsasl_username={login}\n{}\n",
                before.concat(), after.concat()
            );
            prop_assert_eq!(scanned(sent.as_bytes()), Ok(Some(sent.len())));
            prop_assert_eq!(Request::read(sent.as_bytes()), Request {
                protocol_state: state.as_bytes(),
                sasl_username: login.as_bytes(),
                recipient: recipient.as_bytes(),
                ..Request::default()
            });
        }
    }
}
