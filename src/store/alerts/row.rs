//! An alert as it stands in its table.

use crate::model::alert::{Alert, AlertPolicyId, AlertStatus, Comment, Severity};
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// One row of `alerts`.
#[derive(FromRow)]
pub(super) struct AlertRow {
    id: Uuid,
    policy: AlertPolicyId,
    severity: Severity,
    status: AlertStatus,
    address: Option<String>,
    restriction_id: Option<Uuid>,
    reason: String,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    activities: i64,
    assigned_to: Option<String>,
    comments: String,
    notice_id: Option<Uuid>,
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        Self {
            id: row.id,
            policy: row.policy,
            severity: row.severity,
            status: row.status,
            address: row.address,
            restriction_id: row.restriction_id,
            reason: row.reason,
            created_at: row.created_at,
            changed_at: row.changed_at,
            activities: row.activities,
            assigned_to: row.assigned_to,
            comments: row.comments.lines().filter_map(comment).collect(),
            notice_id: row.notice_id,
        }
    }
}

fn comment(line: &str) -> Option<Comment> {
    serde_json::from_str(line).ok()
}

/// A comment as a line of the column `comments`, which lines are added to.
pub(super) fn line(comment: &Comment) -> String {
    serde_json::to_string(comment).expect("a comment has only text for keys") + "\n"
}
