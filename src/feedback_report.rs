//! Feedback reports, in which a mailbox provider tells that somebody marked a message as spam
//! (RFC 5965, `not-spam` RFC 6430).

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

/// Recipients, queue ids and senders of each that are looked at; against a report that names many.
const MOST: usize = 50;
/// Parts in a report: it has three. Against one that nests or lists thousands.
const MOST_PARTS: usize = 100;

/// What the report says of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackType {
    /// It is spam, a fraud, or carries a virus.
    Spam,
    /// It is none.
    NotSpam,
    /// Something else, such as a failed authentication, that says nothing about the sender.
    Other,
}

/// A feedback report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackReport {
    /// What it says.
    pub feedback_type: FeedbackType,
    /// The recipients that it names; providers often leave them out.
    pub recipients: Vec<String>,
    /// Texts that may be the queue id which our mail server gave the message.
    pub queue_ids: Vec<String>,
    /// The Message-ID of the message, without angle brackets.
    pub message_id: Option<String>,
    /// Who may have sent it: the envelope sender, and the author.
    pub senders: Vec<String>,
}

/// Why octets are no feedback report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// It is no message, or none of several parts.
    #[error("it is no message of the type multipart/report")]
    NoReport,
    /// There are too many parts.
    #[error("it has more than {MOST_PARTS} parts")]
    ManyParts,
    /// There is no part `message/feedback-report`.
    #[error("it has no part of the type message/feedback-report")]
    NoFeedback,
    /// That part does not say what it is about.
    #[error("its part message/feedback-report has no Feedback-Type")]
    NoType,
}

impl FeedbackReport {
    /// Reads a report.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(octets: &[u8]) -> Result<Self, FeedbackError> {
        let report = MessageParser::default().parse(octets).ok_or(FeedbackError::NoReport)?;
        if !is_type(&report.parts[0], "multipart", "report") {
            return Err(FeedbackError::NoReport);
        }
        if report.parts.len() > MOST_PARTS {
            return Err(FeedbackError::ManyParts);
        }
        let feedback = report
            .parts
            .iter()
            .find(|part| is_type(part, "message", "feedback-report"))
            .ok_or(FeedbackError::NoFeedback)?;
        let feedback = headers(feedback.contents()).ok_or(FeedbackError::NoFeedback)?;
        let original = original(&report);
        let feedback_type = all(&feedback, "Feedback-Type").pop().ok_or(FeedbackError::NoType)?;
        let mut found = Self {
            feedback_type: feedback_type_of(&feedback_type),
            recipients: bare(&all(&feedback, "Original-Rcpt-To")),
            queue_ids: all(&feedback, "Original-Envelope-Id"),
            message_id: None,
            senders: bare(&all(&feedback, "Original-Mail-From")),
        };
        if let Some(original) = &original {
            found.add(original);
        }
        Ok(found)
    }

    fn add(&mut self, original: &Message<'_>) {
        self.message_id = original.message_id().map(ToOwned::to_owned);
        let author = original.from().and_then(|from| from.first()?.address().map(str::to_owned));
        self.senders.extend(author);
        let received = original.received_all().filter_map(|received| received.id.as_deref());
        self.queue_ids.extend(received.map(str::to_owned).take(MOST));
    }
}

fn is_type(part: &mail_parser::MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.content_type().is_some_and(|of| {
        of.ctype().eq_ignore_ascii_case(kind)
            && of.subtype().is_some_and(|of| of.eq_ignore_ascii_case(subtype))
    })
}

/// The message that the report is about: whole, or its header alone.
fn original<'a>(report: &'a Message<'a>) -> Option<Message<'a>> {
    report.parts.iter().find_map(|part| match &part.body {
        PartType::Message(message) => Some(message.clone()),
        _ if is_type(part, "text", "rfc822-headers") => headers(part.contents()),
        _ => None,
    })
}

fn headers(octets: &[u8]) -> Option<Message<'_>> {
    MessageParser::default().parse_headers(octets)
}

fn all(feedback: &Message<'_>, name: &str) -> Vec<String> {
    let named = feedback.headers_raw().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim().to_owned()).take(MOST).collect()
}

fn bare(addresses: &[String]) -> Vec<String> {
    let trim = |text: &String| text.trim_matches(['<', '>', ' ']).to_owned();
    addresses.iter().map(trim).filter(|text| !text.is_empty()).collect()
}

fn feedback_type_of(text: &str) -> FeedbackType {
    match text.to_ascii_lowercase().as_str() {
        "abuse" | "fraud" | "virus" => FeedbackType::Spam,
        "not-spam" => FeedbackType::NotSpam,
        _ => FeedbackType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(feedback: &str, original: &str) -> String {
        format!(
            "From: <fbl@provider.example>\r\nTo: <fbl@example.org>\r\nSubject: FW: hi\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n\
             --b\r\nContent-Type: message/feedback-report\r\n\r\n{feedback}\r\n\
             --b\r\n{original}\r\n--b--\r\n"
        )
    }

    const FEEDBACK: &str = "Feedback-Type: abuse\r\nUser-Agent: Provider/1.0\r\nVersion: 1\r\n\
        Original-Mail-From: <alice@example.org>\r\nOriginal-Rcpt-To: <bob@remote.example>\r\n\
        Original-Rcpt-To: dan@remote.example\r\n";
    const MESSAGE: &str = "Received: from laptop (unknown [192.0.2.7])\r\n\tby mail.example.org \
        (Postfix) with ESMTPSA id 4F2B1C0A1\r\n\tfor <bob@remote.example>; \
        Mon, 23 Nov 2026 08:00:00 +0000 (UTC)\r\nFrom: Alice <alice@example.org>\r\n\
        Message-ID: <x@example.org>\r\nSubject: hi\r\n\r\nBuy!\r\n";

    #[test]
    fn a_report_names_the_message_by_everything_that_it_has() {
        let expected = FeedbackReport {
            feedback_type: FeedbackType::Spam,
            recipients: vec!["bob@remote.example".into(), "dan@remote.example".into()],
            queue_ids: vec!["4F2B1C0A1".into()],
            message_id: Some("x@example.org".into()),
            senders: vec!["alice@example.org".into(), "alice@example.org".into()],
        };
        for kind in ["message/rfc822", "text/rfc822-headers"] {
            let original = format!("Content-Type: {kind}\r\n\r\n{MESSAGE}");
            let parsed = FeedbackReport::parse(report(FEEDBACK, &original).as_bytes());
            assert_eq!(parsed.as_ref(), Ok(&expected), "{kind}");
        }
    }

    #[test]
    fn only_abuse_fraud_and_virus_are_spam() {
        for (name, feedback_type) in [
            ("abuse", FeedbackType::Spam),
            ("Fraud", FeedbackType::Spam),
            ("virus", FeedbackType::Spam),
            ("not-spam", FeedbackType::NotSpam),
            ("auth-failure", FeedbackType::Other),
            ("other", FeedbackType::Other),
        ] {
            let feedback = format!("Feedback-Type: {name}\r\nVersion: 1\r\n");
            let original = format!("Content-Type: message/rfc822\r\n\r\n{MESSAGE}");
            let parsed = FeedbackReport::parse(report(&feedback, &original).as_bytes()).unwrap();
            assert_eq!(parsed.feedback_type, feedback_type, "{name}");
        }
    }

    #[test]
    fn what_is_no_report_is_told_why() {
        let nested = (0..100).fold(String::from("text"), |inner, depth| {
            format!(
                "Content-Type: multipart/report; boundary=\"b{depth}\"\r\n\r\n--b{depth}\r\n{inner}\r\n--b{depth}--\r\n"
            )
        });
        let many = format!(
            "Content-Type: multipart/report; boundary=\"b\"\r\n\r\n{}--b--\r\n",
            "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n".repeat(2 * MOST_PARTS)
        );
        for (text, error) in [
            (String::new(), FeedbackError::NoReport),
            ("Subject: hi\r\n\r\nhi".into(), FeedbackError::NoReport),
            (report("", "").replace("feedback-report", "other"), FeedbackError::NoFeedback),
            (report("Version: 1\r\n", ""), FeedbackError::NoType),
            (nested, FeedbackError::ManyParts),
            (many, FeedbackError::ManyParts),
        ] {
            assert_eq!(FeedbackReport::parse(text.as_bytes()), Err(error), "{text:.80}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(
            octets in proptest::collection::vec(any::<u8>(), 0..300),
            cut in 0_usize..900,
        ) {
            let _ = FeedbackReport::parse(&octets);
            let whole = report(FEEDBACK, &format!("Content-Type: message/rfc822\r\n\r\n{MESSAGE}"));
            let mut damaged = whole.into_bytes();
            let cut = cut.min(damaged.len());
            damaged.splice(cut..cut, octets);
            if let Ok(report) = FeedbackReport::parse(&damaged) {
                prop_assert!(report.recipients.len() <= MOST);
            }
        }
    }
}
