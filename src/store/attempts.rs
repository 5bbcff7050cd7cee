//! Counting how often a password is tried.

use super::{Result, Store, Tx, on};
use crate::address::Address;
use crate::attempts::Budget;
use crate::event::{Action, NewAuditEntry};
use crate::operator::{Actor, ActorKind};
use crate::secret::SecretHash;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::json;
use std::net::IpAddr;
use uuid::Uuid;

/// A browser is forgotten when nobody signed in with it for so long.
const DEVICE_KEPT: TimeDelta = TimeDelta::days(180);
/// Counts are of no use after the longest window.
const ATTEMPTS_KEPT: TimeDelta = TimeDelta::hours(1);
/// Failures written to the audit log at once.
const FAILURES_AT_ONCE: i64 = 500;

impl Store {
    /// Takes an attempt from each budget before the password is looked at; false when one of them
    /// is used up. Many at once cannot take more than there is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_attempt(&self, budgets: &[Budget], now: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let mut allowed = true;
        for budget in budgets {
            allowed &= tx.count_attempt(budget, now).await? <= budget.attempts;
        }
        tx.commit().await?;
        Ok(allowed)
    }

    /// Gives the attempt back after the right password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn return_attempt(&self, budgets: &[Budget], now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        for budget in budgets {
            on!(&mut tx, |tx| sqlx::query(
                "UPDATE sign_in_attempts SET attempts = attempts - 1
                  WHERE subject = $1 AND window_at = $2 AND attempts > 0"
            )
            .bind(&budget.subject)
            .bind(budget.window_at(now))
            .execute(&mut **tx)
            .await
            .map(drop))?;
        }
        tx.commit().await
    }

    /// Counts a wrong password, to be audited when its minute is over. `account` is an operator's
    /// address or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_failure(
        &self,
        account: Option<&Address>,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO sign_in_failures (account, client_address, minute, failures)
             VALUES ($1, $2, $3, 1)
             ON CONFLICT (account, client_address, minute)
             DO UPDATE SET failures = sign_in_failures.failures + 1"
        )
        .bind(account.map(Address::as_str).unwrap_or_default())
        .bind(from.map(|from| from.to_string()).unwrap_or_default())
        .bind(minute(now))
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Writes the failures of minutes that are over as audit records, one per account, address and
    /// minute, and forgets old counts and devices. Answers how many records it wrote.
    ///
    /// # Errors
    /// When the database fails; then nothing is lost.
    pub async fn audit_failures(&self, now: DateTime<Utc>) -> Result<usize> {
        if !self.has_failures_before(minute(now)).await? {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let failures = tx.take_failures(minute(now)).await?;
        let records: Vec<_> = failures.into_iter().map(record).collect();
        let written = records.len();
        tx.forget_old_attempts(now).await?;
        tx.record(&[], records).await?;
        tx.commit().await?;
        Ok(written)
    }

    async fn has_failures_before(&self, minute: DateTime<Utc>) -> Result<bool> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sign_in_failures WHERE minute < $1)"
        )
        .bind(minute)
        .fetch_one(pool)
        .await)?)
    }

    /// Remembers the browser that an operator signed in with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remember_device(
        &self,
        device: &SecretHash,
        operator: Uuid,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query(
            "INSERT INTO known_devices (secret_hash, operator_id, last_used_at)
             VALUES ($1, $2, $3)
             ON CONFLICT (secret_hash) DO UPDATE SET operator_id = $2, last_used_at = $3"
        )
        .bind(device)
        .bind(operator)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Whether `account` has signed in with this browser before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn knows_device(
        &self,
        device: &SecretHash,
        account: &Address,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT EXISTS (
                SELECT 1 FROM known_devices JOIN operators ON operators.id = operator_id
                 WHERE secret_hash = $1 AND operators.address = $2 AND last_used_at > $3)"
        )
        .bind(device)
        .bind(account.as_str())
        .bind(now - DEVICE_KEPT)
        .fetch_one(pool)
        .await)?)
    }
}

type Failure = (String, String, DateTime<Utc>, i64);

impl Tx {
    async fn count_attempt(&mut self, budget: &Budget, now: DateTime<Utc>) -> Result<i64> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "INSERT INTO sign_in_attempts (subject, window_at, attempts) VALUES ($1, $2, 1)
             ON CONFLICT (subject, window_at)
             DO UPDATE SET attempts = sign_in_attempts.attempts + 1
             RETURNING attempts"
        )
        .bind(&budget.subject)
        .bind(budget.window_at(now))
        .fetch_one(&mut **tx)
        .await)?)
    }

    async fn take_failures(&mut self, before: DateTime<Utc>) -> Result<Vec<Failure>> {
        Ok(on!(self, |tx| sqlx::query_as(
            "DELETE FROM sign_in_failures
              WHERE (account, client_address, minute) IN (
                    SELECT account, client_address, minute FROM sign_in_failures
                     WHERE minute < $1 ORDER BY minute LIMIT $2)
             RETURNING account, client_address, minute, failures"
        )
        .bind(before)
        .bind(FAILURES_AT_ONCE)
        .fetch_all(&mut **tx)
        .await)?)
    }

    async fn forget_old_attempts(&mut self, now: DateTime<Utc>) -> Result<()> {
        on!(self, |tx| sqlx::query("DELETE FROM sign_in_attempts WHERE window_at < $1")
            .bind(now - ATTEMPTS_KEPT)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        on!(self, |tx| sqlx::query("DELETE FROM known_devices WHERE last_used_at < $1")
            .bind(now - DEVICE_KEPT)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }
}

fn record((account, client_address, minute, failures): Failure) -> NewAuditEntry {
    let known = !account.is_empty();
    let actor = Actor {
        name: if known { account } else { "unknown account".into() },
        kind: ActorKind::Operator,
        client_address: client_address.parse().ok(),
        session: None,
    };
    NewAuditEntry::new(&actor, Action::SignInFailed, minute).after(json!({ "failures": failures }))
}

fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).expect("times of this epoch have minutes")
}
