//! Policies in words.

use super::super::words::number;
use crate::model::{Action, LimitKind, OutboundSpamPolicy};

/// Entries of a list that a summary names; the policy's own page names all.
const NAMED: usize = 2;

/// What happens when a limit is crossed.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::BlockUser => "Restrict until somebody unblocks",
        Action::BlockUserForToday => "Restrict until midnight UTC",
        Action::Alert => "Alert only",
    }
}

/// The three limits.
pub(super) fn limits(policy: &OutboundSpamPolicy) -> [String; 3] {
    [
        format!("{} outside an hour", number(policy.limit(LimitKind::External))),
        format!("{} inside an hour", number(policy.limit(LimitKind::Internal))),
        format!("{} a day", number(policy.limit(LimitKind::Daily))),
    ]
}

/// A limit as it was set.
pub(super) fn limit(policy: &OutboundSpamPolicy, kind: LimitKind, set: i64) -> String {
    let recipients = number(policy.limit(kind));
    if set == 0 { format!("{recipients} (service default)") } else { recipients }
}

/// The two spam rules.
pub(super) fn spam_rules(policy: &OutboundSpamPolicy) -> [String; 2] {
    let (messages, minutes) = (policy.spam_messages, policy.spam_messages_minutes);
    [
        format!(
            "{} {} within {} {}",
            number(messages),
            plural(messages, "spam message"),
            number(minutes),
            plural(minutes, "minute")
        ),
        format!(
            "{} % spam of at least {} {} in 24 hours",
            policy.spam_percent,
            number(policy.spam_percent_of_at_least),
            plural(policy.spam_percent_of_at_least, "message")
        ),
    ]
}

/// The word for so many of them.
pub(super) fn plural(count: i64, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}

/// Whom a policy is for, in a line.
pub(super) fn whom(policy: &OutboundSpamPolicy) -> String {
    if policy.is_default() {
        return "everybody whom no other policy is for".into();
    }
    let domains = policy.sender_domain_is.iter().map(|domain| format!("@{domain}"));
    let named: Vec<_> = policy.from.iter().cloned().chain(domains).collect();
    let whom = if named.is_empty() { "everybody".into() } else { some(&named, NAMED) };
    match policy.except_if_from.len() + policy.except_if_sender_domain_is.len() {
        0 => whom,
        1 => format!("{whom}, with an exception"),
        exceptions => format!("{whom}, with {exceptions} exceptions"),
    }
}

/// The first entries by name, and how many more there are.
pub(super) fn some(entries: &[String], named: usize) -> String {
    let more = entries.len().saturating_sub(named);
    let named = entries.iter().take(named).cloned().collect::<Vec<_>>().join(", ");
    match more {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(from: &[&str], domains: &[&str], except: &[&str]) -> OutboundSpamPolicy {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        OutboundSpamPolicy {
            id: uuid::Uuid::from_u128(7),
            from: texts(from),
            sender_domain_is: texts(domains),
            except_if_from: texts(except),
            ..OutboundSpamPolicy::default_policy()
        }
    }

    #[test]
    fn a_line_says_whom_a_policy_is_for() {
        assert_eq!(whom(&policy(&[], &[], &[])), "everybody");
        assert_eq!(
            whom(&policy(&["a@x.org"], &["y.org"], &["b@y.org"])),
            "a@x.org, @y.org, with an exception"
        );
        assert_eq!(whom(&policy(&["a@x", "b@x", "c@x", "d@x"], &[], &[])), "a@x, b@x and 2 more");
        let default = OutboundSpamPolicy::default_policy();
        assert_eq!(whom(&default), "everybody whom no other policy is for");
    }

    #[test]
    fn limits_and_spam_rules_are_told_as_they_hold() {
        let one = OutboundSpamPolicy {
            recipient_limit_external_per_hour: 7_000,
            spam_messages: 1,
            spam_messages_minutes: 1,
            ..policy(&[], &[], &[])
        };
        assert_eq!(limits(&one), ["7,000 outside an hour", "1,000 inside an hour", "1,000 a day"]);
        assert_eq!(limit(&one, LimitKind::External, 7_000), "7,000");
        assert_eq!(limit(&one, LimitKind::Internal, 0), "1,000 (service default)");
        let rules =
            ["1 spam message within 1 minute", "20 % spam of at least 20 messages in 24 hours"];
        assert_eq!(spam_rules(&one), rules);
    }
}
