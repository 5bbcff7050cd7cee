//! An outbound spam policy as scripts and the portal's form send it: whatever is left out is as in
//! the default policy before anybody changed that.

use super::error::{FieldProblem, Problem};
use crate::outbound::{Action, OutboundSpamPolicy, PolicyProblem};
use serde::Deserialize;
use uuid::Uuid;

/// The document as it comes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyDocument {
    pub(crate) id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) priority: Option<i64>,
    pub(crate) enabled: bool,
    pub(crate) shadow: bool,
    pub(crate) from: Vec<String>,
    pub(crate) sender_domain_is: Vec<String>,
    pub(crate) except_if_from: Vec<String>,
    pub(crate) except_if_sender_domain_is: Vec<String>,
    pub(crate) recipient_limit_external_per_hour: i64,
    pub(crate) recipient_limit_internal_per_hour: i64,
    pub(crate) recipient_limit_per_day: i64,
    pub(crate) action_when_threshold_reached: Action,
    pub(crate) spam_messages: i64,
    pub(crate) spam_messages_minutes: i64,
    pub(crate) spam_percent: i64,
    pub(crate) spam_percent_of_at_least: i64,
}

impl Default for PolicyDocument {
    fn default() -> Self {
        let policy = OutboundSpamPolicy::default_policy();
        Self { id: None, name: None, ..policy.into() }
    }
}

impl From<OutboundSpamPolicy> for PolicyDocument {
    fn from(policy: OutboundSpamPolicy) -> Self {
        Self {
            id: Some(policy.id),
            name: Some(policy.name),
            priority: policy.priority,
            enabled: policy.enabled,
            shadow: policy.shadow,
            from: policy.from,
            sender_domain_is: policy.sender_domain_is,
            except_if_from: policy.except_if_from,
            except_if_sender_domain_is: policy.except_if_sender_domain_is,
            recipient_limit_external_per_hour: policy.recipient_limit_external_per_hour,
            recipient_limit_internal_per_hour: policy.recipient_limit_internal_per_hour,
            recipient_limit_per_day: policy.recipient_limit_per_day,
            action_when_threshold_reached: policy.action_when_threshold_reached,
            spam_messages: policy.spam_messages,
            spam_messages_minutes: policy.spam_messages_minutes,
            spam_percent: policy.spam_percent,
            spam_percent_of_at_least: policy.spam_percent_of_at_least,
        }
    }
}

impl PolicyDocument {
    /// The policy that it describes, with an id of its own.
    pub(crate) fn new_policy(self) -> Result<OutboundSpamPolicy, Problem> {
        if self.id.is_some() {
            return Err(Problem::invalid("id", "a new policy gets its id here; leave it out"));
        }
        self.policy(Uuid::now_v7())
    }

    /// The policy with this id as the document describes it.
    pub(crate) fn policy(self, id: Uuid) -> Result<OutboundSpamPolicy, Problem> {
        if self.id.is_some_and(|told| told != id) {
            return Err(Problem::invalid("id", "it is the id of another policy than the path's"));
        }
        let unnamed = OutboundSpamPolicy::default_policy();
        let name = match self.name {
            Some(name) => name,
            None if id == unnamed.id => unnamed.name,
            None => return Err(Problem::invalid("name", "missing field `name`")),
        };
        let policy = OutboundSpamPolicy {
            id,
            name,
            priority: self.priority,
            enabled: self.enabled,
            shadow: self.shadow,
            from: self.from,
            sender_domain_is: self.sender_domain_is,
            except_if_from: self.except_if_from,
            except_if_sender_domain_is: self.except_if_sender_domain_is,
            recipient_limit_external_per_hour: self.recipient_limit_external_per_hour,
            recipient_limit_internal_per_hour: self.recipient_limit_internal_per_hour,
            recipient_limit_per_day: self.recipient_limit_per_day,
            action_when_threshold_reached: self.action_when_threshold_reached,
            spam_messages: self.spam_messages,
            spam_messages_minutes: self.spam_messages_minutes,
            spam_percent: self.spam_percent,
            spam_percent_of_at_least: self.spam_percent_of_at_least,
        };
        policy.checked().map_err(Problem::of_policy)
    }
}

impl Problem {
    /// What is wrong with a policy.
    pub(crate) fn of_policy(problems: Vec<PolicyProblem>) -> Self {
        let told = problems.into_iter();
        let told = told.map(|PolicyProblem { field, detail }| FieldProblem { field, detail });
        Self::Invalid(told.collect())
    }
}
