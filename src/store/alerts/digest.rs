//! The weekly digest: what happened from Monday to Sunday.

use super::deliveries::NewDelivery;
use super::{Audience, Result, Store, Tx, on};
use crate::model::alert::{Digest, Notice, Tally};
use chrono::{DateTime, TimeDelta, Utc};

/// Names that each list of the digest has.
const LISTED: i64 = 10;
/// The time in which a second restriction makes a repeat offender.
const REPEATED_WITHIN: TimeDelta = TimeDelta::days(30);

impl Store {
    /// Writes the digest of the week before the one that `now` is in, unless some process has
    /// written it; the first time, only notes from which week on there are digests.
    ///
    /// # Errors
    /// When the database fails; then it is written later.
    pub async fn write_digest(&self, audience: &Audience, now: DateTime<Utc>) -> Result<()> {
        let week = week_of(now) - 1;
        if !audience.mail || self.last_digest().await?.is_some_and(|last| last >= week) {
            return Ok(());
        }
        let digest = self.digest(week).await?;
        let mut tx = self.begin().await?;
        let is_first = tx.last_digest().await?.is_none();
        if tx.begins_digest(week, now).await? && !is_first {
            let recipients = tx.recipients(&[], audience).await?;
            let deliveries = recipients.into_iter().map(NewDelivery::mail).collect();
            tx.write_notice(&Notice::Digest(digest), deliveries, now).await?;
        }
        tx.commit().await
    }

    async fn last_digest(&self) -> Result<Option<i64>> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar("SELECT MAX(week) FROM weekly_digests")
            .fetch_one(pool)
            .await)?)
    }

    async fn digest(&self, week: i64) -> Result<Digest> {
        let (since, until) = (start_of(week), start_of(week + 1));
        Ok(Digest {
            since,
            until,
            restricted: self.restricted_between(since, until).await?,
            released: self.released_between(since, until).await?,
            active: self.active_restrictions().await?.len().try_into().unwrap_or(i64::MAX),
            released_by: self.who_released(since, until).await?,
            repeat_offenders: self.repeat_offenders(since, until).await?,
            near_limits: self.near_limits(since, until).await?,
        })
    }

    async fn restricted_between(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(restricted), 0) AS BIGINT)
               FROM restricted_days
              WHERE day >= $1 AND day < $2"
        )
        .bind(since.date_naive().to_string())
        .bind(until.date_naive().to_string())
        .fetch_one(pool)
        .await)?)
    }

    async fn released_between(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM restrictions WHERE released_at >= $1 AND released_at < $2"
        )
        .bind(since)
        .bind(until)
        .fetch_one(pool)
        .await)?)
    }

    /// Who asked for the releases; day blocks end without anybody asking.
    async fn who_released(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Tally>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT COALESCE(unblock_requested_by, 'system') AS name, COUNT(*) AS count
               FROM restrictions
              WHERE released_at >= $1 AND released_at < $2
              GROUP BY COALESCE(unblock_requested_by, 'system')
              ORDER BY COUNT(*) DESC, name
              LIMIT $3"
        )
        .bind(since)
        .bind(until)
        .bind(LISTED)
        .fetch_all(pool)
        .await)?)
    }

    async fn repeat_offenders(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Tally>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT address AS name, COUNT(*) AS count
               FROM (-- The two halves have an index each, which begins with the cause.
                     SELECT address, restricted_at
                       FROM restrictions
                      WHERE released_at IS NULL
                        AND cause IN ('outbound_spam', 'sending_limit', 'manual', 'imported')
                        AND restricted_at >= $3 AND restricted_at < $2 AND NOT imported
                     UNION ALL
                     SELECT address, restricted_at
                       FROM restrictions
                      WHERE released_at IS NOT NULL
                        AND cause IN ('outbound_spam', 'sending_limit', 'manual', 'imported')
                        AND restricted_at >= $3 AND restricted_at < $2 AND NOT imported)
                 AS both_halves
              GROUP BY address
             HAVING COUNT(*) > 1 AND MAX(restricted_at) >= $1
              ORDER BY COUNT(*) DESC, address
              LIMIT $4"
        )
        .bind(since)
        .bind(until)
        .bind(until - REPEATED_WITHIN)
        .bind(LISTED)
        .fetch_all(pool)
        .await)?)
    }

    /// Who came near a limit or to warning level, and was not restricted in that week.
    async fn near_limits(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Tally>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT sender AS name, COUNT(DISTINCT day) AS count
               FROM crossings
              WHERE at >= $1 AND at < $2 AND restriction_id IS NULL AND NOT shadow
                AND NOT EXISTS (SELECT 1 FROM restrictions
                                 WHERE restrictions.address = crossings.sender
                                   AND released_at IS NULL
                                   AND restricted_at >= $1 AND restricted_at < $2)
                AND NOT EXISTS (SELECT 1 FROM restrictions
                                 WHERE restrictions.address = crossings.sender
                                   AND released_at IS NOT NULL
                                   AND restricted_at >= $1 AND restricted_at < $2)
              GROUP BY sender
              ORDER BY COUNT(DISTINCT day) DESC, sender
              LIMIT $3"
        )
        .bind(since)
        .bind(until)
        .bind(LISTED)
        .fetch_all(pool)
        .await)?)
    }
}

impl Tx {
    async fn last_digest(&mut self) -> Result<Option<i64>> {
        Ok(on!(self, |tx| sqlx::query_scalar("SELECT MAX(week) FROM weekly_digests")
            .fetch_one(&mut **tx)
            .await)?)
    }

    /// Whether this process is the one that writes the week's digest.
    async fn begins_digest(&mut self, week: i64, now: DateTime<Utc>) -> Result<bool> {
        let begun = on!(self, |tx| sqlx::query(
            "INSERT INTO weekly_digests (week, written_at) VALUES ($1, $2)
             ON CONFLICT (week) DO NOTHING"
        )
        .bind(week)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        Ok(begun == 1)
    }
}

/// Weeks begin on Monday; 1970-01-01 was a Thursday.
const FIRST_MONDAY: i64 = 4;

fn week_of(at: DateTime<Utc>) -> i64 {
    (super::day(at) - FIRST_MONDAY).div_euclid(7)
}

fn start_of(week: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(week * 7 + FIRST_MONDAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, Weekday};

    #[test]
    fn a_week_begins_on_monday_at_midnight_utc() {
        let sunday: DateTime<Utc> = "2026-11-22T23:59:59Z".parse().unwrap();
        let monday: DateTime<Utc> = "2026-11-23T00:00:00Z".parse().unwrap();
        assert_eq!(week_of(sunday) + 1, week_of(monday));
        assert_eq!(start_of(week_of(monday)), monday);
        assert_eq!(start_of(week_of(sunday)).weekday(), Weekday::Mon);
    }
}
