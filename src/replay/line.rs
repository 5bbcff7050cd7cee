//! A line of a mail log, and what Postfix tells in it of a message.

use memchr::{memchr, memmem};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Entry(Entry<'a>),
    /// Another program, or something that does not matter here.
    Other,
    NotUnderstood,
}

/// Something that Postfix tells of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub time: &'a [u8],
    /// The machine, whose queue ids are its own.
    pub host: &'a [u8],
    /// How that machine calls the message.
    pub queue_id: &'a [u8],
    pub told: Told<'a>,
}

/// What Postfix tells of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    Login(&'a [u8]),
    /// It was accepted, for so many recipients.
    Queued(Option<u32>),
    /// A delivery was tried, whatever came of it.
    Recipient {
        /// To whom.
        to: &'a [u8],
        /// Whom the sender named, where an alias stands between.
        orig_to: Option<&'a [u8]>,
    },
    Spam,
    /// A filter refused it for good, at its end.
    Refused {
        /// A recipient.
        to: Option<&'a [u8]>,
    },
    /// Nothing more will come.
    Removed,
}

/// The length of `Nov 23 08:00:00`.
const CLASSIC: usize = 15;

impl<'a> Line<'a> {
    /// Reads a line, as syslog daemons, Postfix' own `maillog_file` and `journalctl` write it.
    pub fn read(line: &'a [u8]) -> Self {
        let Some((time, rest)) = time_and_rest(line) else { return Self::NotUnderstood };
        entry(time, rest).map_or(Self::Other, Self::Entry)
    }
}

fn time_and_rest(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = |index: usize, byte: u8| line.get(index) == Some(&byte);
    if at(4, b'-') && at(7, b'-') && at(10, b'T') {
        return split_at_space(line);
    }
    if at(3, b' ') && at(6, b' ') && at(9, b':') && at(12, b':') {
        // A fraction of the second may come behind it.
        let end = CLASSIC + memchr(b' ', line.get(CLASSIC..)?)?;
        return Some((&line[..end], &line[end + 1..]));
    }
    None
}

fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr(b' ', text)?;
    Some((&text[..space], &text[space + 1..]))
}

/// Any name may stand before the slash: it is the setting `syslog_name`.
fn entry<'a>(time: &'a [u8], rest: &'a [u8]) -> Option<Entry<'a>> {
    let (host, rest) = split_at_space(rest)?;
    let (program, text) = split_at_space(rest)?;
    if !program.ends_with(b":") || memchr(b'/', program).is_none() {
        return None;
    }
    let (queue_id, text) = queue_id(text)?;
    Some(Entry { time, host, queue_id, told: told(text)? })
}

/// Short ones are hexadecimal digits, long ones (`enable_long_queue_ids`) letters and digits.
fn queue_id(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const LENGTHS: std::ops::RangeInclusive<usize> = 5..=32;
    let window = &text[..text.len().min(LENGTHS.end() + 1)];
    let colon = memchr(b':', window)?;
    let (id, rest) = text.split_at(colon);
    let is_id =
        LENGTHS.contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric) && id != b"NOQUEUE";
    Some((id, rest.strip_prefix(b": ")?)).filter(|_| is_id)
}

fn told(text: &[u8]) -> Option<Told<'_>> {
    match text {
        b"removed" => Some(Told::Removed),
        _ if text.starts_with(b"client=") => field(text, b", sasl_username=").map(Told::Login),
        _ if text.starts_with(b"from=<") => queued(text),
        _ if text.starts_with(b"to=<") => recipient(text),
        _ if text.starts_with(b"milter-reject: END-OF-MESSAGE ") => refused(text),
        _ => spam_header(text),
    }
}

/// What stands between `key` and the next comma.
fn field<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let value = &text[memmem::find(text, key)? + key.len()..];
    Some(memmem::find(value, b", ").map_or(value, |end| &value[..end]))
}

/// `from=<…>, size=1906, nrcpt=2 (queue active)`; the sender chose what stands in the brackets.
fn queued(text: &[u8]) -> Option<Told<'_>> {
    const KEY: &[u8] = b", nrcpt=";
    let number = &text[memmem::rfind(text, KEY)? + KEY.len()..];
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&number[..digits]).ok()?;
    Some(Told::Queued(number.parse().ok()))
}

/// `to=<…>, orig_to=<…>, relay=…`.
fn recipient(text: &[u8]) -> Option<Told<'_>> {
    let (to, rest) = bracketed(text.strip_prefix(b"to=<")?, b">, ")?;
    let orig_to = rest.strip_prefix(b"orig_to=<").and_then(|rest| bracketed(rest, b">, "));
    Some(Told::Recipient { to, orig_to: orig_to.map(|(orig_to, _)| orig_to) })
}

fn bracketed<'a>(text: &'a [u8], end: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(text, end)?;
    Some((&text[..at], &text[at + end.len()..]))
}

/// `milter-reject: END-OF-MESSAGE from …[…]: 5.7.1 …; from=<…> to=<…> …`. With 4 the message comes
/// again.
fn refused(text: &[u8]) -> Option<Told<'_>> {
    let (_, reply) = bracketed(text, b"]: ")?;
    if !reply.starts_with(b"5") {
        return None;
    }
    let to = memmem::find(reply, b" to=<").map(|at| &reply[at + 5..]);
    Some(Told::Refused { to: to.and_then(|to| bracketed(to, b"> ")).map(|(to, _)| to) })
}

/// `info: header X-Spam: Yes from …`: a header that a filter added, told by `header_checks` or
/// `milter_header_checks`, whatever these did.
fn spam_header(text: &[u8]) -> Option<Told<'_>> {
    let action = memchr(b':', text)?;
    let header = text[action..].strip_prefix(b": header X-Spam")?;
    let colon = memchr(b':', header)?;
    let (name, value) = header.split_at(colon);
    let is_verdict =
        [&b""[..], b"-Flag", b"-Status"].iter().any(|it| name.eq_ignore_ascii_case(it));
    let says_yes =
        value[1..].trim_ascii_start().get(..3).is_some_and(|it| it.eq_ignore_ascii_case(b"yes"));
    (is_verdict && says_yes).then_some(Told::Spam)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told_in(text: &str) -> Option<Told<'_>> {
        told(text.as_bytes())
    }

    #[test]
    fn what_postfix_tells_of_a_message_is_read() {
        for (text, expected) in [
            (
                "client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.org",
                Told::Login(b"alice@example.org"),
            ),
            (
                "client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=alice, sasl_sender=x",
                Told::Login(b"alice"),
            ),
            ("from=<alice@example.org>, size=1906, nrcpt=2 (queue active)", Told::Queued(Some(2))),
            (
                "from=<\"x, nrcpt=900\"@example.org>, size=1906, nrcpt=3 (queue active)",
                Told::Queued(Some(3)),
            ),
            (
                "to=<bob@remote.example>, relay=mx.remote.example[192.0.2.1]:25, delay=1, \
                 delays=0.1/0/0.5/0.4, dsn=2.0.0, status=sent (250 OK)",
                Told::Recipient { to: b"bob@remote.example", orig_to: None },
            ),
            (
                "to=<carol@example.org>, orig_to=<team@example.org>, relay=local, delay=0.1, \
                 delays=0/0/0/0, dsn=5.1.1, status=bounced (unknown user)",
                Told::Recipient { to: b"carol@example.org", orig_to: Some(b"team@example.org") },
            ),
            (
                "milter-reject: END-OF-MESSAGE from unknown[192.0.2.7]: 5.7.1 Spam message \
                 rejected; from=<alice@example.org> to=<bob@remote.example> proto=ESMTP helo=<x>",
                Told::Refused { to: Some(b"bob@remote.example") },
            ),
            (
                "info: header X-Spam: Yes from unknown[192.0.2.7]; from=<a@example.org> to=<b@x>",
                Told::Spam,
            ),
            (
                "milter-header-filter: header X-Spam-Flag: YES from unknown[192.0.2.7]; from=<>",
                Told::Spam,
            ),
            ("removed", Told::Removed),
        ] {
            assert_eq!(told_in(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_says_nothing_about_outbound_mail_is_left_out() {
        for text in [
            "client=mx.remote.example[192.0.2.9]",
            "milter-reject: END-OF-MESSAGE from unknown[192.0.2.7]: 4.7.1 Try again later; from=<>",
            "milter-reject: RCPT from unknown[192.0.2.7]: 5.7.1 No; from=<> to=<b@x> proto=ESMTP",
            "reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <b@example.org>: unknown; from=<>",
            "info: header Subject: header X-Spam: Yes from unknown[192.0.2.7]; from=<>",
            "info: header X-Spam-Status: No, score=1 from unknown[192.0.2.7]; from=<>",
            "from=<alice@example.org>, status=expired, returned to sender",
            "message-id=<1@example.org>",
            "host mx.remote.example[192.0.2.1] said: 421 4.3.2 try again later",
        ] {
            assert_eq!(told_in(text), None, "{text}");
        }
    }

    #[test]
    fn every_kind_of_head_is_read_and_other_programs_are_passed_over() {
        for head in [
            "Nov 23 08:00:00 mx1 postfix/qmgr[1234]: 4F2B1C0A1: ",
            "Nov  3 08:00:00.123456 mx1 postfix/submission/qmgr[1234]: 4F2B1C0A1: ",
            "2026-11-23T08:00:00.123456+00:00 mx1 postfix-out/qmgr[1]: 4F2B1C0A1: ",
            "2026-11-23T08:00:00Z mx1 out/qmgr: 4F2B1C0A1: ",
        ] {
            let line = format!("{head}removed");
            let Line::Entry(entry) = Line::read(line.as_bytes()) else { panic!("{line}") };
            assert_eq!((entry.host, entry.queue_id), (&b"mx1"[..], &b"4F2B1C0A1"[..]));
            assert!(line.as_bytes().starts_with(entry.time));
        }
        for line in [
            "Nov 23 08:00:00 mx1 dovecot: imap-login: Login: user=<alice>",
            "Nov 23 08:00:00 mx1 postfix/smtpd[1]: connect from unknown[192.0.2.7]",
            "Nov 23 08:00:00 mx1 postfix/smtpd[1]: NOQUEUE: client=x[192.0.2.7], sasl_username=a",
            "Nov 23 08:00:00 mx1 CRON[12]: ABCDEF: removed",
            "Nov 23 08:00:00 mx1 postfix/qmgr[1]: 4F2B: removed",
        ] {
            assert_eq!(Line::read(line.as_bytes()), Line::Other, "{line}");
        }
        for line in ["", "Subject: hi", "8:00 postfix/qmgr[1]: 4F2B1C0A1: removed"] {
            assert_eq!(Line::read(line.as_bytes()), Line::NotUnderstood, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(line: Vec<u8>, text in any::<Vec<u8>>()) {
            let _ = Line::read(&line);
            let mut behind_head = b"Nov 23 08:00:00 mx1 postfix/smtp[1]: 4F2B1C0A1: ".to_vec();
            behind_head.extend(&text);
            let _ = Line::read(&behind_head);
            for beginning in ["client=", "from=<", "to=<", "milter-reject: END-OF-MESSAGE ", "i: header X-Spam"] {
                let _ = told(&[beginning.as_bytes(), &text].concat());
            }
        }
    }
}
