//! What generic webhooks are told; the fields are described in docs/alerts.md and stay.

use crate::courier::letter::Writer;
use crate::model::alert::{AlertLine, AlertPolicyId, Notice};
use crate::model::reason::Reason;
use crate::store::Claimed;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// The document of a notice: the same at each attempt.
pub(super) fn of(claimed: &Claimed, writer: &Writer) -> Value {
    let (kind, mut data) = match &claimed.notice {
        Notice::Alerts { policy, severity, total, alerts } => {
            let alerts: Vec<_> = alerts.iter().map(|alert| document(alert, writer)).collect();
            let policy = named(*policy);
            let data = json!({
                "policy": policy, "severity": severity, "total": total, "alerts": alerts,
                "url": writer.page("alerts"),
            });
            ("alert.raised", data)
        }
        Notice::Test { policy, severity, asked_by } => {
            let policy = named(*policy);
            let data = json!({ "policy": policy, "severity": severity, "asked_by": asked_by });
            ("alert.test", data)
        }
        Notice::Own(own) => ("restricted_user.told", json!(own)),
        Notice::Digest(digest) => ("digest.weekly", json!(digest)),
    };
    data["organization"] = writer.organization().into();
    json!({ "type": kind, "timestamp": time(claimed.created_at), "data": data })
}

fn named(policy: AlertPolicyId) -> Value {
    json!({ "id": policy, "name": policy.name() })
}

fn document(alert: &AlertLine, writer: &Writer) -> Value {
    json!({
        "id": alert.id,
        "address": alert.address,
        "restricted_user_id": alert.restriction_id,
        "reason": alert.reason,
        "sentence": Reason::parse(&alert.reason).sentence(),
        "created_at": time(alert.created_at),
        "changed_at": time(alert.changed_at),
        "activities": alert.activities,
        "url": alert.restriction_id.map(|id| writer.page_of(id)),
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
