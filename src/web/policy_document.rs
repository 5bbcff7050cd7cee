//! An outbound spam policy as scripts and the portal's form send it: whatever is left out is as in
//! the default policy before anybody changed that.

use super::error::{FieldProblem, Problem};
use crate::model::{Action, OutboundSpamPolicy, PolicyProblem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An outbound spam policy as it is sent. It is whole: what is left out is as in the default policy
/// before anybody changed that.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = OutboundSpamPolicyDocument)]
pub(crate) struct PolicyDocument {
    /// The id of the policy, as it was read; a new one has none yet.
    pub(crate) id: Option<Uuid>,
    /// Its name, which no other policy has in any case. Required but for the default policy.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) name: Option<String>,
    /// Its place among the custom policies; who had it and all behind move by one. Where it is left
    /// out, a new policy comes last and another one stays. Null for the default policy.
    #[schema(minimum = 0, maximum = 99)]
    pub(crate) priority: Option<i64>,
    /// Whether it is asked at all; the default policy always is.
    pub(crate) enabled: bool,
    /// Whether it only shows what it would have done. A sender is exempt when a policy in shadow is
    /// for it.
    pub(crate) shadow: bool,
    /// The senders it is for; with the domains of `sender_domain_is`, either is enough. With neither
    /// it is for everybody.
    #[schema(max_items = 1000)]
    pub(crate) from: Vec<String>,
    /// The domains it is for; a subdomain counts only when it is named.
    #[schema(max_items = 1000)]
    pub(crate) sender_domain_is: Vec<String>,
    /// Senders it is not for.
    #[schema(max_items = 1000)]
    pub(crate) except_if_from: Vec<String>,
    /// Domains it is not for.
    #[schema(max_items = 1000)]
    pub(crate) except_if_sender_domain_is: Vec<String>,
    /// Recipients outside in an hour; 0 is the service's default, 500.
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) recipient_limit_external_per_hour: i64,
    /// Recipients inside in an hour; 0 is the service's default, 1,000.
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) recipient_limit_internal_per_hour: i64,
    /// Recipients in 24 hours; 0 is the service's default, 1,000.
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) recipient_limit_per_day: i64,
    /// What happens when a limit is crossed.
    pub(crate) action_when_threshold_reached: Action,
    /// So many spam messages within `spam_messages_minutes` restrict; 5 where it is left out.
    #[schema(minimum = 1, maximum = 10000)]
    pub(crate) spam_messages: i64,
    /// Within how many minutes; 10 where it is left out.
    #[schema(minimum = 1, maximum = 1440)]
    pub(crate) spam_messages_minutes: i64,
    /// So many per cent spam of the messages of 24 hours restrict; 20 where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    pub(crate) spam_percent: i64,
    /// Of at least so many messages; 20 where it is left out.
    #[schema(minimum = 1, maximum = 10000)]
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
