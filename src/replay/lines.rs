//! The lines of a log, packed or not.

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;
use std::io::{BufRead, BufReader, Cursor, Read, Result};

/// Octets of a line. Postfix writes at most 2,000 or so; against a file without line ends.
const LONGEST_LINE: usize = 16 * 1024;
/// Octets that are read at once.
const AT_ONCE: usize = 256 * 1024;
/// What a gzip file begins with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What a log says, unpacked where it is a gzip file, of however many members.
pub fn unpacked<'a>(mut log: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let mut beginning = Vec::with_capacity(GZIP.len());
    log.by_ref().take(GZIP.len() as u64).read_to_end(&mut beginning)?;
    let is_gzip = beginning == GZIP;
    let whole = Cursor::new(beginning).chain(log);
    Ok(if is_gzip {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(AT_ONCE, whole)))
    } else {
        Box::new(whole)
    })
}

/// Calls `each` with every line, without its end; with nothing for a line that is too long.
pub fn for_each_line(log: impl Read, mut each: impl FnMut(Option<&[u8]>)) -> Result<()> {
    let mut log = BufReader::with_capacity(AT_ONCE, log);
    let mut begun = Begun::default();
    loop {
        let block = log.fill_buf()?;
        if block.is_empty() {
            begun.end(&mut each);
            return Ok(());
        }
        let mut rest = block;
        while let Some(end) = memchr(b'\n', rest) {
            let line = &rest[..end];
            if begun.is_empty() {
                each(Some(whole(line)).filter(|line| line.len() <= LONGEST_LINE));
            } else {
                begun.add(line);
                begun.end(&mut each);
            }
            rest = &rest[end + 1..];
        }
        begun.add(rest);
        let length = block.len();
        log.consume(length);
    }
}

/// A line whose end was not read yet.
#[derive(Default)]
struct Begun {
    line: Vec<u8>,
    too_long: bool,
}

impl Begun {
    fn is_empty(&self) -> bool {
        self.line.is_empty() && !self.too_long
    }

    fn add(&mut self, part: &[u8]) {
        self.too_long |= self.line.len() + part.len() > LONGEST_LINE;
        if !self.too_long {
            self.line.extend_from_slice(part);
        }
    }

    fn end(&mut self, each: &mut impl FnMut(Option<&[u8]>)) {
        if !self.is_empty() {
            each((!self.too_long).then(|| whole(&self.line)));
        }
        self.line.clear();
        self.too_long = false;
    }
}

fn whole(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    /// Gives what it holds in small parts, as a pipe does.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let length = buffer.len().min(7);
            self.0.read(&mut buffer[..length])
        }
    }

    fn lines(log: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut lines = Vec::new();
        let log = unpacked(Dripping(log)).unwrap();
        for_each_line(log, |line| lines.push(line.map(<[u8]>::to_vec))).unwrap();
        lines
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn a_gzip_file_is_read_through_all_its_members() {
        let both = [packed(b"one\ntw"), packed(b"o\r\nthree")].concat();
        let expected = ["one", "two", "three"].map(|line| Some(line.as_bytes().to_vec()));
        assert_eq!(lines(&both), expected);
    }

    #[test]
    fn a_line_that_never_ends_is_told_once_and_not_kept() {
        let log = [b"one\n", &vec![b'x'; LONGEST_LINE + 1][..], b"\nthree\n"].concat();
        assert_eq!(lines(&log), [Some(b"one".to_vec()), None, Some(b"three".to_vec())]);
        let at_once: Vec<_> = {
            let mut lengths = Vec::new();
            for_each_line(&log[..], |line| lengths.push(line.map(<[u8]>::len))).unwrap();
            lengths
        };
        assert_eq!(at_once, [Some(3), None, Some(5)]);
    }

    #[test]
    fn a_gzip_file_that_is_cut_off_is_an_error() {
        let whole = packed(&b"line\n".repeat(1_000));
        let log = unpacked(&whole[..whole.len() / 2]).unwrap();
        assert!(for_each_line(log, |_| {}).is_err());
    }

    proptest! {
        #[test]
        fn lines_are_what_stands_between_line_ends(text in "[a-z\n]{0,60}", bytes: Vec<u8>) {
            let expected: Vec<_> =
                text.lines().filter(|line| !line.is_empty()).map(|line| Some(line.as_bytes().to_vec())).collect();
            let told = |log: &[u8]| {
                lines(log).into_iter().filter(|line| line != &Some(Vec::new())).collect::<Vec<_>>()
            };
            prop_assert_eq!(&told(text.as_bytes()), &expected);
            prop_assert_eq!(&told(&packed(text.as_bytes())), &expected);
            let _ = unpacked(&bytes[..]).map(|log| for_each_line(log, |_| {}));
        }
    }
}
