//! Counting how often a password is tried.

use super::{Result, Store, Tx, on};
use crate::attempts::{Budget, NETWORK, network};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, ActorKind};
use crate::secret::SecretHash;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::json;
use sqlx::FromRow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use uuid::Uuid;

/// A browser is forgotten when nobody signed in with it for so long …
const DEVICE_KEPT: TimeDelta = TimeDelta::days(180);
/// … or when the same operator has signed in with so many others since.
const DEVICES_OF_ONE: i64 = 20;
/// Counts are of no use after the longest window.
const ATTEMPTS_KEPT: TimeDelta = TimeDelta::hours(1);
/// Networks whose attempts are counted. Whoever has more of them is not held up by what each may try,
/// and all begin anew, so that nobody fills the database with them.
const MOST_NETWORKS: i64 = 100_000;
/// Failures of accounts and networks that are kept apart until they are audited; what comes on top is
/// counted as one sum.
const MOST_FAILURES: i64 = 2_000;
/// Records of a minute that name one account and one network each; the rest is told in one, what was
/// refused in another.
const LISTED: usize = 48;
/// A minute is audited when it has been over for so long: what its last moment brought is in the
/// database by then.
const LATE: TimeDelta = TimeDelta::seconds(5);
/// Who failed, where that is more than one.
const VARIOUS: &str = "various accounts";

impl Store {
    /// Whether an attempt would be one too many for one of the budgets.
    pub async fn is_used_up(&self, budgets: &[Budget], now: DateTime<Utc>) -> Result<bool> {
        for budget in budgets {
            let used: Option<i64> = on!(&self.read, |pool| sqlx::query_scalar(
                "SELECT attempts FROM sign_in_attempts WHERE subject = $1 AND window_at = $2"
            )
            .bind(&budget.subject)
            .bind(budget.window_at(now))
            .fetch_optional(pool)
            .await)?;
            if used.is_some_and(|used| used >= budget.attempts) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes an attempt from each budget before the password is looked at; false when one of them
    /// is used up, and then none is taken. Many at once cannot take more than there is.
    pub async fn take_attempt(&self, budgets: &[Budget], now: DateTime<Utc>) -> Result<bool> {
        if self.is_used_up(budgets, now).await? {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        for budget in budgets {
            if tx.count_attempt(budget, now).await? > budget.attempts {
                return Ok(false);
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives the attempt back after the right password.
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

    /// Counts a wrong password for its account and network, to be audited when its minute is over.
    /// `account` is an operator's address or nothing.
    pub async fn note_failure(
        &self,
        account: Option<&Address>,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let account = account.map(Address::as_str).unwrap_or_default();
        let network = from.map(|from| network(from).to_string()).unwrap_or_default();
        let mut tx = self.begin().await?;
        if tx.has_room_for_failure(account, &network, minute(now)).await? {
            tx.add_failures(account, &network, minute(now), 1).await?;
        } else {
            tx.add_failures("", "", minute(now), 1).await?;
        }
        tx.commit().await
    }

    /// Counts attempts that were refused before a password was looked at, whoever made them.
    pub async fn note_refused(&self, refused: i64, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.add_failures("", "", minute(now), refused).await?;
        tx.commit().await
    }

    /// Writes the failures of the oldest minute that is over as audit records, at most 50. Answers
    /// whether there was one: then there may be another.
    ///
    /// # Errors
    /// When the database fails; then nothing is lost.
    pub async fn audit_failures(&self, now: DateTime<Utc>) -> Result<bool> {
        let Some(minute) = self.minute_with_failures(minute(now - LATE)).await? else {
            return Ok(false);
        };
        let mut tx = self.begin().await?;
        let records = records(tx.take_failures(minute).await?, minute);
        tx.record(&[], records).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn minute_with_failures(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT minute FROM sign_in_failures WHERE minute < $1 ORDER BY minute LIMIT 1"
        )
        .bind(before)
        .fetch_optional(pool)
        .await)?)
    }

    /// Forgets counts that no window needs any more, and browsers that nobody uses.
    pub async fn forget_old_attempts(&self, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.begin().await?;
        on!(&mut tx, |tx| sqlx::query("DELETE FROM sign_in_attempts WHERE window_at < $1")
            .bind(now - ATTEMPTS_KEPT)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM sign_in_attempts
              WHERE subject LIKE $1 || '%'
                AND (SELECT COUNT(*) FROM sign_in_attempts WHERE subject LIKE $1 || '%') > $2"
        )
        .bind(NETWORK)
        .bind(MOST_NETWORKS)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        on!(&mut tx, |tx| sqlx::query("DELETE FROM known_devices WHERE last_used_at < $1")
            .bind(now - DEVICE_KEPT)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        tx.commit().await
    }

    /// Remembers the browser that an operator signed in with.
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
        on!(&mut tx, |tx| sqlx::query(
            "DELETE FROM known_devices
              WHERE operator_id = $1
                AND secret_hash <> $2
                AND secret_hash NOT IN (
                    SELECT secret_hash FROM known_devices
                     WHERE operator_id = $1 ORDER BY last_used_at DESC LIMIT $3)"
        )
        .bind(operator)
        .bind(device)
        .bind(DEVICES_OF_ONE)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        tx.commit().await
    }

    /// Whether `account` has signed in with this browser before.
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

/// Account and network, and how often it failed; without both, what is only counted.
#[derive(FromRow)]
struct Failures {
    account: String,
    #[sqlx(rename = "client_address")]
    network: String,
    #[sqlx(rename = "failures")]
    count: i64,
}

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

    /// Whether a failure can be kept apart from others.
    async fn has_room_for_failure(
        &mut self,
        account: &str,
        network: &str,
        minute: DateTime<Utc>,
    ) -> Result<bool> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM sign_in_failures) < $4
                 OR EXISTS (SELECT 1 FROM sign_in_failures
                             WHERE account = $1 AND client_address = $2 AND minute = $3)"
        )
        .bind(account)
        .bind(network)
        .bind(minute)
        .bind(MOST_FAILURES)
        .fetch_one(&mut **tx)
        .await)?)
    }

    async fn add_failures(
        &mut self,
        account: &str,
        network: &str,
        minute: DateTime<Utc>,
        failures: i64,
    ) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "INSERT INTO sign_in_failures (account, client_address, minute, failures)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (account, client_address, minute)
             DO UPDATE SET failures = sign_in_failures.failures + $4"
        )
        .bind(account)
        .bind(network)
        .bind(minute)
        .bind(failures)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }

    async fn take_failures(&mut self, minute: DateTime<Utc>) -> Result<Vec<Failures>> {
        Ok(on!(self, |tx| sqlx::query_as(
            "DELETE FROM sign_in_failures WHERE minute = $1
             RETURNING account, client_address, failures"
        )
        .bind(minute)
        .fetch_all(&mut **tx)
        .await)?)
    }
}

/// The records of a minute: operators first, then whoever failed most.
fn records(failures: Vec<Failures>, minute: DateTime<Utc>) -> Vec<NewAuditEntry> {
    let (counted, mut apart): (Vec<_>, Vec<_>) =
        failures.into_iter().partition(|it| it.account.is_empty() && it.network.is_empty());
    apart.sort_by(|one, other| {
        let order = |it: &Failures| (it.account.is_empty(), Reverse(it.count));
        order(one).cmp(&order(other)).then_with(|| one.network.cmp(&other.network))
    });
    let rest = apart.split_off(LISTED.min(apart.len()));
    let networks = rest.iter().map(|it| it.network.as_str()).collect::<HashSet<_>>().len();
    let more = json!({ "failures": sum(&rest), "networks": networks });
    let refused = json!({ "refused": sum(&counted) });
    let sums = [(&rest, more), (&counted, refused)].into_iter();
    let sums = sums.filter(|(of, _)| !of.is_empty());
    let sums = sums.map(|(_, after)| failed(VARIOUS.into(), None, minute).after(after));
    apart.iter().map(|it| it.record(minute)).chain(sums).collect()
}

fn sum(failures: &[Failures]) -> i64 {
    failures.iter().map(|it| it.count).sum()
}

impl Failures {
    fn record(&self, minute: DateTime<Utc>) -> NewAuditEntry {
        let account =
            if self.account.is_empty() { "unknown account" } else { self.account.as_str() };
        let mut after = json!({ "failures": self.count });
        if self.network.parse::<Ipv6Addr>().is_ok() {
            after["network"] = format!("{}/64", self.network).into();
        }
        failed(account.into(), self.network.parse().ok(), minute).after(after)
    }
}

fn failed(name: String, client_address: Option<IpAddr>, minute: DateTime<Utc>) -> NewAuditEntry {
    let actor = Actor { name, kind: ActorKind::Operator, client_address, session: None };
    NewAuditEntry::new(&actor, Action::SignInFailed, minute)
}

fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).expect("times of this epoch have minutes")
}
