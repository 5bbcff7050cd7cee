//! What is told at once: the content of a mail, and of a call of a webhook.

use super::{AlertPolicyId, Severity};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is told at once to everybody concerned. The store keeps it as it was when it was written, so
/// that every attempt says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    Alerts {
        /// The policy.
        policy: AlertPolicyId,
        /// How grave they are.
        severity: Severity,
        /// How many they are.
        total: i64,
        /// The first of them, at most [`Notice::ALERTS_LISTED`].
        alerts: Vec<AlertLine>,
    },
    /// Somebody wants to see whether alerts arrive.
    Test {
        /// The policy whose recipients are tried.
        policy: AlertPolicyId,
        /// How grave its alerts are.
        severity: Severity,
        /// Who wants to see.
        asked_by: String,
    },
    Own(OwnNotice),
    Digest(Digest),
}

impl Notice {
    /// Alerts that one notice lists; the others it counts.
    pub const ALERTS_LISTED: usize = 20;
}

/// An alert as a notice tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    pub id: Uuid,
    pub address: Option<String>,
    pub restriction_id: Option<Uuid>,
    /// Why, in Exchange's grammar or in plain words; [`crate::model::reason::Reason`] reads it.
    pub reason: String,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    pub activities: i64,
}

/// What a restricted user is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnNotice {
    pub address: String,
    pub restricted_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
}

/// What happened in a week, from Monday to Sunday in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub restricted: i64,
    pub released: i64,
    pub active: i64,
    /// Who asked for the releases, and for how many.
    pub released_by: Vec<Tally>,
    /// Users restricted more than once in 30 days, and how often.
    pub repeat_offenders: Vec<Tally>,
    /// Users who came near a recipient limit or a spam rule in the week and were not restricted, and on
    /// how many days.
    pub near_limits: Vec<Tally>,
}

/// A name and a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Tally {
    pub name: String,
    pub count: i64,
}
