//! Notices of every kind, for tests.

use crate::config::Config;
use crate::model::alert::{
    AlertLine, AlertPolicy, AlertPolicyId, Digest, Notice, OwnNotice, Tally,
};
use crate::store::Claimed;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

pub(super) const SPAM: &str = "OutboundSpamLast24Hours=12;OutboundMailLast24Hours=40;\
    OutboundSpamPercent=30;Last Spam Message MessagetraceId:5f0c9a3e-7d21";
const LIMIT: &str = "EmailSendingLimitExceeded;InternalRecipientCountToday=18;\
    ExternalRecipientCountToday=503;ExceedingLimitType=External;\
    Last MessagetraceId=c81e728d;LastMessageRcptCount=25;";

pub(super) const PORTAL: &str = "https://restricted.example.org";

pub(super) fn config(settings: &[(&str, &str)]) -> Config {
    let ours = [
        ("organization_name", "Example Org"),
        ("organization_domains", "example.org"),
        ("smtp_url", "smtp://127.0.0.1:2525"),
        ("alert_from", "Restricted Users <noreply@example.org>"),
        ("help_url", "https://help.example.org/compromised"),
        ("alert_webhook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let variables = ours.iter().chain(settings);
    Config::from_variables(
        variables.map(|(key, value)| (format!("RESTRICTED_USERS_{}", key.to_uppercase()), *value)),
    )
    .unwrap()
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T10:00:05Z").unwrap().to_utc()
}

pub(super) fn claimed(notice: Notice) -> Claimed {
    Claimed {
        id: Uuid::from_u128(7),
        notice,
        target: "ops@example.org".into(),
        last_today: false,
        created_at: now(),
        attempt: 1,
    }
}

pub(super) fn line(address: &str, reason: &str) -> AlertLine {
    AlertLine {
        id: Uuid::from_u128(1),
        address: Some(address.into()),
        restriction_id: Some(Uuid::from_u128(2)),
        reason: reason.into(),
        created_at: now(),
        changed_at: now(),
        activities: 1,
    }
}

pub(super) fn alerts(policy: AlertPolicyId, total: i64, alerts: Vec<AlertLine>) -> Notice {
    Notice::Alerts { policy, severity: AlertPolicy::default_of(policy).severity, total, alerts }
}

/// Every kind, by a name.
pub(super) fn every_kind() -> Vec<(&'static str, Notice)> {
    let unrestricted =
        |reason| AlertLine { restriction_id: None, ..line("bob@example.org", reason) };
    let repeat = AlertLine {
        activities: 3,
        changed_at: now() + TimeDelta::hours(2),
        ..line("alice@example.org", SPAM)
    };
    let wave = |number| line(&format!("user{number:02}@example.org"), SPAM);
    let tally = |name: &str, count| Tally { name: name.into(), count };
    let release = AlertLine {
        address: None,
        ..unrestricted("The database refuses to write releases: disk full")
    };
    let policy = AlertPolicyId::UserRestricted;
    vec![
        ("restricted", alerts(policy, 1, vec![line("alice@example.org", SPAM)])),
        ("repeat", alerts(policy, 1, vec![repeat])),
        ("wave", alerts(policy, 34, (1..=20).map(wave).collect())),
        ("suspicious", alerts(AlertPolicyId::SuspiciousSending, 1, vec![unrestricted(SPAM)])),
        ("limit", alerts(AlertPolicyId::SendingLimit, 1, vec![unrestricted(LIMIT)])),
        ("release", alerts(AlertPolicyId::ReleaseFailed, 1, vec![release])),
        (
            "test",
            Notice::Test {
                policy,
                severity: AlertPolicy::default_of(policy).severity,
                asked_by: "ada@example.org".into(),
            },
        ),
        (
            "own",
            Notice::Own(OwnNotice {
                address: "alice@example.org".into(),
                restricted_at: now(),
                ends_at: Some(now() + TimeDelta::hours(14)),
            }),
        ),
        (
            "digest",
            Notice::Digest(Digest {
                since: now() - TimeDelta::days(7),
                until: now(),
                restricted: 12,
                released: 9,
                active: 5,
                released_by: vec![tally("ada@example.org", 7), tally("system", 2)],
                repeat_offenders: vec![tally("alice@example.org", 3)],
                near_limits: vec![tally("bob@example.org", 1), tally("carol@example.org", 4)],
            }),
        ),
    ]
}
