//! The message trace: what was submitted, newest first.

use super::counting::MessageRow;
use super::statement::{Piece, build};
use super::{Result, Store, on};
use crate::address::Address;
use crate::outbound::{Message, Verdict};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Which messages, and where to go on.
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    /// Whose.
    pub sender: Option<Address>,
    /// For whom, as it was written in the envelope, in any case.
    pub recipient: Option<String>,
    /// How the mail server calls it.
    pub queue_id: Option<String>,
    /// From when on.
    pub since: Option<DateTime<Utc>>,
    /// Until when, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// What it is.
    pub verdict: Option<Verdict>,
    /// How many.
    pub limit: usize,
    /// Behind which message to go on.
    pub after: Option<MessagePosition>,
}

/// A message's place in the order of time.
pub type MessagePosition = Uuid;

impl Store {
    /// Messages, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>> {
        let pieces = query.pieces();
        let rows: Vec<MessageRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The message with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message(&self, id: Uuid) -> Result<Option<Message>> {
        let row: Option<MessageRow> =
            on!(&self.read, |pool| sqlx::query_as("SELECT * FROM messages WHERE id = $1")
                .bind(id)
                .fetch_optional(pool)
                .await)?;
        Ok(row.map(Into::into))
    }
}

impl MessageQuery {
    fn pieces(&self) -> Vec<Piece> {
        let text = |condition, text: Option<String>| {
            text.map(|text| [Piece::Sql(condition), Piece::Text(text)])
        };
        let time = |condition, at: Option<DateTime<Utc>>| {
            at.map(|at| [Piece::Sql(condition), Piece::Time(at)])
        };
        let conditions = [
            text(" AND sender = ", self.sender.as_ref().map(ToString::to_string)),
            text(" AND queue_id = ", self.queue_id.clone()),
            time(" AND at >= ", self.since),
            time(" AND at < ", self.until),
            self.after.map(|id| [" AND id < ".into(), Piece::Id(id)]),
            // Ids begin with the time of submission: an index finds where the time begins.
            self.since.map(|at| [" AND id >= ".into(), Piece::Id(first_id_at(at))]),
            self.until.map(|at| [" AND id < ".into(), Piece::Id(first_id_at(at + MILLISECOND))]),
        ];
        let mut pieces: Vec<Piece> = vec!["SELECT * FROM messages WHERE TRUE".into()];
        pieces.extend(conditions.into_iter().flatten().flatten());
        match self.verdict {
            // As text, so that the index of spam alone is found.
            Some(Verdict::Spam) => pieces.push(" AND verdict = 'spam'".into()),
            Some(Verdict::Clean) => pieces.push(" AND verdict = 'clean'".into()),
            None => {}
        }
        if let Some(recipient) = &self.recipient {
            pieces.push(" AND LOWER(recipients) LIKE ".into());
            pieces.push(Piece::Text(contains(&recipient.to_lowercase())));
            pieces.push(" ESCAPE '\\'".into());
        }
        pieces.push(" ORDER BY id DESC LIMIT ".into());
        pieces.push(Piece::Number(i64::try_from(self.limit).unwrap_or(i64::MAX)));
        pieces
    }
}

/// Cut to the millisecond, as ids are.
const MILLISECOND: chrono::TimeDelta = chrono::TimeDelta::milliseconds(1);

/// An id before all those of messages that were submitted then or later.
pub(super) fn first_id_at(at: DateTime<Utc>) -> Uuid {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

/// A pattern that a JSON list holds which has this text as an entry.
fn contains(entry: &str) -> String {
    let json = serde_json::to_string(entry).expect("text has no keys");
    let escaped = json.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Report, Source};

    #[test]
    fn ids_lie_behind_the_first_of_their_time_and_before_the_first_of_the_next() {
        let at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        let report = Report::new(Source::Api, Address::stored("alice@example.org"), at);
        assert!(first_id_at(at) < report.id && report.id < first_id_at(at + MILLISECOND));
    }

    #[test]
    fn a_pattern_means_what_was_typed() {
        assert_eq!(contains("bob@x.example"), r#"%"bob@x.example"%"#);
        assert_eq!(contains("100%_"), r#"%"100\%\_"%"#);
    }
}
