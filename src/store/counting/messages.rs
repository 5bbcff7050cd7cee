//! Messages as they stand in their table.

use super::Touched;
use crate::model::address::Address;
use crate::model::{Message, Recipients, Source, Symbol, Verdict};
use chrono::{DateTime, Utc};
use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};
use uuid::Uuid;

/// One row of `messages`.
#[derive(FromRow)]
pub(in crate::store) struct MessageRow {
    id: Uuid,
    at: DateTime<Utc>,
    sender: String,
    source: Source,
    recipients: String,
    inside: i64,
    outside: i64,
    unplaced: i64,
    queue_id: Option<String>,
    message_id: Option<String>,
    subject: Option<String>,
    client_address: Option<String>,
    verdict: Option<Verdict>,
    score: Option<f64>,
    symbols: String,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            sender: Address::stored(&row.sender),
            source: row.source,
            recipients: Recipients {
                named: list(&row.recipients),
                inside: row.inside,
                outside: row.outside,
                unplaced: row.unplaced,
            },
            queue_id: row.queue_id,
            message_id: row.message_id,
            subject: row.subject,
            client_address: row.client_address,
            verdict: row.verdict,
            score: row.score,
            symbols: list::<Symbol>(&row.symbols),
        }
    }
}

/// A list that only this program writes.
fn list<T: serde::de::DeserializeOwned>(json: &str) -> Vec<T> {
    serde_json::from_str(json).unwrap_or_default()
}

fn json<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("lists of texts and numbers have no other keys")
}

/// The statement that writes messages, new ones and what is new about others. `insert` is how a
/// statement begins that inserts many rows; see [`Tx::many`].
pub(super) fn push_messages<DB: Database>(
    query: &mut QueryBuilder<DB>,
    insert: &'static str,
    messages: &[&Touched],
) where
    for<'t> Uuid: Encode<'t, DB> + Type<DB>,
    for<'t> DateTime<Utc>: Encode<'t, DB> + Type<DB>,
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> Option<&'t str>: Encode<'t, DB>,
    for<'t> String: Encode<'t, DB> + Type<DB>,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
    for<'t> Source: Encode<'t, DB> + Type<DB>,
    for<'t> Option<Verdict>: Encode<'t, DB>,
    Verdict: Type<DB>,
    for<'t> Option<f64>: Encode<'t, DB>,
    f64: Type<DB>,
{
    query.push(insert).push(
        " messages
                (id, at, sender, source, recipients, inside, outside, unplaced,
                 queue_id, message_id, subject, client_address, verdict, score, symbols) ",
    );
    query.push_values(messages, |mut row, Touched { after: message, .. }| {
        row.push_bind(message.id)
            .push_bind(message.at)
            .push_bind(message.sender.as_str())
            .push_bind(message.source)
            .push_bind(json(&message.recipients.named))
            .push_bind(message.recipients.inside)
            .push_bind(message.recipients.outside)
            .push_bind(message.recipients.unplaced)
            .push_bind(message.queue_id.as_deref())
            .push_bind(message.message_id.as_deref())
            .push_bind(message.subject.as_deref())
            .push_bind(message.client_address.as_deref())
            .push_bind(message.verdict)
            .push_bind(message.score)
            .push_bind(json(&message.symbols));
    });
    // Only where something is known: SQLite copies what a statement changes that may update rows.
    if messages.iter().any(|message| message.before.is_some()) {
        query.push(
            " ON CONFLICT (id) DO UPDATE
                 SET source = excluded.source,
                     recipients = excluded.recipients,
                     inside = excluded.inside,
                     outside = excluded.outside,
                     unplaced = excluded.unplaced,
                     queue_id = excluded.queue_id,
                     message_id = excluded.message_id,
                     subject = excluded.subject,
                     client_address = excluded.client_address,
                     verdict = excluded.verdict,
                     score = excluded.score,
                     symbols = excluded.symbols",
        );
    }
}
