//! Writing notices about alerts that nobody was told of: the first of a policy at once, those that
//! follow within a minute together.

use super::deliveries::NewDelivery;
use super::{Channel, Result, Store, Tx, on};
use crate::model::alert::{AlertLine, AlertPolicy, AlertPolicyId, Notice};
use crate::model::operator::RoleGroup;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// So long after a notice its policy's next alerts wait, and then go together: nobody gets a mail
/// for each of a hundred accounts.
const TOGETHER: TimeDelta = TimeDelta::minutes(1);

const MANAGERS: &str = "SELECT address FROM operators WHERE role_group = $1 ORDER BY address";

/// To whom alerts go, by the settings.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    pub mail: bool,
    /// Who gets the mails of policies that name nobody; where it is empty, Organization Management.
    pub recipients: Vec<String>,
    pub webhooks: Vec<String>,
}

/// A policy with alerts that nobody was told of.
#[derive(FromRow)]
struct Untold {
    policy: AlertPolicyId,
    last_notice: Option<DateTime<Utc>>,
}

impl Untold {
    fn due_at(&self) -> DateTime<Utc> {
        self.last_notice.map_or(DateTime::UNIX_EPOCH, |last| last + TOGETHER)
    }
}

#[derive(FromRow)]
struct LineRow {
    id: Uuid,
    address: Option<String>,
    restriction_id: Option<Uuid>,
    reason: String,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    activities: i64,
}

impl From<LineRow> for AlertLine {
    fn from(row: LineRow) -> Self {
        Self {
            id: row.id,
            address: row.address,
            restriction_id: row.restriction_id,
            reason: row.reason,
            created_at: row.created_at,
            changed_at: row.changed_at,
            activities: row.activities,
        }
    }
}

impl Store {
    /// Writes a notice for each policy whose alerts are due to be told, with its deliveries; any
    /// number of processes may call this at once. Answers when the next notice is due.
    ///
    /// # Errors
    /// When the database fails; what was not written stays due.
    pub async fn gather(
        &self,
        audience: &Audience,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        let untold = self.untold().await?;
        for due in untold.iter().filter(|untold| untold.due_at() <= now) {
            let mut tx = self.begin().await?;
            // Alerts are changed many at once, in an order of the database's own.
            tx.wait_for_other_releasers().await?;
            tx.tell_untold(due.policy, audience, now).await?;
            tx.commit().await?;
        }
        Ok(untold.iter().map(Untold::due_at).filter(|due_at| *due_at > now).min())
    }

    /// When the next notice is due; nothing where everybody was told of everything.
    pub async fn next_notice(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(self.untold().await?.iter().map(Untold::due_at).min())
    }

    /// Read before anybody has to wait for it.
    async fn untold(&self) -> Result<Vec<Untold>> {
        Ok(on!(&self.read, |pool| sqlx::query_as(
            "SELECT untold.policy, last_notices.written_at AS last_notice
               FROM (SELECT DISTINCT policy FROM alerts WHERE untold) AS untold
               LEFT JOIN last_notices ON last_notices.policy = untold.policy"
        )
        .fetch_all(pool)
        .await)?)
    }

    /// Writes a notice with which somebody sees whether alerts of `policy` arrive; its id, by which
    /// [`Store::deliveries`] tells where it goes.
    ///
    /// # Errors
    /// When the database fails; then nothing is sent.
    pub async fn send_test_alert(
        &self,
        policy: AlertPolicyId,
        asked_by: &str,
        audience: &Audience,
        now: DateTime<Utc>,
    ) -> Result<Uuid> {
        let mut tx = self.begin().await?;
        tx.wait_for_other_releasers().await?;
        let policy = tx.alert_policy(policy).await?;
        let (id, severity) = (policy.id, policy.severity);
        let notice = Notice::Test { policy: id, severity, asked_by: asked_by.into() };
        let deliveries = tx.deliveries(&policy, audience, now).await?;
        let id = tx.write_notice(&notice, deliveries, now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Who gets the mails of policies that name nobody: those of the settings, else Organization
    /// Management.
    pub async fn default_recipients(&self, audience: &Audience) -> Result<Vec<String>> {
        if !audience.recipients.is_empty() {
            return Ok(audience.recipients.clone());
        }
        let operators: Vec<String> = on!(&self.read, |pool| sqlx::query_scalar(MANAGERS)
            .bind(RoleGroup::OrganizationManagement)
            .fetch_all(pool)
            .await)?;
        Ok(operators.into_iter().filter(|name| is_mail_address(name)).collect())
    }
}

impl Tx {
    async fn tell_untold(
        &mut self,
        policy: AlertPolicyId,
        audience: &Audience,
        now: DateTime<Utc>,
    ) -> Result<()> {
        // Another process may have told them since they were looked for.
        if !self.begins_notice(policy, now).await? {
            return Ok(());
        }
        let total = self.count_untold(policy).await?;
        if total == 0 {
            return Ok(());
        }
        let alerts = self.first_untold(policy).await?;
        let policy = self.alert_policy(policy).await?;
        let (id, severity) = (policy.id, policy.severity);
        let notice = Notice::Alerts { policy: id, severity, total, alerts };
        let deliveries = self.deliveries(&policy, audience, now).await?;
        let notice = self.write_notice(&notice, deliveries, now).await?;
        self.set_told(id, notice).await
    }

    /// Notes that a notice is written now, unless the last one is too young.
    async fn begins_notice(&mut self, policy: AlertPolicyId, now: DateTime<Utc>) -> Result<bool> {
        let begun = on!(self, |tx| sqlx::query(
            "INSERT INTO last_notices (policy, written_at) VALUES ($1, $2)
             ON CONFLICT (policy) DO UPDATE SET written_at = excluded.written_at
               WHERE last_notices.written_at <= $3"
        )
        .bind(policy)
        .bind(now)
        .bind(now - TOGETHER)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected()))?;
        Ok(begun == 1)
    }

    async fn count_untold(&mut self, policy: AlertPolicyId) -> Result<i64> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "SELECT COUNT(*) FROM alerts WHERE untold AND policy = $1"
        )
        .bind(policy)
        .fetch_one(&mut **tx)
        .await)?)
    }

    async fn first_untold(&mut self, policy: AlertPolicyId) -> Result<Vec<AlertLine>> {
        let listed = i64::try_from(Notice::ALERTS_LISTED).unwrap_or(i64::MAX);
        let rows: Vec<LineRow> = on!(self, |tx| sqlx::query_as(
            "SELECT id, address, restriction_id, reason, created_at, changed_at, activities
               FROM alerts
              WHERE untold AND policy = $1
              ORDER BY id
              LIMIT $2"
        )
        .bind(policy)
        .bind(listed)
        .fetch_all(&mut **tx)
        .await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn set_told(&mut self, policy: AlertPolicyId, notice: Uuid) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "UPDATE alerts SET untold = FALSE, notice_id = $2 WHERE untold AND policy = $1"
        )
        .bind(policy)
        .bind(notice)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }

    async fn alert_policy(&mut self, id: AlertPolicyId) -> Result<AlertPolicy> {
        let policies = self.alert_policies().await?;
        let found = policies.into_iter().find(|policy| policy.id == id);
        Ok(found.unwrap_or_else(|| AlertPolicy::default_of(id)))
    }

    /// Where a notice of `policy` goes: to each webhook, and to each recipient who has not got as
    /// many mails today as the policy allows.
    async fn deliveries(
        &mut self,
        policy: &AlertPolicy,
        audience: &Audience,
        now: DateTime<Utc>,
    ) -> Result<Vec<NewDelivery>> {
        let mut deliveries: Vec<_> =
            audience.webhooks.iter().cloned().map(NewDelivery::webhook).collect();
        let recipients = if audience.mail {
            self.recipients(&policy.recipients, audience).await?
        } else {
            Vec::new()
        };
        for recipient in recipients {
            let mails = self.count_mail(policy.id, &recipient, now).await?;
            let limit = policy.daily_limit.unwrap_or(i64::MAX);
            if mails <= limit {
                let (channel, last_today) = (Channel::Mail, mails == limit);
                deliveries.push(NewDelivery { channel, target: recipient, last_today });
            }
        }
        Ok(deliveries)
    }

    /// Those that a policy names, else those of the settings, else Organization Management.
    pub(super) async fn recipients(
        &mut self,
        named: &[String],
        audience: &Audience,
    ) -> Result<Vec<String>> {
        if let Some(some) = [named, &audience.recipients].into_iter().find(|some| !some.is_empty())
        {
            return Ok(some.to_vec());
        }
        let operators: Vec<String> = on!(self, |tx| sqlx::query_scalar(MANAGERS)
            .bind(RoleGroup::OrganizationManagement)
            .fetch_all(&mut **tx)
            .await)?;
        Ok(operators.into_iter().filter(|name| is_mail_address(name)).collect())
    }

    async fn count_mail(
        &mut self,
        policy: AlertPolicyId,
        recipient: &str,
        now: DateTime<Utc>,
    ) -> Result<i64> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "INSERT INTO mails_of_day (policy, recipient, day, mails) VALUES ($1, $2, $3, 1)
             ON CONFLICT (policy, recipient, day) DO UPDATE SET mails = mails_of_day.mails + 1
             RETURNING mails"
        )
        .bind(policy)
        .bind(recipient)
        .bind(super::day(now))
        .fetch_one(&mut **tx)
        .await)?)
    }
}

/// Operators whom an identity provider vouches for may have a name that is no address.
fn is_mail_address(name: &str) -> bool {
    name.contains('@') && !name.contains(char::is_whitespace)
}
