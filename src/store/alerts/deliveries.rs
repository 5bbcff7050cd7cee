//! Notices on their way: claimed by lease, so that nothing is held while a server takes its time and
//! a process that dies leaves nothing behind that another would not take up.

use super::{Result, Store, Tx, on};
use crate::model::alert::Notice;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// How long one attempt may take before another process tries again: a killed one shall not keep a
/// notice, and every channel gives up sooner.
const LEASE: TimeDelta = TimeDelta::minutes(3);
/// Deliveries that a process claims at once.
const CLAIMED_AT_ONCE: i64 = 10;

/// How a notice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Channel {
    Mail,
    Webhook,
}

impl Channel {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// The channel in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// A delivery that is about to be written.
#[derive(Debug)]
pub(super) struct NewDelivery {
    pub(super) channel: Channel,
    pub(super) target: String,
    pub(super) last_today: bool,
}

impl NewDelivery {
    pub(super) fn webhook(label: String) -> Self {
        Self { channel: Channel::Webhook, target: label, last_today: false }
    }

    pub(super) fn mail(recipient: String) -> Self {
        Self { channel: Channel::Mail, target: recipient, last_today: false }
    }
}

/// A delivery that this process attempts.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: Uuid,
    pub notice: Notice,
    /// A mail address, or the label of a webhook.
    pub target: String,
    /// Whether this is the last mail that the daily limit lets through.
    pub last_today: bool,
    pub created_at: DateTime<Utc>,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

#[derive(FromRow)]
struct ClaimedRow {
    id: Uuid,
    notice: String,
    target: String,
    last_today: bool,
    created_at: DateTime<Utc>,
    attempts: i64,
}

/// How a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Delivery {
    pub id: Uuid,
    pub channel: Channel,
    /// A mail address, or the label of a webhook.
    pub target: String,
    pub created_at: DateTime<Utc>,
    /// When it is tried again; nothing where nothing more is tried.
    pub due_at: Option<DateTime<Utc>>,
    pub attempts: i64,
    pub delivered_at: Option<DateTime<Utc>>,
    pub given_up_at: Option<DateTime<Utc>>,
    pub problem: Option<String>,
}

/// What waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Queue {
    pub channel: Channel,
    pub length: i64,
    pub oldest: DateTime<Utc>,
}

impl Store {
    /// Claims what is due on a channel for so long as one attempt may take. No two processes claim
    /// one delivery.
    ///
    /// # Errors
    /// When the database fails; then nothing is claimed.
    pub async fn claim(&self, channel: Channel, now: DateTime<Utc>) -> Result<Vec<Claimed>> {
        if self.next_delivery(channel).await?.is_none_or(|due_at| due_at > now) {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let rows: Vec<ClaimedRow> = on!(&mut tx, |tx| sqlx::query_as(
            "UPDATE deliveries
                SET due_at = $3, attempts = attempts + 1
              WHERE id IN (SELECT id FROM deliveries
                            WHERE channel = $1 AND due_at <= $2
                            ORDER BY due_at
                            LIMIT $4)
                -- A rival may have claimed one since.
                AND due_at <= $2
             RETURNING id, target, last_today, created_at, attempts,
                       (SELECT notice FROM notices WHERE id = deliveries.notice_id) AS notice"
        )
        .bind(channel)
        .bind(now)
        .bind(now + LEASE)
        .bind(CLAIMED_AT_ONCE)
        .fetch_all(&mut **tx)
        .await)?;
        tx.commit().await?;
        rows.into_iter().map(claimed).collect()
    }

    /// When the next delivery of a channel is due.
    pub async fn next_delivery(&self, channel: Channel) -> Result<Option<DateTime<Utc>>> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT due_at FROM deliveries
              WHERE channel = $1 AND due_at IS NOT NULL
              ORDER BY due_at LIMIT 1"
        )
        .bind(channel)
        .fetch_optional(pool)
        .await)?)
    }

    /// Notes that a delivery arrived.
    ///
    /// # Errors
    /// When the database fails; then it is tried once more when the lease is over.
    pub async fn delivered(&self, claimed: &Claimed, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "UPDATE deliveries SET due_at = NULL, delivered_at = $2, problem = NULL WHERE id = $1"
        )
        .bind(claimed.id)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Notes that an attempt failed, and when the next one is; without one the delivery is given up.
    ///
    /// # Errors
    /// When the database fails; then it is tried once more when the lease is over.
    pub async fn failed(
        &self,
        claimed: &Claimed,
        problem: &str,
        next: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "UPDATE deliveries
                SET due_at = $3, problem = $4, given_up_at = $5
              -- Where the lease was over, somebody else tries by now.
              WHERE id = $1 AND attempts = $2 AND delivered_at IS NULL"
        )
        .bind(claimed.id)
        .bind(claimed.attempt)
        .bind(next)
        .bind(problem)
        .bind(next.is_none().then_some(now))
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// How the deliveries of a notice stand.
    pub async fn deliveries(&self, notice: Uuid) -> Result<Vec<Delivery>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT id, channel, target, created_at, due_at, attempts, delivered_at, given_up_at,
                    problem
               FROM deliveries
              WHERE notice_id = $1
              ORDER BY channel, target"
        )
        .bind(notice)
        .fetch_all(pool)
        .await)?)
    }

    /// Whether a notice is still kept: it goes when evidence of its age goes, and its deliveries with
    /// it.
    pub async fn has_notice(&self, notice: Uuid) -> Result<bool> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM notices WHERE id = $1)"
        )
        .bind(notice)
        .fetch_one(pool)
        .await)?)
    }

    /// The deliveries given up since then, the latest first, at most `limit`.
    pub async fn given_up(&self, since: DateTime<Utc>, limit: i64) -> Result<Vec<Delivery>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT id, channel, target, created_at, due_at, attempts, delivered_at, given_up_at,
                    problem
               FROM deliveries
              WHERE given_up_at >= $1
              ORDER BY given_up_at DESC, id
              LIMIT $2"
        )
        .bind(since)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
    }

    /// What waits, by channel; a channel where nothing waits is not there.
    pub async fn delivery_queues(&self) -> Result<Vec<Queue>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT channel, COUNT(*) AS length, MIN(created_at) AS oldest
               FROM deliveries
              WHERE due_at IS NOT NULL
              GROUP BY channel"
        )
        .fetch_all(pool)
        .await)?)
    }
}

fn claimed(row: ClaimedRow) -> Result<Claimed> {
    let notice =
        serde_json::from_str(&row.notice).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Claimed {
        id: row.id,
        notice,
        target: row.target,
        last_today: row.last_today,
        created_at: row.created_at,
        attempt: row.attempts,
    })
}

impl Tx {
    /// Writes a notice and where it goes, due at once; its id.
    pub(super) async fn write_notice(
        &mut self,
        notice: &Notice,
        deliveries: Vec<NewDelivery>,
        now: DateTime<Utc>,
    ) -> Result<Uuid> {
        let id = Uuid::now_v7();
        let document = serde_json::to_string(notice).expect("a notice has only text for keys");
        on!(self, |tx| sqlx::query(
            "INSERT INTO notices (id, created_at, notice) VALUES ($1, $2, $3)"
        )
        .bind(id)
        .bind(now)
        .bind(document)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        for delivery in deliveries {
            self.write_delivery(id, &delivery, now).await?;
        }
        Ok(id)
    }

    async fn write_delivery(
        &mut self,
        notice: Uuid,
        delivery: &NewDelivery,
        now: DateTime<Utc>,
    ) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "INSERT INTO deliveries
                    (id, notice_id, channel, target, last_today, created_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $6, 0)"
        )
        .bind(Uuid::now_v7())
        .bind(notice)
        .bind(delivery.channel)
        .bind(&delivery.target)
        .bind(delivery.last_today)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }
}
