//! `Set-HostedOutboundSpamFilterPolicy`: changes what is given and leaves the rest.

use super::get_hosted_outbound_spam_filter_policy::ACTIONS;
use super::{Call, Outcome, Refusal};
use crate::model::{Action, OutboundSpamPolicy, PolicyChange, PolicyRefused};
use crate::web::api::outbound_spam_policies::refused;
use crate::web::error::Problem;
use std::ops::RangeInclusive;

/// Recipients that a limit may name; 0 is the service's default.
const RECIPIENTS: RangeInclusive<i64> = 0..=10_000;

/// So often the change is made to what somebody else has just made of the policy.
const TRIES: usize = 5;

/// Settings of Exchange that have nothing to set here.
const ELSEWHERE: [&str; 6] = [
    "AdminDisplayName",
    "AutoForwardingMode",
    "BccSuspiciousOutboundAdditionalRecipients",
    "BccSuspiciousOutboundMail",
    "NotifyOutboundSpam",
    "NotifyOutboundSpamRecipients",
];

pub(super) async fn run(mut call: Call<'_>) -> Result<Outcome, Refusal> {
    let identity = call.identity()?;
    let settings = Settings::of(&mut call)?;
    let is_trial = call.parameters.switch("WhatIf")?;
    let mut outcome = Outcome { warnings: ignored(&mut call), ..Outcome::default() };
    std::mem::take(&mut call.parameters).end("Set-HostedOutboundSpamFilterPolicy")?;
    for _ in 0..TRIES {
        let before = identity.find(call.app.store.outbound_spam_policies().await?)?;
        let after = settings.applied_to(before.clone());
        if after == before {
            let warning = format!("Nothing of the policy {:?} was changed.", before.name);
            outcome.warnings.push(warning);
            return Ok(outcome);
        }
        if is_trial {
            outcome.would = Some(format!("The policy {:?} would be changed.", before.name));
            return Ok(outcome);
        }
        if replace(&call, before, after).await? {
            return Ok(outcome);
        }
    }
    Err(Problem::PolicyChanged.into())
}

/// False where somebody changed the policy meanwhile.
async fn replace(
    call: &Call<'_>,
    before: OutboundSpamPolicy,
    after: OutboundSpamPolicy,
) -> Result<bool, Refusal> {
    let policy = Box::new(after.checked().map_err(Problem::of_policy)?);
    let change = PolicyChange::Replace { policy, seen: Some(before.into()) };
    let (store, now) = (&call.app.store, call.app.clock.now());
    match store.change_outbound_spam_policy(change, &call.caller.actor, now).await? {
        Ok(_) => Ok(true),
        Err(PolicyRefused::ChangedMeanwhile | PolicyRefused::Unknown) => Ok(false),
        Err(why) => Err(refused(why).into()),
    }
}

/// What is given.
struct Settings {
    external: Option<i64>,
    internal: Option<i64>,
    daily: Option<i64>,
    action: Option<Action>,
}

impl Settings {
    fn of(call: &mut Call<'_>) -> Result<Self, Refusal> {
        let given = &mut call.parameters;
        Ok(Self {
            external: given.number("RecipientLimitExternalPerHour", RECIPIENTS)?,
            internal: given.number("RecipientLimitInternalPerHour", RECIPIENTS)?,
            daily: given.number("RecipientLimitPerDay", RECIPIENTS)?,
            action: given.word("ActionWhenThresholdReached", &ACTIONS)?,
        })
    }

    fn applied_to(&self, policy: OutboundSpamPolicy) -> OutboundSpamPolicy {
        OutboundSpamPolicy {
            recipient_limit_external_per_hour: self
                .external
                .unwrap_or(policy.recipient_limit_external_per_hour),
            recipient_limit_internal_per_hour: self
                .internal
                .unwrap_or(policy.recipient_limit_internal_per_hour),
            recipient_limit_per_day: self.daily.unwrap_or(policy.recipient_limit_per_day),
            action_when_threshold_reached: self
                .action
                .unwrap_or(policy.action_when_threshold_reached),
            ..policy
        }
    }
}

/// A script that sets these as well shall not stop, and shall not believe that they are set.
fn ignored(call: &mut Call<'_>) -> Vec<String> {
    let given = ELSEWHERE.into_iter().filter(|name| call.parameters.is_given(name));
    given.map(|name| format!("{name} is no setting here; nothing was set.")).collect()
}
