//! Which lines a sender has crossed, by what it sent lately.

use super::policy::{Action, LimitKind, OutboundSpamPolicy};
use crate::model::reason::Cause;

/// What a sender sent lately, since it was released the last time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Recipients outside, in the last hour.
    pub outside_in_hour: i64,
    /// Recipients inside, in the last hour.
    pub inside_in_hour: i64,
    /// Recipients outside, in the last 24 hours.
    pub outside_in_day: i64,
    /// Recipients inside, in the last 24 hours.
    pub inside_in_day: i64,
    /// Recipients of whom nobody knows where they are, in the last 24 hours.
    pub unplaced_in_day: i64,
    /// Messages, in the last 24 hours.
    pub messages_in_day: i64,
    /// Spam messages, in the last 24 hours.
    pub spam_in_day: i64,
    /// Spam messages, in the minutes that the policy looks at.
    pub spam_in_minutes: i64,
}

impl Sending {
    /// All recipients, in the last 24 hours.
    pub fn recipients_in_day(&self) -> i64 {
        self.outside_in_day + self.inside_in_day + self.unplaced_in_day
    }

    /// How many of 100 messages were spam in the last 24 hours, rounded down.
    pub fn spam_percent(&self) -> i64 {
        (self.spam_in_day * 100).checked_div(self.messages_in_day).unwrap_or_default()
    }
}

/// A line that a sender has crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    Spam,
    Limit(LimitKind),
}

impl Crossing {
    /// What a restriction for it has as its cause.
    pub fn cause(self) -> Cause {
        match self {
            Self::Spam => Cause::OutboundSpam,
            Self::Limit(_) => Cause::SendingLimit,
        }
    }

    /// What happens to the sender under `policy`.
    pub fn action(self, policy: &OutboundSpamPolicy) -> Action {
        match self {
            Self::Spam => Action::BlockUser,
            Self::Limit(_) => policy.action_when_threshold_reached,
        }
    }

    /// The line in one word, as the store keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Limit(LimitKind::External) => "external",
            Self::Limit(LimitKind::Internal) => "internal",
            Self::Limit(LimitKind::Daily) => "daily",
        }
    }
}

/// How a sender stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The line it has crossed; a spam rule before a limit, because it restricts without end.
    pub crossing: Option<Crossing>,
    /// Whether it has reached half of a spam rule.
    pub warning: bool,
    /// The recipient limit of which it has reached four fifths.
    pub near: Option<LimitKind>,
}

/// Judges a sender. A recipient limit is crossed by the message that brings the sum over it, a spam
/// rule by the one that reaches it; the warning level is half of a spam rule, rounded up.
pub fn judge(sending: &Sending, policy: &OutboundSpamPolicy) -> Judgement {
    let spam = |messages: i64, percent: i64| {
        sending.spam_in_minutes >= messages
            || (sending.messages_in_day >= policy.spam_percent_of_at_least
                && sending.spam_in_day * 100 >= percent * sending.messages_in_day)
    };
    let half = |rule: i64| (rule + 1) / 2;
    let limits = [
        (LimitKind::External, sending.outside_in_hour),
        (LimitKind::Internal, sending.inside_in_hour),
        (LimitKind::Daily, sending.recipients_in_day()),
    ];
    let limit = |reached: fn(i64, i64) -> bool| {
        let mut limits = limits.into_iter();
        limits.find(|(kind, count)| reached(*count, policy.limit(*kind))).map(|(kind, _)| kind)
    };
    let crossing = if spam(policy.spam_messages, policy.spam_percent) {
        Some(Crossing::Spam)
    } else {
        limit(|count, limit| count > limit).map(Crossing::Limit)
    };
    Judgement {
        crossing,
        warning: spam(half(policy.spam_messages), half(policy.spam_percent)),
        near: limit(|count, limit| count * 5 >= limit * 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(sending: Sending) -> (Option<Crossing>, bool) {
        let Judgement { crossing, warning, .. } =
            judge(&sending, &OutboundSpamPolicy::default_policy());
        (crossing, warning)
    }

    fn spam(in_minutes: i64, in_day: i64, messages: i64) -> Sending {
        Sending {
            spam_in_minutes: in_minutes,
            spam_in_day: in_day,
            messages_in_day: messages,
            ..Sending::default()
        }
    }

    #[test]
    fn the_fifth_spam_message_in_ten_minutes_crosses_the_line_and_the_third_warns() {
        assert_eq!(judged(spam(2, 2, 2)), (None, false));
        assert_eq!(judged(spam(3, 3, 3)), (None, true));
        assert_eq!(judged(spam(4, 4, 4)), (None, true));
        assert_eq!(judged(spam(5, 5, 5)), (Some(Crossing::Spam), true));
    }

    #[test]
    fn twenty_per_cent_of_at_least_twenty_messages_cross_the_line_and_ten_warn() {
        assert_eq!(judged(spam(0, 4, 19)), (None, false));
        assert_eq!(judged(spam(0, 1, 20)), (None, false));
        assert_eq!(judged(spam(0, 2, 20)), (None, true));
        assert_eq!(judged(spam(0, 4, 20)), (Some(Crossing::Spam), true));
        assert_eq!(judged(spam(0, 4, 21)), (None, true));
    }

    #[test]
    fn a_limit_is_crossed_by_one_recipient_more_than_it_allows() {
        let outside = |count| Sending { outside_in_hour: count, ..Sending::default() };
        assert_eq!(judged(outside(500)), (None, false));
        assert_eq!(judged(outside(501)), (Some(Crossing::Limit(LimitKind::External)), false));
        let day = Sending {
            outside_in_day: 400,
            inside_in_day: 500,
            unplaced_in_day: 101,
            ..Sending::default()
        };
        assert_eq!(judged(day), (Some(Crossing::Limit(LimitKind::Daily)), false));
    }

    #[test]
    fn four_fifths_of_a_limit_are_near_it() {
        let near = |outside_in_hour| {
            let sending = Sending { outside_in_hour, ..Sending::default() };
            judge(&sending, &OutboundSpamPolicy::default_policy()).near
        };
        assert_eq!(near(399), None);
        assert_eq!(near(400), Some(LimitKind::External));
    }

    #[test]
    fn nothing_sent_crosses_nothing() {
        assert_eq!(judged(Sending::default()), (None, false));
    }
}
