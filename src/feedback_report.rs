//! Feedback reports, in which a mailbox provider tells that somebody marked a message as spam
//! (RFC 5965, `not-spam` RFC 6430).

use crate::mime::{Header, MOST_PARTS, Part};

/// Recipients and senders of each that are looked at; against a report that names many.
const MOST: usize = 50;

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
    pub feedback_type: FeedbackType,
    /// The recipients that the provider names; many leave them out.
    pub recipients: Vec<String>,
    /// The envelope senders that the provider names.
    pub senders: Vec<String>,
    /// Queue ids that the original message passed under, the last hop first.
    pub queue_ids: Vec<String>,
    /// The Message-ID of the original, without angle brackets.
    pub message_id: Option<String>,
    pub author: Option<String>,
}

/// Why octets are no feedback report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// It is no message, or none of several parts.
    #[error("it is no message of the type multipart/report")]
    NoReport,
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
    /// Reads a report: its own header, those of its parts, and that of the original message. Nothing
    /// further in is looked at, however deep it goes.
    pub fn parse(octets: &[u8]) -> Result<Self, FeedbackError> {
        let report = Part::of(octets);
        if !report.header.is_type("multipart", &["report"]) {
            return Err(FeedbackError::NoReport);
        }
        let parts = report.parts().ok_or(FeedbackError::ManyParts)?;
        let feedback =
            parts.iter().find(|part| part.header.is_type("message", &["feedback-report"]));
        let feedback = feedback.ok_or(FeedbackError::NoFeedback)?.content();
        let feedback = Header::of(&feedback);
        let feedback_type = feedback.all("Feedback-Type").next().ok_or(FeedbackError::NoType)?;
        let mut found = Self {
            feedback_type: feedback_type_of(feedback_type),
            recipients: bare(feedback.all("Original-Rcpt-To")),
            senders: bare(feedback.all("Original-Mail-From")),
            queue_ids: Vec::new(),
            message_id: None,
            author: None,
        };
        if let Some(original) = parts.iter().find(|part| is_original(&part.header)) {
            found.add(&Header::of(&original.content()));
        }
        Ok(found)
    }

    fn add(&mut self, original: &Header<'_>) {
        self.queue_ids = original.queue_ids(MOST);
        self.message_id = original.message_id();
        self.author = original.author();
    }
}

/// Whether a part holds the message that the report is about, whole or its header alone.
fn is_original(header: &Header<'_>) -> bool {
    header.is_type("message", &["rfc822", "global"]) || header.is_type("text", &["rfc822-headers"])
}

fn bare<'a>(addresses: impl Iterator<Item = &'a str>) -> Vec<String> {
    let bare = addresses.take(MOST).map(|text| text.trim_matches(['<', '>', ' ']));
    bare.filter(|text| !text.is_empty()).map(str::to_owned).collect()
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
    use base64::Engine;
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
            senders: vec!["alice@example.org".into()],
            author: Some("alice@example.org".into()),
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
    fn an_id_with_a_control_character_is_none() {
        let message = MESSAGE.replace("4F2B1C0A1", "4F2B\0C0A1").replace("<x@", "<x\0@");
        let original = format!("Content-Type: message/rfc822\r\n\r\n{message}");
        let parsed = FeedbackReport::parse(report(FEEDBACK, &original).as_bytes()).unwrap();
        assert_eq!((parsed.queue_ids, parsed.message_id), (vec![String::new()], None));
    }

    #[test]
    fn what_is_no_report_is_told_why() {
        let many = format!(
            "Content-Type: multipart/report; boundary=\"b\"\r\n\r\n{}--b--\r\n",
            "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n".repeat(2 * MOST_PARTS)
        );
        for (text, error) in [
            (String::new(), FeedbackError::NoReport),
            ("Subject: hi\r\n\r\nhi".into(), FeedbackError::NoReport),
            (report("", "").replace("feedback-report", "other"), FeedbackError::NoFeedback),
            (report("Version: 1\r\n", ""), FeedbackError::NoType),
            (many, FeedbackError::ManyParts),
        ] {
            assert_eq!(FeedbackReport::parse(text.as_bytes()), Err(error), "{text:.80}");
        }
    }

    /// What nests, 10 MiB of it, alone and as the original of a report.
    #[test]
    fn nothing_nests_deep_enough_to_do_harm() {
        let digest = |level: u32| {
            format!("Content-Type: multipart/digest; boundary=\"{level}\"\n\n--{level}\n")
        };
        let digests: String = (0..200_000).map(digest).collect();
        let kinds = [
            "Content-Type:message/rfc822\n\n".repeat(370_000),
            "Content-Type:message/global\r\n\r\n".repeat(330_000),
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n".repeat(150_000),
            digests,
            "Received: (".repeat(900_000),
            format!("From: {}", "(".repeat(10_000_000)),
            format!("From: {}", "a:<b,".repeat(2_000_000)),
            format!("Content-Type: multipart/report; {}", "a=\"(;".repeat(1_700_000)),
            "Message-ID: <\n ".repeat(700_000),
        ];
        let small_stack = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
        let reading = small_stack.spawn(move || {
            for nested in kinds {
                let original = format!("Content-Type: message/rfc822\r\n\r\n{nested}");
                FeedbackReport::parse(nested.as_bytes()).unwrap_err();
                let whole = FeedbackReport::parse(report(FEEDBACK, &original).as_bytes());
                assert_eq!(whole.unwrap().feedback_type, FeedbackType::Spam, "{nested:.80}");
            }
        });
        reading.unwrap().join().unwrap();
    }

    #[test]
    fn parts_are_decoded_as_their_header_says() {
        let feedback = base64::prelude::BASE64_STANDARD.encode(FEEDBACK);
        let encoded = report("", "").replace(
            "message/feedback-report\r\n\r\n",
            &format!(
                "message/feedback-report\r\nContent-Transfer-Encoding: base64\r\n\r\n{feedback}"
            ),
        );
        let parsed = FeedbackReport::parse(encoded.as_bytes()).unwrap();
        assert_eq!(parsed.senders, ["alice@example.org"]);
        let quoted = format!(
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}",
            MESSAGE.replace('=', "=3D").replace("Message-ID: <x@", "Message-ID: =3Cx=40")
        );
        let parsed = FeedbackReport::parse(report(FEEDBACK, &quoted).as_bytes()).unwrap();
        assert_eq!(parsed.message_id.as_deref(), Some("x@example.org"));
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
