//! What saving a policy changes, told before it is saved.

use super::words::{action, limit, spam_rules};
use crate::model::{LimitKind, OutboundSpamPolicy};

/// One setting that becomes another. Of a list, what goes and what comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) name: &'static str,
    pub(super) before: String,
    pub(super) after: String,
}

/// A setting as it is told.
enum Told {
    Text(String),
    List(Vec<String>),
}

/// Everything about a policy, as its page and its differences tell it.
fn settings(policy: &OutboundSpamPolicy) -> Vec<(&'static str, Told)> {
    let text = |text: &str| Told::Text(text.into());
    let list = |list: &[String]| Told::List(list.into());
    let limit = |kind, set| Told::Text(limit(policy, kind, set));
    let [messages, percent] = spam_rules(policy);
    let place = policy.priority.map_or("Last".into(), |priority| (priority + 1).to_string());
    vec![
        ("Name", text(&policy.name)),
        ("Place", Told::Text(place)),
        ("State", text(if policy.enabled { "On" } else { "Off" })),
        ("Shadow", text(if policy.shadow { "On, restricts nobody" } else { "Off" })),
        ("Senders", list(&policy.from)),
        ("Sender domains", list(&policy.sender_domain_is)),
        ("Except senders", list(&policy.except_if_from)),
        ("Except sender domains", list(&policy.except_if_sender_domain_is)),
        (
            "Recipients outside, in an hour",
            limit(LimitKind::External, policy.recipient_limit_external_per_hour),
        ),
        (
            "Recipients inside, in an hour",
            limit(LimitKind::Internal, policy.recipient_limit_internal_per_hour),
        ),
        ("Recipients in 24 hours", limit(LimitKind::Daily, policy.recipient_limit_per_day)),
        ("Over a limit", text(action(policy.action_when_threshold_reached))),
        ("Spam messages", Told::Text(messages)),
        ("Share of spam", Told::Text(percent)),
    ]
}

/// The settings of a policy, each in a line.
pub(super) fn lines(policy: &OutboundSpamPolicy) -> Vec<(&'static str, String)> {
    let line = |(name, told)| match told {
        Told::Text(text) => (name, text),
        Told::List(list) => (name, list.join(", ")),
    };
    settings(policy).into_iter().map(line).filter(|(_, text)| !text.is_empty()).collect()
}

/// What becomes of `before`; everything about a new policy.
pub(super) fn difference(
    before: Option<&OutboundSpamPolicy>,
    after: &OutboundSpamPolicy,
) -> Vec<Difference> {
    let Some(before) = before else {
        let new = |(name, after)| Difference { name, before: String::new(), after };
        return lines(after).into_iter().map(new).collect();
    };
    let both = settings(before).into_iter().zip(settings(after));
    both.filter_map(|((name, before), (_, after))| {
        let (before, after) = match (before, after) {
            (Told::List(before), Told::List(after)) => {
                (without(&before, &after), without(&after, &before))
            }
            (Told::Text(before), Told::Text(after)) if before != after => (before, after),
            _ => return None,
        };
        let differs = !before.is_empty() || !after.is_empty();
        differs.then_some(Difference { name, before, after })
    })
    .collect()
}

fn without(list: &[String], others: &[String]) -> String {
    let rest = list.iter().filter(|entry| !others.contains(entry));
    rest.cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Option<&OutboundSpamPolicy>, after: &OutboundSpamPolicy) -> Vec<String> {
        let differences = difference(before, after).into_iter();
        differences.map(|it| format!("{}: {} → {}", it.name, it.before, it.after)).collect()
    }

    #[test]
    fn a_difference_tells_what_becomes_what_and_of_lists_what_goes_and_comes() {
        let before = OutboundSpamPolicy {
            from: vec!["alice@example.org".into(), "bob@example.org".into()],
            ..OutboundSpamPolicy::default_policy()
        };
        let after = OutboundSpamPolicy {
            from: vec!["bob@example.org".into(), "carol@example.org".into()],
            recipient_limit_per_day: 2_000,
            shadow: true,
            spam_messages: 7,
            ..before.clone()
        };
        assert_eq!(
            told(Some(&before), &after),
            [
                "Shadow: Off → On, restricts nobody",
                "Senders: alice@example.org → carol@example.org",
                "Recipients in 24 hours: 1,000 (service default) → 2,000",
                "Spam messages: 5 spam messages within 10 minutes → 7 spam messages within 10 minutes",
            ]
        );
        assert!(told(Some(&after), &after).is_empty());
    }

    #[test]
    fn of_a_new_policy_everything_is_told_but_empty_lists() {
        let new = told(None, &OutboundSpamPolicy::default_policy());
        assert_eq!(new.first().unwrap(), "Name:  → Default");
        assert!(!new.iter().any(|line| line.starts_with("Senders")));
    }
}
