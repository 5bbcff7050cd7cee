//! Feedback reports, which anybody can mail.

use super::names_one_sender;
use restricted_users::feedback_report::FeedbackReport;

/// Of each list.
const MOST: usize = 50;

pub fn run(octets: &[u8]) {
    let Ok(report) = FeedbackReport::parse(octets) else { return };
    for texts in [&report.recipients, &report.senders, &report.queue_ids] {
        assert!(texts.len() <= MOST);
    }
    for sender in report.senders.iter().chain(&report.author).chain(&report.recipients) {
        names_one_sender(sender);
    }
    // Messages are looked for by these, and Postgres takes no NUL.
    for text in report.queue_ids.iter().chain(&report.message_id) {
        assert!(!text.contains('\0'), "{text:?}");
    }
}
