//! What a sender sent around the time of a restriction: sums by minute, and from where it came.

use super::counting::minute;
use super::trace::first_id_at;
use super::{Result, Store, Sum, TOTAL_CAP, on};
use crate::model::address::Address;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use std::ops::Range;

/// Messages whose client addresses are told apart, the newest; against a sender with very many.
pub const MESSAGES_LOOKED_AT: i64 = 10_000;
/// Client addresses that are named.
const ADDRESSES_NAMED: i64 = 5;

/// From where a sender's messages were submitted.
#[derive(Debug, Default)]
pub struct ClientAddresses {
    /// How many different addresses there are among the newest [`MESSAGES_LOOKED_AT`] messages.
    pub distinct: i64,
    /// Those that most of them came from.
    pub named: Vec<ClientAddress>,
}

/// An address that messages were submitted from.
#[derive(Debug, FromRow)]
pub struct ClientAddress {
    pub client_address: String,
    pub messages: i64,
    distinct_addresses: i64,
}

#[derive(FromRow)]
struct Minute {
    minute: i64,
    #[sqlx(flatten)]
    sum: Sum,
}

impl Store {
    /// What a sender sent in each minute of a time that had any mail, oldest first; the minute is one
    /// since 1970. A day of it is at most a row a minute and release, however much was sent.
    pub async fn sent_by_minute(
        &self,
        sender: &Address,
        time: Range<DateTime<Utc>>,
    ) -> Result<Vec<(i64, Sum)>> {
        let rows: Vec<Minute> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT minute,
                    CAST(SUM(messages) AS BIGINT) AS messages,
                    CAST(SUM(spam) AS BIGINT) AS spam,
                    CAST(SUM(inside) AS BIGINT) AS inside,
                    CAST(SUM(outside) AS BIGINT) AS outside,
                    CAST(SUM(unplaced) AS BIGINT) AS unplaced
               FROM sending
              WHERE sender = $1 AND minute >= $2 AND minute < $3
              GROUP BY minute
              ORDER BY minute"
        )
        .bind(sender.as_str())
        .bind(minute(time.start))
        .bind(minute(time.end))
        .fetch_all(pool)
        .await)?;
        Ok(rows.into_iter().map(|row| (row.minute, row.sum)).collect())
    }

    /// From where a sender's messages of a time were submitted.
    pub async fn client_addresses(
        &self,
        sender: &Address,
        time: Range<DateTime<Utc>>,
    ) -> Result<ClientAddresses> {
        let named: Vec<ClientAddress> = on!(&self.read, |pool| sqlx::query_as(
            "SELECT client_address,
                    COUNT(*) AS messages,
                    COUNT(*) OVER () AS distinct_addresses
               FROM (SELECT client_address
                       FROM messages
                      WHERE sender = $1 AND id >= $2 AND id < $3
                      ORDER BY id DESC
                      LIMIT $4) AS newest
              WHERE client_address IS NOT NULL
              GROUP BY client_address
              ORDER BY messages DESC, client_address
              LIMIT $5"
        )
        .bind(sender.as_str())
        .bind(first_id_at(time.start))
        .bind(first_id_at(time.end))
        .bind(MESSAGES_LOOKED_AT)
        .bind(ADDRESSES_NAMED)
        .fetch_all(pool)
        .await)?;
        let distinct = named.first().map_or(0, |address| address.distinct_addresses);
        Ok(ClientAddresses { distinct, named })
    }

    /// How many messages were submitted last, of 100 at most, where none of them has a verdict; 0 where
    /// one has.
    pub async fn last_without_verdict(&self) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT CASE COUNT(verdict) WHEN 0 THEN COUNT(*) ELSE 0 END
               FROM (SELECT verdict FROM messages ORDER BY id DESC LIMIT 100) AS latest"
        )
        .fetch_one(pool)
        .await)?)
    }

    /// How many messages were submitted since `since`; at most [`TOTAL_CAP`] + 1.
    pub async fn messages_since(&self, since: DateTime<Utc>) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COUNT(*)
               FROM (SELECT 1 FROM messages WHERE id >= $1 LIMIT $2) AS counted"
        )
        .bind(first_id_at(since))
        .bind(TOTAL_CAP + 1)
        .fetch_one(pool)
        .await)?)
    }
}
