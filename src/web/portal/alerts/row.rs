//! An alert as pages show it.

use super::super::message::same_sender;
use super::super::words::number;
use crate::model::address::Address;
use crate::model::alert::{Alert, AlertPolicyId, AlertStatus, Comment, Severity};
use crate::model::reason::Reason;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An alert in the list, or over it.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) policy: AlertPolicyId,
    pub(crate) severity: Severity,
    pub(crate) status: AlertStatus,
    pub(crate) state: &'static str,
    pub(crate) user: Option<User>,
    pub(crate) why: String,
    pub(crate) reason: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) changed_at: DateTime<Utc>,
    /// How often it happened, where that was more than once.
    pub(crate) times: Option<String>,
    pub(crate) assigned_to: Option<String>,
    pub(crate) comments: Vec<Comment>,
}

/// Whom an alert is about, and the page of the portal that tells more.
pub(crate) struct User {
    pub(crate) address: String,
    pub(crate) page: String,
    pub(crate) messages: String,
}

impl From<Alert> for Row {
    fn from(alert: Alert) -> Self {
        let restriction = alert.restriction_id;
        Self {
            id: alert.id,
            policy: alert.policy,
            severity: alert.severity,
            status: alert.status,
            state: words(alert.status),
            user: alert.address.map(|address| user(address, restriction)),
            why: Reason::parse(&alert.reason).sentence(),
            reason: alert.reason,
            created_at: alert.created_at,
            changed_at: alert.changed_at,
            times: (alert.activities > 1).then(|| number(alert.activities)),
            assigned_to: alert.assigned_to,
            comments: alert.comments,
        }
    }
}

/// Who was warned of and never restricted has no page, but messages.
fn user(address: String, restriction: Option<Uuid>) -> User {
    let messages = same_sender(&Address::stored(&address));
    let page = match restriction {
        Some(id) => format!("#/restrictedusers/{id}"),
        None => format!("#/messagetrace?{messages}"),
    };
    User { address, page, messages }
}

/// A status in words.
pub(super) fn words(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::New => "New",
        AlertStatus::InProgress => "In progress",
        AlertStatus::Resolved => "Resolved",
    }
}
