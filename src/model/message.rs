//! An outbound message, and how the reports about one become one.

use crate::model::address::Address;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

/// Recipients kept by name for one message; all are counted. Against a message to 50,000.
pub const MOST_RECIPIENTS_KEPT: usize = 1_000;

/// What a filter, or somebody who got it, says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong with it.
    Clean,
    /// It is spam.
    Spam,
}

/// A rule of a spam filter that matched a message, and what it adds to the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it adds.
    pub score: f64,
}

/// Where a report comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Source {
    /// Postfix at END-OF-MESSAGE: it knows best whom the message is for.
    EndOfMessage,
    /// `POST /api/v1/outbound-messages`.
    Api,
    Filter,
    /// Somebody who got the message, by way of a provider's feedback report (RFC 5965).
    Feedback,
}

/// Whom a message is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// The first [`MOST_RECIPIENTS_KEPT`] by name.
    pub named: Vec<String>,
    /// How many are inside the organisation.
    pub inside: i64,
    pub outside: i64,
    /// How many there are of whom nobody knows where they are; they count towards the daily limit.
    pub unplaced: i64,
}

impl Recipients {
    /// How many there are.
    pub fn count(&self) -> i64 {
        self.inside + self.outside + self.unplaced
    }

    /// Whether anybody told where they are.
    fn are_placed(&self) -> bool {
        self.inside + self.outside > 0
    }
}

/// One report about an outbound message, which may be the first of it or one of several: the message
/// as far as its source knows it. Its id is the message's where it is the first.
pub type Report = Message;

impl Report {
    /// A report about a message that `sender` submitted at `at`, nothing else of it told.
    pub fn new(source: Source, sender: Address, at: DateTime<Utc>) -> Self {
        Self {
            id: id_at(at),
            source,
            at,
            sender,
            recipients: Recipients::default(),
            queue_id: None,
            message_id: None,
            subject: None,
            client_address: None,
            verdict: None,
            score: None,
            symbols: Vec::new(),
        }
    }
}

/// An id that holds the time of submission to the microsecond, and behind it a number that grows, so
/// that the order of ids is the order of time, and of arrival where the time is the same.
fn id_at(at: DateTime<Utc>) -> Uuid {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut bytes = *Uuid::new_v4().as_bytes();
    let microsecond = u16::try_from(at.timestamp_subsec_micros() % 1_000).unwrap_or_default();
    let (rest, milliseconds) = (&mut bytes[..10], at.timestamp_millis());
    rest[..2].copy_from_slice(&microsecond.to_be_bytes());
    // The two bits of the variant come off its top.
    let number = NUMBER.fetch_add(1, Relaxed) & (u32::MAX >> 2);
    rest[2..6].copy_from_slice(&number.to_be_bytes());
    let rest = bytes[..10].try_into().expect("it is as long as that");
    Builder::from_unix_timestamp_millis(u64::try_from(milliseconds).unwrap_or_default(), &rest)
        .into_uuid()
}

/// An outbound message as everything known of it makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id (UUID version 7).
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub sender: Address,
    /// Whose word on the recipients it is.
    pub source: Source,
    pub recipients: Recipients,
    pub queue_id: Option<String>,
    pub message_id: Option<String>,
    pub subject: Option<String>,
    /// From where it was submitted.
    pub client_address: Option<String>,
    pub verdict: Option<Verdict>,
    pub score: Option<f64>,
    pub symbols: Vec<Symbol>,
}

impl Message {
    /// Takes in another report of the same message; says whether it changed anything. `spam`
    /// replaces every other verdict, and only somebody who got the message can say that it is none;
    /// END-OF-MESSAGE's recipients replace every other's, and what was not known before is known now.
    pub fn join(&mut self, report: Report) -> bool {
        let before = self.clone();
        if report.source == Source::EndOfMessage && self.source != Source::EndOfMessage {
            self.source = Source::EndOfMessage;
            if report.recipients.are_placed() || !self.recipients.are_placed() {
                self.recipients = report.recipients;
            }
        } else if self.recipients.count() == 0 {
            self.recipients = report.recipients;
        }
        let judges = match (self.verdict, report.verdict) {
            (_, None) => false,
            (Some(Verdict::Spam), Some(Verdict::Clean)) => report.source == Source::Feedback,
            (known, told) => known != told,
        };
        if judges {
            (self.verdict, self.score, self.symbols) =
                (report.verdict, report.score, report.symbols);
        }
        fill(&mut self.queue_id, report.queue_id);
        fill(&mut self.message_id, report.message_id);
        fill(&mut self.subject, report.subject);
        fill(&mut self.client_address, report.client_address);
        *self != before
    }

    /// Whether it is spam.
    pub fn is_spam(&self) -> bool {
        self.verdict == Some(Verdict::Spam)
    }
}

fn fill(known: &mut Option<String>, told: Option<String>) {
    if known.is_none() {
        *known = told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(source: Source, inside: i64, outside: i64, verdict: Option<Verdict>) -> Report {
        Report {
            id: Uuid::from_u128(1),
            source,
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            sender: Address::stored("alice@example.org"),
            recipients: Recipients { named: vec![], inside, outside, unplaced: 0 },
            queue_id: Some("4F2B1C0A1".into()),
            message_id: None,
            subject: None,
            client_address: None,
            verdict,
            score: None,
            symbols: vec![],
        }
    }

    fn joined(first: Report, second: Report) -> (Message, bool) {
        let mut message = first;
        let changed = message.join(second);
        (message, changed)
    }

    #[test]
    fn ids_are_in_the_order_of_time_and_of_arrival() {
        let at = |microseconds| DateTime::from_timestamp_micros(microseconds).unwrap();
        let times = [1_800_000_000_000_999, 1_800_000_000_001_000, 1_800_000_000_001_001];
        let mut ids: Vec<_> =
            times.iter().flat_map(|time| [id_at(at(*time)), id_at(at(*time))]).collect();
        let made = ids.clone();
        ids.sort_unstable();
        assert_eq!(ids, made);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn the_recipients_of_end_of_message_win_whichever_comes_first() {
        let filter = report(Source::Filter, 0, 3, Some(Verdict::Clean));
        let end = report(Source::EndOfMessage, 1, 1, None);
        for (first, second) in [(filter.clone(), end.clone()), (end, filter)] {
            let (message, changed) = joined(first, second);
            assert!(changed);
            assert_eq!((message.recipients.inside, message.recipients.outside), (1, 1));
            assert_eq!(message.verdict, Some(Verdict::Clean));
        }
    }

    #[test]
    fn an_end_of_message_that_saw_no_recipients_leaves_them_to_the_filter() {
        let mut end = report(Source::EndOfMessage, 0, 0, None);
        end.recipients.unplaced = 3;
        let (message, _) = joined(report(Source::Filter, 0, 3, None), end);
        assert_eq!((message.recipients.outside, message.recipients.unplaced), (3, 0));
    }

    #[test]
    fn who_got_the_message_can_say_that_it_is_no_spam() {
        let spam = report(Source::Filter, 0, 1, Some(Verdict::Spam));
        let not_spam = report(Source::Feedback, 0, 0, Some(Verdict::Clean));
        let (message, changed) = joined(spam, not_spam);
        assert_eq!((message.verdict, changed), (Some(Verdict::Clean), true));
    }

    #[test]
    fn spam_replaces_clean_and_no_verdict_and_is_replaced_by_none() {
        use Verdict::{Clean, Spam};
        for (first, second, expected, changed) in [
            (None, Some(Spam), Some(Spam), true),
            (None, Some(Clean), Some(Clean), true),
            (Some(Clean), Some(Spam), Some(Spam), true),
            (Some(Spam), Some(Clean), Some(Spam), false),
            (Some(Spam), None, Some(Spam), false),
            (Some(Clean), Some(Clean), Some(Clean), false),
        ] {
            let (message, did_change) =
                joined(report(Source::Filter, 0, 1, first), report(Source::Filter, 0, 1, second));
            assert_eq!((message.verdict, did_change), (expected, changed), "{first:?} {second:?}");
        }
    }
}
