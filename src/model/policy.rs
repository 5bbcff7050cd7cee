//! Outbound spam policies: how much a sender may send, and what happens when it is too much. The
//! names are those of Exchange's `HostedOutboundSpamFilterPolicy`.

use crate::model::address::{Address, Domain};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use utoipa::ToSchema;
use uuid::Uuid;

/// The id of the policy that is always there, always on, and last.
pub const DEFAULT_POLICY: Uuid = Uuid::from_u128(1);

/// The limits that stand where a policy has 0.
const SERVICE_DEFAULTS: [i64; 3] = [500, 1_000, 1_000];

/// Entries of one list of a policy; against a list that makes every message slow to judge.
const MOST_ENTRIES: usize = 1_000;

/// What happens to a sender that crosses a recipient limit. A spam rule restricts without end.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
#[schema(as = LimitAction)]
pub enum Action {
    /// Restricted until somebody unblocks it.
    #[default]
    BlockUser,
    /// Restricted until the next UTC midnight.
    BlockUserForToday,
    /// Not restricted; the admins are told.
    Alert,
}

/// Which recipients a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Those outside, in an hour.
    External,
    /// Those inside, in an hour.
    Internal,
    /// All, in 24 hours.
    Daily,
}

impl LimitKind {
    /// The kind as Exchange's reasons write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "External",
            Self::Internal => "Internal",
            Self::Daily => "Daily",
        }
    }
}

/// How much senders may send, and what happens when it is too much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutboundSpamPolicy {
    /// Its id.
    pub id: Uuid,
    /// How people call it.
    pub name: String,
    /// Its place among the others, from 0; the default policy has none and comes last.
    pub priority: Option<i64>,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Whether it only shows what it would have done.
    pub shadow: bool,
    /// The senders it is for; with the domains below, either is enough. With neither, everybody.
    pub from: Vec<String>,
    /// The domains it is for.
    pub sender_domain_is: Vec<String>,
    /// Senders it is not for.
    pub except_if_from: Vec<String>,
    /// Domains it is not for.
    pub except_if_sender_domain_is: Vec<String>,
    /// Recipients outside in an hour; 0 is the service's default.
    pub recipient_limit_external_per_hour: i64,
    /// Recipients inside in an hour; 0 is the service's default.
    pub recipient_limit_internal_per_hour: i64,
    /// Recipients in 24 hours; 0 is the service's default.
    pub recipient_limit_per_day: i64,
    /// What happens when a limit is crossed.
    pub action_when_threshold_reached: Action,
    /// So many spam messages …
    pub spam_messages: i64,
    /// … in so many minutes restrict.
    pub spam_messages_minutes: i64,
    /// So many per cent of the messages of 24 hours …
    pub spam_percent: i64,
    /// … of at least so many messages restrict.
    pub spam_percent_of_at_least: i64,
}

/// Which field of a policy cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The field, such as `from[3]`.
    pub field: String,
    pub detail: String,
}

impl OutboundSpamPolicy {
    /// The default policy as it is before anybody changes it.
    pub fn default_policy() -> Self {
        Self {
            id: DEFAULT_POLICY,
            name: "Default".into(),
            priority: None,
            enabled: true,
            shadow: false,
            from: Vec::new(),
            sender_domain_is: Vec::new(),
            except_if_from: Vec::new(),
            except_if_sender_domain_is: Vec::new(),
            recipient_limit_external_per_hour: 0,
            recipient_limit_internal_per_hour: 0,
            recipient_limit_per_day: 0,
            action_when_threshold_reached: Action::BlockUser,
            spam_messages: 5,
            spam_messages_minutes: 10,
            spam_percent: 20,
            spam_percent_of_at_least: 20,
        }
    }

    /// Whether this is the default policy.
    pub fn is_default(&self) -> bool {
        self.id == DEFAULT_POLICY
    }

    /// The recipients that a limit allows.
    pub fn limit(&self, kind: LimitKind) -> i64 {
        let (limit, default) = match kind {
            LimitKind::External => (self.recipient_limit_external_per_hour, SERVICE_DEFAULTS[0]),
            LimitKind::Internal => (self.recipient_limit_internal_per_hour, SERVICE_DEFAULTS[1]),
            LimitKind::Daily => (self.recipient_limit_per_day, SERVICE_DEFAULTS[2]),
        };
        if limit == 0 { default } else { limit }
    }

    /// Whether it is for this sender.
    pub fn is_for(&self, sender: &Address) -> bool {
        let named = |addresses: &[String], domains: &[String]| {
            addresses.iter().any(|address| address == sender.as_str())
                || domains.iter().any(|domain| domain == sender.domain())
        };
        let everybody = self.from.is_empty() && self.sender_domain_is.is_empty();
        self.enabled
            && (everybody || named(&self.from, &self.sender_domain_is))
            && !named(&self.except_if_from, &self.except_if_sender_domain_is)
    }

    /// The policy with its addresses and domains in the one spelling that is compared.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn checked(mut self) -> Result<Self, Vec<PolicyProblem>> {
        let mut problems = Vec::new();
        let length = self.name.chars().count();
        if !(1..=64).contains(&length) || self.name.chars().any(char::is_control) {
            let detail =
                format!("it has {length} characters, 1 to 64 without control characters are taken");
            problems.push(PolicyProblem { field: "name".into(), detail });
        }
        self.check_numbers(&mut problems);
        spell(&mut self.from, "from", address, &mut problems);
        spell(&mut self.except_if_from, "except_if_from", address, &mut problems);
        spell(&mut self.sender_domain_is, "sender_domain_is", domain, &mut problems);
        let exceptions = &mut self.except_if_sender_domain_is;
        spell(exceptions, "except_if_sender_domain_is", domain, &mut problems);
        if self.is_default() {
            self.check_default(&mut problems);
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    fn check_numbers(&self, problems: &mut Vec<PolicyProblem>) {
        const RECIPIENTS: RangeInclusive<i64> = 0..=10_000;
        for (field, value, taken) in [
            (
                "recipient_limit_external_per_hour",
                self.recipient_limit_external_per_hour,
                RECIPIENTS,
            ),
            (
                "recipient_limit_internal_per_hour",
                self.recipient_limit_internal_per_hour,
                RECIPIENTS,
            ),
            ("recipient_limit_per_day", self.recipient_limit_per_day, RECIPIENTS),
            ("spam_messages", self.spam_messages, 1..=10_000),
            ("spam_messages_minutes", self.spam_messages_minutes, 1..=1_440),
            ("spam_percent", self.spam_percent, 1..=100),
            ("spam_percent_of_at_least", self.spam_percent_of_at_least, 1..=10_000),
        ] {
            if !taken.contains(&value) {
                let detail =
                    format!("it is {value}, but it takes {} to {}", taken.start(), taken.end());
                problems.push(PolicyProblem { field: field.into(), detail });
            }
        }
    }

    /// The default policy is for everybody whom no other policy is for.
    fn check_default(&self, problems: &mut Vec<PolicyProblem>) {
        let lists = [
            ("from", self.from.is_empty()),
            ("sender_domain_is", self.sender_domain_is.is_empty()),
            ("except_if_from", self.except_if_from.is_empty()),
            ("except_if_sender_domain_is", self.except_if_sender_domain_is.is_empty()),
            ("priority", self.priority.is_none()),
            ("enabled", self.enabled),
        ];
        for (field, holds) in lists {
            if !holds {
                let detail = "the default policy is always on, for everybody, and last".into();
                problems.push(PolicyProblem { field: field.into(), detail });
            }
        }
    }
}

fn address(text: &str) -> Result<String, String> {
    let bad = |why: &str| format!("{} is no mail address: {why}", shown(text));
    let parsed = Address::typed(text, None).map_err(|why| bad(&why.to_string()))?;
    if parsed.domain().is_empty() {
        return Err(bad("it has no @ with a domain after it"));
    }
    Ok(parsed.to_string())
}

fn domain(text: &str) -> Result<String, String> {
    let parsed = Domain::parse(text);
    parsed.map(|domain| domain.to_string()).map_err(|_| format!("{} is no domain", shown(text)))
}

/// As much of an entry as a sentence has room for.
fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    let beginning: String = text.chars().take(SHOWN).collect();
    format!("{beginning:?}{}", if beginning.len() < text.len() { "…" } else { "" })
}

fn spell(
    list: &mut [String],
    field: &str,
    spelling: fn(&str) -> Result<String, String>,
    problems: &mut Vec<PolicyProblem>,
) {
    if list.len() > MOST_ENTRIES {
        let detail = format!("it has {} entries, at most {MOST_ENTRIES} are taken", list.len());
        return problems.push(PolicyProblem { field: field.into(), detail });
    }
    for (index, entry) in list.iter_mut().enumerate() {
        match spelling(entry) {
            Ok(spelled) => *entry = spelled,
            Err(detail) => {
                problems.push(PolicyProblem { field: format!("{field}[{index}]"), detail });
            }
        }
    }
}

/// The policy that judges `sender`: the first by priority that is for it. `policies` are in order,
/// the default policy last.
pub fn first_match<'a>(
    policies: &'a [OutboundSpamPolicy],
    sender: &Address,
) -> Option<&'a OutboundSpamPolicy> {
    policies.iter().find(|policy| policy.is_for(sender))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(from: &[&str], domains: &[&str], except: &[&str]) -> OutboundSpamPolicy {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        OutboundSpamPolicy {
            id: Uuid::from_u128(7),
            name: "Newsletter".into(),
            priority: Some(0),
            from: texts(from),
            sender_domain_is: texts(domains),
            except_if_from: texts(except),
            ..OutboundSpamPolicy::default_policy()
        }
    }

    #[test]
    fn the_first_policy_that_is_for_a_sender_judges_it_and_the_default_everybody_else() {
        let policies = [
            custom(&["News@Example.org"], &["lists.example.org"], &["bob@lists.example.org"])
                .checked()
                .unwrap(),
            OutboundSpamPolicy::default_policy(),
        ];
        for (sender, custom) in [
            ("news@example.org", true),
            ("alice@lists.example.org", true),
            ("bob@lists.example.org", false),
            ("alice@example.org", false),
            ("alice@sub.lists.example.org", false),
        ] {
            let policy = first_match(&policies, &Address::stored(sender)).unwrap();
            assert_eq!(!policy.is_default(), custom, "{sender}");
        }
    }

    #[test]
    fn a_limit_of_0_is_the_services_default() {
        let policy = OutboundSpamPolicy {
            recipient_limit_per_day: 7,
            ..OutboundSpamPolicy::default_policy()
        };
        let limits = [LimitKind::External, LimitKind::Internal, LimitKind::Daily];
        assert_eq!(limits.map(|kind| policy.limit(kind)), [500, 1_000, 7]);
    }

    #[test]
    fn every_field_that_cannot_be_used_is_named() {
        let policy = OutboundSpamPolicy {
            name: String::new(),
            spam_percent: 101,
            recipient_limit_per_day: 10_001,
            ..custom(&["alice@example.org", "alice"], &["-"], &[])
        };
        let fields: Vec<_> =
            policy.checked().unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["name", "recipient_limit_per_day", "spam_percent", "from[1]"]);
        let default = OutboundSpamPolicy { enabled: false, ..OutboundSpamPolicy::default_policy() };
        assert_eq!(default.checked().unwrap_err()[0].field, "enabled");
    }
}
