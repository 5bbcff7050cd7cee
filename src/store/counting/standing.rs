//! How a sender stands right now, for pages and for mail servers that ask.

use super::sending::minute;
use super::sums::{Sums, Wanted, push_sums};
use super::{Result, Store, on};
use crate::model::address::Address;
use crate::model::{Judgement, OutboundSpamPolicy, Sending, first_match, judge};
use chrono::{DateTime, Utc};

/// How a sender stands: what it sent lately, and the policy that judges it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What it sent, since it was released the last time.
    pub sending: Sending,
    pub policy: OutboundSpamPolicy,
}

impl Standing {
    /// Which lines it has crossed.
    pub fn judgement(&self) -> Judgement {
        judge(&self.sending, &self.policy)
    }
}

impl Store {
    /// How a sender stands.
    pub async fn standing(&self, sender: &Address, now: DateTime<Utc>) -> Result<Standing> {
        let policies = self.outbound_spam_policies().await?;
        let released: Option<DateTime<Utc>> = on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT MAX(released_at)
               FROM restrictions
              WHERE released_at IS NOT NULL AND address = $1"
        )
        .bind(sender.as_str())
        .fetch_one(pool)
        .await)?;
        let since = released.map_or(0, |at| at.timestamp_micros());
        let now = minute(now);
        let wanted = [Wanted::new(sender, since, &policies, now)];
        let sums: Option<Sums> = on!(&self.read, |pool| {
            let mut query = sqlx::QueryBuilder::new("");
            push_sums(&mut query, &wanted, now);
            query.build_query_as().fetch_optional(pool).await
        })?;
        let policy = first_match(&policies, sender).cloned();
        Ok(Standing {
            sending: sums.map(Into::into).unwrap_or_default(),
            policy: policy.unwrap_or_else(OutboundSpamPolicy::default_policy),
        })
    }
}
