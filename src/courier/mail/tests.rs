//! Mails of every kind, and of strangers who choose their words.

use super::*;
use crate::courier::samples::{PORTAL, SPAM, alerts, claimed, config, every_kind, line, now};
use crate::model::alert::{AlertPolicyId, Notice};
use mail_parser::{HeaderName, MessageParser};
use proptest::prelude::*;

fn mail(organization: &str, claimed: &Claimed) -> Vec<u8> {
    let config = config(&[("organization_name", organization)]);
    let mailer = Mailer::new(config.alerts.mail.as_ref().unwrap(), &config, PORTAL);
    mailer.message(claimed).unwrap().formatted()
}

/// The subject and the text part.
fn shown(claimed: &Claimed) -> String {
    let mail = mail("Example Org", claimed);
    let mail = MessageParser::default().parse(&mail).unwrap();
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    format!("Subject: {}\n\n{text}", mail.subject().unwrap())
}

#[test]
fn every_kind_reads_well_as_text() {
    for (name, notice) in every_kind() {
        insta::assert_snapshot!(name, shown(&claimed(notice)));
    }
}

#[test]
fn the_last_mail_of_the_day_says_so_and_where_the_others_are() {
    let notice = alerts(AlertPolicyId::UserRestricted, 1, vec![line("alice@example.org", SPAM)]);
    let text = shown(&Claimed { last_today: true, ..claimed(notice) });
    assert!(text.contains("This is the last mail about “User restricted from sending email”"));
    assert!(text.contains("today (UTC)") && text.contains(&format!("{PORTAL}/#/alerts")), "{text}");
}

#[test]
fn where_all_mail_is_refused_nobody_is_told_that_mail_inside_flows() {
    for setting in [("restriction_scope", "all"), ("organization_domains", "")] {
        let config = config(&[setting]);
        let mailer = Mailer::new(config.alerts.mail.as_ref().unwrap(), &config, PORTAL);
        for (name, notice) in every_kind() {
            let mail = mailer.message(&claimed(notice)).unwrap().formatted();
            let mail = MessageParser::default().parse(&mail).unwrap();
            let text = mail.body_text(0).unwrap();
            assert!(!text.contains("inside still flows") && !text.contains("colleagues"), "{name}");
        }
    }
}

#[test]
fn the_headers_are_the_same_at_each_attempt_and_answer_no_absence_notice() {
    let notice = alerts(AlertPolicyId::UserRestricted, 1, vec![line("alice@example.org", SPAM)]);
    for attempt in [1, 2] {
        let bytes = mail("Example Org", &Claimed { attempt, ..claimed(notice.clone()) });
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let id = "00000000-0000-0000-0000-000000000007@example.org";
        assert_eq!(mail.message_id(), Some(id));
        assert_eq!(mail.date().unwrap().to_timestamp(), now().timestamp());
        assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
        assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("noreply@example.org"));
        assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));
        let html = mail.body_html(0).unwrap();
        assert!(!html.contains("<img") && !html.contains("src=") && !html.contains("url("));
    }
}

#[test]
fn what_looks_like_an_encoded_word_is_read_as_it_was_written() {
    for reason in [
        "=?utf-8?q?=0d=0a?=",
        "=?utf-8?q?all_is_well?= =?utf-8?b?4oCu?=",
        "=?utf-8?q?grün?=",
        "what =?",
    ] {
        let policy = AlertPolicyId::UserRestricted;
        let notice = alerts(policy, 1, vec![line("alice@example.org", reason)]);
        let bytes = mail("Example Org", &claimed(notice));
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let subject = format!("alice@example.org is restricted: {reason}");
        assert_eq!(mail.subject().unwrap(), subject);
        let raw = mail.header_raw("Subject").unwrap();
        assert!(raw.lines().all(|line| line.is_ascii() && line.len() <= 78), "{raw}");
    }
}

/// What somebody writes who wants a header, a tag or a line of their own.
fn malicious() -> impl Strategy<Value = String> {
    "(\r\n|\n|\r|\u{0}|\u{202e}|Bcc: eve@evil\\.example|<b>|\"|'|&amp;|=\\?utf-8\\?q\\?|=0d=0a|\\?=| |[a-zß€😀]|--|\\PC){0,40}"
}

/// As much of it as a setting takes.
fn name() -> impl Strategy<Value = String> {
    let taken = |text: String| -> String {
        text.chars().filter(|character| *character != '\0').take(100).collect()
    };
    malicious().prop_map(taken).prop_filter("a name", |name| !name.trim().is_empty())
}

proptest! {
    #[test]
    fn nobody_adds_a_header_or_a_tag(
        organization in name(),
        address in malicious(),
        reason in malicious(),
        asked_by in malicious(),
        total in 1_i64..40,
    ) {
        let policy = AlertPolicyId::UserRestricted;
        let severity = crate::model::alert::Severity::High;
        for notice in [
            alerts(policy, total, vec![line(&address, &reason)]),
            Notice::Test { policy, severity, asked_by },
        ] {
            let bytes = mail(&organization, &claimed(notice));
            let mail = MessageParser::default().parse(&bytes).unwrap();
            let names: Vec<_> = mail.headers().iter().map(|header| header.name.as_str()).collect();
            let ours = [
                "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
                "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
            ];
            prop_assert_eq!(names.len(), ours.len(), "{:?}", names);
            prop_assert!(mail.header(HeaderName::Bcc).is_none());
            prop_assert!(!mail.subject().unwrap().chars().any(char::is_control));
            prop_assert_eq!(mail.parts.len(), 3);
            let html = mail.body_html(0).unwrap();
            prop_assert!(!html.contains("<b>"), "{}", html);
            prop_assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
        }
    }
}
