//! Messages of several parts (RFC 2045, RFC 2046), read one level deep: whoever writes a message can
//! nest parts by the thousand, so what is inside a part is never a tree here, only octets.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{ContentType, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};
use std::borrow::Cow;

/// Octets of a header that are read: Postfix takes 100 KiB (`header_size_limit`) of each field.
const LONGEST_HEADER: usize = 256 * 1024;
/// Octets of an encoded part that are decoded: enough for its header.
const LONGEST_ENCODED: usize = 2 * LONGEST_HEADER;
/// Parts of a message: a report has three. Against one that lists thousands.
pub const MOST_PARTS: usize = 100;

/// A message, or a part of one: a header, and octets behind it.
#[derive(Debug)]
pub struct Part<'a> {
    pub header: Header<'a>,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    /// The part in these octets.
    pub fn of(octets: &'a [u8]) -> Self {
        let (header, body) = split(octets);
        Self { header: Header::of(header), body }
    }

    /// Its parts, where it is a `multipart`; nothing when there are more than [`MOST_PARTS`].
    pub fn parts(&self) -> Option<Vec<Part<'a>>> {
        let Some(boundary) = self.header.boundary() else { return Some(Vec::new()) };
        let (mut parts, mut begin, mut end) = (Vec::new(), None, 0);
        for line in self.body.split_inclusive(|octet| *octet == b'\n') {
            let line_begin = end;
            end += line.len();
            let Some(delimiter) = delimiter(line, boundary) else { continue };
            if let Some(begin) = begin {
                parts.push(Part::of(&self.body[begin..line_begin]));
            }
            if parts.len() > MOST_PARTS {
                return None;
            }
            begin = (delimiter == Delimiter::Next).then_some(end);
            if begin.is_none() {
                return Some(parts);
            }
        }
        // The end of one that was cut off.
        parts.extend(begin.map(|begin| Part::of(&self.body[begin..])));
        Some(parts)
    }

    /// The beginning of what is in it, decoded: as much as a header may be long.
    pub fn content(&self) -> Cow<'a, [u8]> {
        let encoded = &self.body[..self.body.len().min(LONGEST_ENCODED)];
        let decoded = match self.header.encoding().as_deref() {
            Some("base64") => base64_decode(encoded),
            Some("quoted-printable") => quoted_printable_decode(encoded),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }
}

/// The header of a message or a part; nothing where there is no field.
#[derive(Debug)]
pub struct Header<'a>(Option<Message<'a>>);

impl<'a> Header<'a> {
    /// The header at the beginning of these octets, as far as it is read.
    pub fn of(octets: &'a [u8]) -> Self {
        let octets = split(octets).0;
        Self(
            MessageParser::default()
                .parse_headers(octets)
                .filter(|header| !header.parts.is_empty()),
        )
    }

    /// Whether the content is of this type.
    pub fn is_type(&self, kind: &str, subtypes: &[&str]) -> bool {
        self.content_type().is_some_and(|of| {
            let is_one = |subtype: &str| subtypes.iter().any(|it| it.eq_ignore_ascii_case(subtype));
            of.ctype().eq_ignore_ascii_case(kind) && of.subtype().is_some_and(is_one)
        })
    }

    /// The values of all fields with this name, as they stand there.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().flat_map(Message::headers_raw);
        fields.filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, it)| it.trim())
    }

    /// Ids from the first `most` fields `Received`, of which the last hop writes the first. A hop that
    /// tells none that could be one has an empty one.
    pub fn queue_ids(&self, most: usize) -> Vec<String> {
        let fields = self.0.iter().flat_map(|header| header.header_values(HeaderName::Received));
        let hops = fields.take(most);
        let id = |hop: &HeaderValue<'_>| printable(hop.as_received()?.id.as_deref()?);
        hops.map(|hop| id(hop).unwrap_or_default()).collect()
    }

    /// The Message-ID, without angle brackets.
    pub fn message_id(&self) -> Option<String> {
        printable(self.0.as_ref()?.message_id()?)
    }

    /// The address of the author.
    pub fn author(&self) -> Option<String> {
        self.0.as_ref()?.from()?.first()?.address().map(str::to_owned)
    }

    fn boundary(&self) -> Option<&str> {
        self.content_type()?.attribute("boundary")
    }

    fn content_type(&self) -> Option<&ContentType<'_>> {
        self.0.as_ref()?.content_type()
    }

    fn encoding(&self) -> Option<String> {
        self.0
            .as_ref()?
            .content_transfer_encoding()
            .map(|encoding| encoding.trim().to_ascii_lowercase())
    }
}

/// No id holds a control character, and no database looks for a NUL.
fn printable(id: &str) -> Option<String> {
    (!id.contains(char::is_control)).then(|| id.to_owned())
}

#[derive(PartialEq, Eq)]
enum Delimiter {
    Next,
    Last,
}

/// What the line delimits; RFC 2046 §5.1.1 allows white space behind a boundary.
fn delimiter(line: &[u8], boundary: &str) -> Option<Delimiter> {
    match line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?.trim_ascii_end() {
        b"" => Some(Delimiter::Next),
        b"--" => Some(Delimiter::Last),
        _ => None,
    }
}

/// The header with the empty line behind it, cut where it is too long, and what stands behind that. A
/// line `From ` of a mailbox in front of it is passed over.
fn split(octets: &[u8]) -> (&[u8], &[u8]) {
    let octets = if octets.starts_with(b"From ") {
        octets.iter().position(|octet| *octet == b'\n').map_or(octets, |end| &octets[end + 1..])
    } else {
        octets
    };
    let mut end = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        end += line.len();
        if line.trim_ascii().is_empty() || end > LONGEST_HEADER {
            break;
        }
    }
    (&octets[..end.min(LONGEST_HEADER)], &octets[end..])
}
