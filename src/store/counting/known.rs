//! Finding the messages that reports are about.

use super::messages::MessageRow;
use super::{Result, Store, Touched, Tx, filled, on};
use crate::model::address::Address;
use crate::model::{Message, Report, Source};
use crate::store::columns;
use chrono::{DateTime, Utc};
use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// How many of a sender's newest messages are looked through for a Message-ID; against a sender
/// with very many and a filter that knows no queue ids.
const NEWEST: i64 = 1_000;

const BY_MESSAGE_ID: &str = concat!(
    "SELECT ",
    columns!(messages),
    "
   FROM (SELECT ",
    columns!(messages),
    " FROM messages WHERE sender = $1 ORDER BY id DESC LIMIT $2) AS newest
  WHERE message_id = $3 AND at > $4
  ORDER BY id DESC
  LIMIT 1"
);

/// The messages that are known already, and those that this batch of reports began.
#[derive(Default)]
pub(super) struct Known {
    stored: Vec<Message>,
    /// Where in the touched messages one is.
    by_queue_id: HashMap<(Address, String), Place>,
    by_message_id: HashMap<(Address, String), Place>,
    by_id: HashMap<Uuid, Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Stored(usize),
    Touched(usize),
}

impl Known {
    /// The index among the touched messages of the one that `report` is about.
    pub(super) fn index_of(
        &mut self,
        report: &Report,
        touched: &mut Vec<Touched>,
    ) -> Option<usize> {
        match self.place_of(report)? {
            Place::Touched(index) => Some(index),
            Place::Stored(stored) => {
                let message = self.stored[stored].clone();
                let index = touched.len();
                self.remember(&message, Place::Touched(index));
                let before = Some(message.clone());
                touched.push(Touched { before, after: message, filtered_as_spam: false });
                Some(index)
            }
        }
    }

    fn place_of(&self, report: &Report) -> Option<Place> {
        let named = |map: &HashMap<_, _>, name: &Option<String>| {
            map.get(&(report.sender.clone(), name.clone()?)).copied()
        };
        let place = self.by_id.get(&report.id).copied();
        let place = place.or_else(|| named(&self.by_queue_id, &report.queue_id));
        if place.is_none() && report.finds_by_message_id() {
            return named(&self.by_message_id, &report.message_id);
        }
        place
    }

    /// The report begins the message at `index`.
    pub(super) fn begins(&mut self, report: &Report, index: usize) {
        self.remember(report, Place::Touched(index));
    }

    fn remember(&mut self, message: &Message, place: Place) {
        let key = |name: &Option<String>| Some((message.sender.clone(), name.clone()?));
        self.by_id.insert(message.id, place);
        self.by_queue_id.extend(key(&message.queue_id).map(|key| (key, place)));
        self.by_message_id.extend(key(&message.message_id).map(|key| (key, place)));
    }
}

impl Store {
    /// The newest messages with one of these queue ids, whosoever they are, the newest first.
    pub async fn messages_with_queue_ids(&self, queue_ids: &[String]) -> Result<Vec<Message>> {
        const MOST: i64 = 50;
        let known: Vec<&String> = queue_ids.iter().filter(|id| !id.is_empty()).collect();
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<MessageRow> = on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new(concat!(
                "SELECT ",
                columns!(messages),
                " FROM messages WHERE queue_id IN ("
            ));
            let mut list = query.separated(", ");
            for queue_id in &known {
                list.push_bind(queue_id.as_str());
            }
            query.push(") ORDER BY id DESC LIMIT ").push_bind(MOST);
            query.build_query_as().fetch_all(pool).await
        })?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// The newest message of a sender with this Message-ID, among the 1,000 newest.
    pub async fn message_with_message_id(
        &self,
        sender: &Address,
        message_id: &str,
    ) -> Result<Option<Message>> {
        let row: Option<MessageRow> = on!(&self.read, |pool| sqlx::query_as(BY_MESSAGE_ID)
            .bind(sender.as_str())
            .bind(NEWEST)
            .bind(message_id)
            .bind(DateTime::<Utc>::UNIX_EPOCH)
            .fetch_optional(pool)
            .await)?;
        Ok(row.map(Into::into))
    }
}

impl Report {
    /// Whether a Message-ID, which the sender writes, is enough to find the message: only for a
    /// filter's word, and only where it knows nothing better.
    fn finds_by_message_id(&self) -> bool {
        self.source == Source::Filter && self.queue_id.is_none() && self.message_id.is_some()
    }
}

/// When senders were released the last time, in microseconds since 1970; those who never were
/// restricted are missing.
pub(super) type LastReleases = HashMap<Address, i64>;

#[derive(FromRow)]
struct ReleaseRow {
    address: String,
    last_release: DateTime<Utc>,
}

impl ReleaseRow {
    fn told(self) -> (Address, i64) {
        (Address::stored(&self.address), self.last_release.timestamp_micros())
    }
}

fn push_by_queue_ids<DB: Database>(
    query: &mut QueryBuilder<DB>,
    queue_ids: &[&str],
    since: DateTime<Utc>,
) where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> DateTime<Utc>: Encode<'t, DB> + Type<DB>,
{
    query
        .push(concat!("SELECT ", columns!(messages), " FROM messages WHERE at > "))
        .push_bind(since)
        .push(" AND queue_id IN (");
    let mut list = query.separated(", ");
    for queue_id in queue_ids {
        list.push_bind(*queue_id);
    }
    query.push(")");
}

fn push_last_releases<DB: Database>(query: &mut QueryBuilder<DB>, senders: &[&Address])
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
{
    query.push(
        "SELECT address, MAX(released_at) AS last_release
           FROM restrictions
          WHERE released_at IS NOT NULL AND address IN (",
    );
    let mut list = query.separated(", ");
    for sender in senders {
        list.push_bind(sender.as_str());
    }
    query.push(") GROUP BY address");
}

impl Tx {
    /// The messages since `since` that the reports may be about, and when their senders were released
    /// the last time.
    pub(super) async fn messages_reported(
        &mut self,
        reports: &[Report],
        again: bool,
        since: DateTime<Utc>,
    ) -> Result<(Known, LastReleases)> {
        let queue_ids: Vec<&str> =
            reports.iter().filter_map(|report| report.queue_id.as_deref()).collect();
        let senders = reports.iter().map(|report| &report.sender).collect();
        let (mut stored, releases) = self.known_and_released(&queue_ids, since, senders).await?;
        for report in reports.iter().filter(|report| report.finds_by_message_id()) {
            let message_id = report.message_id.as_deref().unwrap_or_default();
            stored.extend(self.message_with_message_id(&report.sender, message_id, since).await?);
        }
        if again {
            stored.extend(self.messages_with_ids(reports).await?);
        }
        let mut known = Known::default();
        // Oldest first, so that of two with one name the newer is found.
        stored.sort_by_key(|message| message.id);
        for (index, message) in stored.iter().enumerate() {
            known.remember(message, Place::Stored(index));
        }
        known.stored = stored;
        Ok((known, releases))
    }

    /// Messages by their queue ids, and the last releases of senders. SQLite reads both in one step;
    /// see [`Tx::write_and_sum`].
    pub(super) async fn known_and_released(
        &mut self,
        queue_ids: &[&str],
        since: DateTime<Utc>,
        senders: BTreeSet<&Address>,
    ) -> Result<(Vec<Message>, LastReleases)> {
        let (mut messages, mut releases) = (Vec::new(), LastReleases::new());
        let senders: Vec<&Address> = senders.into_iter().collect();
        match self {
            Self::Sqlite(tx) => {
                let mut query = QueryBuilder::new("");
                for queue_ids in filled(queue_ids) {
                    push_by_queue_ids(&mut query, &queue_ids, since);
                    query.push("; ");
                }
                for senders in filled(&senders) {
                    push_last_releases(&mut query, &senders);
                    query.push("; ");
                }
                for row in query.build().fetch_all(&mut **tx).await? {
                    match ReleaseRow::from_row(&row) {
                        Ok(release) => releases.extend([release.told()]),
                        Err(_) => messages.push(MessageRow::from_row(&row)?.into()),
                    }
                }
            }
            Self::Postgres(tx) => {
                for queue_ids in filled(queue_ids) {
                    let mut query = QueryBuilder::new("");
                    push_by_queue_ids(&mut query, &queue_ids, since);
                    let rows: Vec<MessageRow> = query.build_query_as().fetch_all(&mut **tx).await?;
                    messages.extend(rows.into_iter().map(Message::from));
                }
                for senders in filled(&senders) {
                    let mut query = QueryBuilder::new("");
                    push_last_releases(&mut query, &senders);
                    let rows: Vec<ReleaseRow> = query.build_query_as().fetch_all(&mut **tx).await?;
                    releases.extend(rows.into_iter().map(ReleaseRow::told));
                }
            }
        }
        Ok((messages, releases))
    }

    async fn messages_with_ids(&mut self, reports: &[Report]) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        let ids: Vec<Uuid> = reports.iter().map(|report| report.id).collect();
        for ids in filled(&ids) {
            let rows: Vec<MessageRow> = on!(self, |tx| {
                let mut query = sqlx::QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(messages),
                    " FROM messages WHERE id IN ("
                ));
                let mut list = query.separated(", ");
                for id in &ids {
                    list.push_bind(*id);
                }
                query.push(")");
                query.build_query_as().fetch_all(&mut **tx).await
            })?;
            messages.extend(rows.into_iter().map(Message::from));
        }
        Ok(messages)
    }

    async fn message_with_message_id(
        &mut self,
        sender: &Address,
        message_id: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<Message>> {
        let row: Option<MessageRow> = on!(self, |tx| sqlx::query_as(BY_MESSAGE_ID)
            .bind(sender.as_str())
            .bind(NEWEST)
            .bind(message_id)
            .bind(since)
            .fetch_optional(&mut **tx)
            .await)?;
        Ok(row.map(Into::into))
    }
}
