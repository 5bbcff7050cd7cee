//! `Get-HostedOutboundSpamFilterPolicy`: how much senders may send.

use super::{Call, Outcome, Record, Refusal};
use crate::model::{Action, OutboundSpamPolicy};
use serde_json::json;

pub(super) async fn run(mut call: Call<'_>) -> Result<Outcome, Refusal> {
    let identity = call.identity()?;
    call.parameters.end("Get-HostedOutboundSpamFilterPolicy")?;
    let policy = identity.find(call.app.store.outbound_spam_policies().await?)?;
    Ok(Outcome { records: vec![record(&policy)], ..Outcome::default() })
}

/// What Exchange calls the actions.
pub(super) const ACTIONS: [(&str, Action); 3] = [
    ("BlockUser", Action::BlockUser),
    ("BlockUserForToday", Action::BlockUserForToday),
    ("Alert", Action::Alert),
];

fn record(policy: &OutboundSpamPolicy) -> Record {
    let action = ACTIONS.iter().find(|(_, action)| *action == policy.action_when_threshold_reached);
    Record(vec![
        ("Identity", json!(policy.name)),
        ("Name", json!(policy.name)),
        ("Id", json!(policy.name)),
        ("Guid", json!(policy.id)),
        ("IsDefault", json!(policy.is_default())),
        ("Enabled", json!(policy.enabled)),
        ("RecipientLimitExternalPerHour", json!(policy.recipient_limit_external_per_hour)),
        ("RecipientLimitInternalPerHour", json!(policy.recipient_limit_internal_per_hour)),
        ("RecipientLimitPerDay", json!(policy.recipient_limit_per_day)),
        ("ActionWhenThresholdReached", json!(action.map(|(name, _)| name))),
    ])
}
