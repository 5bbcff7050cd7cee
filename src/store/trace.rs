//! The message trace: what was submitted, newest first.

use super::counting::MessageRow;
use super::statement::{Piece, build};
use super::{Result, Store, on};
use crate::model::address::Address;
use crate::model::{Message, Verdict};
use crate::store::columns;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Messages that are looked at for one page where no index knows which of them are asked for;
/// against a recipient nobody ever wrote to, among millions of messages.
const LOOKED_AT: i64 = 20_000;

/// Which messages, and where to go on.
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    pub sender: Option<Address>,
    /// For whom, as it was written in the envelope, in any case.
    pub recipient: Option<String>,
    pub queue_id: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub verdict: Option<Verdict>,
    pub limit: usize,
    pub after: Option<MessagePosition>,
}

/// A message's place in the order of time.
pub type MessagePosition = Uuid;

/// A page of the message trace.
#[derive(Debug)]
pub struct MessagePage {
    /// The messages. There may be fewer than asked for, and yet more behind them.
    pub items: Vec<Message>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<MessagePosition>,
}

impl Store {
    /// A page of messages, newest first.
    pub async fn messages(&self, query: &MessageQuery) -> Result<MessagePage> {
        let end = if query.must_look() { self.end_of_look(query).await? } else { None };
        let pieces = query.page(end);
        let rows: Vec<MessageRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        let more = rows.len() > query.limit;
        let items: Vec<Message> = rows.into_iter().take(query.limit).map(Into::into).collect();
        let next = if more { items.last().map(|last| last.id) } else { end };
        Ok(MessagePage { items, next })
    }

    /// The last message that is looked at; nothing where all are.
    async fn end_of_look(&self, query: &MessageQuery) -> Result<Option<MessagePosition>> {
        let mut pieces: Vec<Piece> = vec!["SELECT id FROM messages WHERE TRUE".into()];
        pieces.extend(query.narrowed());
        pieces.push(" ORDER BY id DESC LIMIT 1 OFFSET ".into());
        pieces.push(Piece::Number(LOOKED_AT - 1));
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_optional(pool).await)?)
    }

    /// The message with this id.
    pub async fn message(&self, id: Uuid) -> Result<Option<Message>> {
        let row: Option<MessageRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(messages),
            " FROM messages WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(pool)
        .await)?;
        Ok(row.map(Into::into))
    }
}

impl MessageQuery {
    /// Whether many messages may have to be looked at to find those that are asked for.
    fn must_look(&self) -> bool {
        self.recipient.is_some() || self.verdict == Some(Verdict::Clean)
    }

    fn page(&self, end: Option<MessagePosition>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> =
            vec![concat!("SELECT ", columns!(messages), " FROM messages WHERE TRUE").into()];
        pieces.extend(self.narrowed());
        pieces.extend(end.map(|id| [" AND id >= ".into(), Piece::Id(id)]).into_iter().flatten());
        pieces.extend(self.chosen());
        pieces.push(" ORDER BY id DESC LIMIT ".into());
        // One more tells whether there is a next page.
        pieces.push(Piece::Number(i64::try_from(self.limit + 1).unwrap_or(i64::MAX)));
        pieces
    }

    /// What an index finds.
    fn narrowed(&self) -> Vec<Piece> {
        let text = |condition, text: Option<String>| {
            text.map(|text| [Piece::Sql(condition), Piece::Text(text)])
        };
        let id = |condition, id: Option<Uuid>| id.map(|id| [Piece::Sql(condition), Piece::Id(id)]);
        // Of sender and queue id SQLite would take the index that is in order, that of the sender,
        // and look at all that was ever sent. An expression has no index.
        let sender =
            if self.queue_id.is_some() { " AND sender || '' = " } else { " AND sender = " };
        let conditions = [
            text(sender, self.sender.as_ref().map(ToString::to_string)),
            text(" AND queue_id = ", self.queue_id.clone()),
            id(" AND id < ", self.after),
            // Ids begin with the time of submission: an index finds where the time begins.
            id(" AND id >= ", self.since.map(first_id_at)),
            id(" AND id < ", self.until.map(|at| first_id_at(at + MILLISECOND))),
        ];
        let mut pieces: Vec<Piece> = conditions.into_iter().flatten().flatten().collect();
        if self.verdict == Some(Verdict::Spam) {
            // As text, so that the index of spam alone is found.
            pieces.push(" AND verdict = 'spam'".into());
        }
        pieces
    }

    /// What each message that an index found must be looked at for.
    fn chosen(&self) -> Vec<Piece> {
        let time = |condition, at: Option<DateTime<Utc>>| {
            at.map(|at| [Piece::Sql(condition), Piece::Time(at)])
        };
        // Within the millisecond that ids tell.
        let times = [time(" AND at >= ", self.since), time(" AND at < ", self.until)];
        let mut pieces: Vec<Piece> = times.into_iter().flatten().flatten().collect();
        if self.verdict == Some(Verdict::Clean) {
            pieces.push(" AND verdict = 'clean'".into());
        }
        if let Some(recipient) = &self.recipient {
            pieces.push(" AND LOWER(recipients) LIKE ".into());
            pieces.push(Piece::Text(contains(&recipient.to_lowercase())));
            pieces.push(" ESCAPE '\\'".into());
        }
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
    use crate::model::{Report, Source};

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
