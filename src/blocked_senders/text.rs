//! The file as UTF-8, cut into records of bounded length that know their line.

use super::BadRow;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use std::io::{self, BufRead, BufReader, Read};

/// An unclosed quote or brace would otherwise make one record of the rest of the file.
const LONGEST_RECORD: usize = 64 * 1024;

/// A file that is read forward only.
pub(super) struct Text<R> {
    bytes: BufReader<DecodeReaderBytes<R, Vec<u8>>>,
    line: u64,
    given_up: bool,
}

impl<R: Read> Text<R> {
    pub(super) fn new(reader: R) -> Self {
        // Bytes that claim to be UTF-8 pass as they are: a bad one is then found in its row
        // instead of being replaced.
        let decoder =
            DecodeReaderBytesBuilder::new().utf8_passthru(true).strip_bom(true).build(reader);
        Self { bytes: BufReader::new(decoder), line: 1, given_up: false }
    }

    /// The next byte that is not to be skipped, still unread; none at the end.
    pub(super) fn next_but(&mut self, skip: impl Fn(u8) -> bool) -> Result<Option<u8>, BadRow> {
        loop {
            let chunk = self.chunk()?;
            let skipped = chunk.iter().take_while(|byte| skip(**byte)).count();
            let (found, length) = (chunk.get(skipped).copied(), chunk.len());
            self.consume(skipped);
            if found.is_some() || length == 0 {
                return Ok(found);
            }
        }
    }

    /// Takes everything up to the byte at which `ends` says so, which belongs to it.
    pub(super) fn cut(&mut self, mut ends: impl FnMut(u8) -> bool) -> Result<Cut, BadRow> {
        let mut cut = Cut { line: self.line, bytes: Vec::new(), is_ended: false };
        while !cut.is_ended {
            let chunk = self.chunk()?;
            let end = chunk.iter().position(|byte| ends(*byte));
            let length = end.map_or(chunk.len(), |end| end + 1);
            cut.add(&chunk[..length]);
            cut.is_ended = end.is_some();
            self.consume(length);
            if length == 0 {
                break;
            }
        }
        Ok(cut)
    }

    /// Takes the byte that [`Text::next_but`] found.
    pub(super) fn take(&mut self) {
        self.consume(1);
    }

    /// Makes this bad row the last.
    pub(super) fn give_up(&mut self, line: u64, problem: impl Into<String>) -> BadRow {
        self.given_up = true;
        BadRow { line, problem: problem.into() }
    }

    /// Whether the last row has been told, although the file may go on.
    pub(super) fn has_given_up(&self) -> bool {
        self.given_up
    }

    /// The line of the next byte.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    fn chunk(&mut self) -> Result<&[u8], BadRow> {
        match self.bytes.fill_buf() {
            Ok(chunk) => Ok(chunk),
            Err(error) => {
                self.given_up = true;
                Err(unreadable(self.line, &error))
            }
        }
    }

    fn consume(&mut self, length: usize) {
        let consumed = &self.bytes.buffer()[..length];
        self.line += consumed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.bytes.consume(length);
    }
}

fn unreadable(line: u64, error: &io::Error) -> BadRow {
    BadRow { line, problem: format!("the file cannot be read from here on ({})", error.kind()) }
}

/// A piece of the file.
pub(super) struct Cut {
    pub(super) line: u64,
    /// Whether it came to its end before the file did.
    pub(super) is_ended: bool,
    bytes: Vec<u8>,
}

impl Cut {
    /// The piece as text, where it is one.
    pub(super) fn text(&self) -> Result<&str, BadRow> {
        let bad = |problem| BadRow { line: self.line, problem };
        if self.bytes.len() > LONGEST_RECORD {
            let problem = "the row is longer than 64 KiB; is a quote or a brace missing?";
            return Err(bad(problem.into()));
        }
        str::from_utf8(&self.bytes).map_err(|error| {
            let byte = self.bytes[error.valid_up_to()];
            bad(format!(
                "the row holds the byte 0x{byte:02x}, which is not UTF-8; \
                 UTF-8 is taken, and UTF-16 with a byte order mark"
            ))
        })
    }

    /// Keeps one octet more than is allowed, to know of it.
    fn add(&mut self, bytes: &[u8]) {
        let room = (LONGEST_RECORD + 1).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
