//! How the senders of a log stand, message by message, and what follows from it.

use super::messages::Submitted;
use super::window::Window;
use crate::decision::Scope;
use crate::model::address::Address;
use crate::model::reason::{self, Reason};
use crate::model::restriction::next_midnight;
use crate::model::{Action, Crossing, OutboundSpamPolicy, Sending, first_match, judge};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// Something that would have happened to a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub at: DateTime<Utc>,
    pub sender: Address,
    pub what: What,
    pub why: Reason,
}

/// What would have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It would have been restricted until somebody unblocks it.
    Restricted,
    /// It would have been restricted until the next UTC midnight.
    RestrictedForToday,
    /// Its day block would no longer have ended by itself.
    MadeLasting,
    Alert,
}

impl What {
    /// It in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::RestrictedForToday => "restricted until midnight",
            Self::MadeLasting => "no longer until midnight alone",
            Self::Alert => "alert",
        }
    }
}

/// The senders of a log, as the policies would have judged them.
#[derive(Debug)]
pub struct Senders {
    policies: Vec<OutboundSpamPolicy>,
    scope: Scope,
    known: HashMap<Address, Sender>,
}

#[derive(Debug, Default)]
struct Sender {
    window: Window,
    restriction: Restriction,
    /// The lines of which the admins were told, and on which day: once a day each.
    alerts: Vec<(Crossing, NaiveDate)>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Restriction {
    #[default]
    None,
    Until(DateTime<Utc>),
    Lasting,
}

impl Senders {
    /// None yet. `policies` are in order, the default policy last; `scope` is which mail of a
    /// restricted sender is refused.
    pub fn under(policies: Vec<OutboundSpamPolicy>, scope: Scope) -> Self {
        Self { policies, scope, known: HashMap::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Counts the next message and judges its sender.
    pub fn judge(&mut self, message: Submitted) -> Option<Finding> {
        let policy = first_match(&self.policies, &message.sender)?;
        let sender = self.known.entry(message.sender.clone()).or_default();
        sender.release_where_due(message.at);
        let accepted = sender.accepted(&message, self.scope)?;
        sender.window.add(&accepted);
        let sending = sender.window.sending(message.minute(), policy.spam_messages_minutes);
        let crossing = judge(&sending, policy).crossing.filter(|_| !policy.shadow)?;
        let what = sender.obey(crossing, crossing.action(policy), message.at)?;
        let why = why(crossing, &sending, &accepted);
        Some(Finding { at: message.at, sender: message.sender, what, why })
    }
}

impl Sender {
    /// Counting starts afresh with a release.
    fn release_where_due(&mut self, now: DateTime<Utc>) {
        if matches!(self.restriction, Restriction::Until(midnight) if midnight <= now) {
            *self = Self::default();
        }
    }

    /// What of a message would have been accepted; nothing where all of it would have been refused.
    fn accepted(&self, message: &Submitted, scope: Scope) -> Option<Submitted> {
        match self.restriction {
            Restriction::None => Some(message.clone()),
            // Nothing more can happen to it.
            Restriction::Lasting => None,
            Restriction::Until(_) if scope == Scope::All || message.inside == 0 => None,
            Restriction::Until(_) => Some(Submitted { outside: 0, unplaced: 0, ..message.clone() }),
        }
    }

    fn obey(&mut self, crossing: Crossing, action: Action, now: DateTime<Utc>) -> Option<What> {
        let (restriction, what) = match (self.restriction, action) {
            (Restriction::None, Action::Alert) => return self.alert(crossing, now),
            (Restriction::None, Action::BlockUser) => (Restriction::Lasting, What::Restricted),
            (Restriction::None, Action::BlockUserForToday) => {
                (Restriction::Until(next_midnight(now)), What::RestrictedForToday)
            }
            (Restriction::Until(_), _) if crossing == Crossing::Spam => {
                (Restriction::Lasting, What::MadeLasting)
            }
            (Restriction::Until(_) | Restriction::Lasting, _) => return None,
        };
        self.restriction = restriction;
        if restriction == Restriction::Lasting {
            self.window.clear();
        }
        Some(what)
    }

    fn alert(&mut self, crossing: Crossing, now: DateTime<Utc>) -> Option<What> {
        let alert = (crossing, now.date_naive());
        if self.alerts.contains(&alert) {
            return None;
        }
        self.alerts.retain(|(_, day)| *day == alert.1);
        self.alerts.push(alert);
        Some(What::Alert)
    }
}

fn why(crossing: Crossing, sending: &Sending, message: &Submitted) -> Reason {
    // A log has no ids of ours.
    let id = Uuid::nil();
    Reason::parse(&match crossing {
        Crossing::Spam => reason::outbound_spam(sending, id),
        Crossing::Limit(kind) => {
            let recipients = message.inside + message.outside + message.unplaced;
            reason::sending_limit(sending, kind, id, recipients)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(action: Action) -> OutboundSpamPolicy {
        OutboundSpamPolicy {
            recipient_limit_external_per_hour: 10,
            action_when_threshold_reached: action,
            ..OutboundSpamPolicy::default_policy()
        }
    }

    fn message(at: &str, inside: i64, outside: i64, spam: bool) -> Submitted {
        let sender = Address::stored("alice@example.org");
        Submitted { at: at.parse().unwrap(), sender, inside, outside, unplaced: 0, spam }
    }

    fn found(senders: &mut Senders, messages: &[Submitted]) -> Vec<(String, What)> {
        let findings = messages.iter().filter_map(|message| senders.judge(message.clone()));
        findings.map(|it| (it.at.format("%dT%H:%M").to_string(), it.what)).collect()
    }

    #[test]
    fn whoever_is_restricted_stays_so() {
        let mut senders = Senders::under(vec![policy(Action::BlockUser)], Scope::Outside);
        let messages = [
            message("2026-11-23T08:00:00Z", 0, 10, false),
            message("2026-11-23T08:59:59Z", 5, 1, false),
            message("2026-11-23T09:00:00Z", 0, 900, true),
            message("2026-11-30T09:00:00Z", 0, 900, true),
        ];
        assert_eq!(found(&mut senders, &messages), [("23T08:59".into(), What::Restricted)]);
    }

    #[test]
    fn a_day_block_ends_at_midnight_and_counting_starts_afresh() {
        let mut senders = Senders::under(vec![policy(Action::BlockUserForToday)], Scope::Outside);
        let messages = [
            message("2026-11-23T23:59:00Z", 0, 11, false),
            message("2026-11-23T23:59:59Z", 0, 50, false),
            message("2026-11-24T00:00:00Z", 0, 10, false),
            message("2026-11-24T00:00:01Z", 0, 1, false),
            message("2026-11-25T00:00:00Z", 0, 10, false),
        ];
        let twice = ["23T23:59", "24T00:00"].map(|at| (at.to_owned(), What::RestrictedForToday));
        assert_eq!(found(&mut senders, &messages), twice);
    }

    #[test]
    fn spam_to_the_inside_makes_a_day_block_last_and_refused_spam_does_not() {
        for (scope, inside, lasts) in
            [(Scope::Outside, 1, true), (Scope::Outside, 0, false), (Scope::All, 1, false)]
        {
            let mut senders = Senders::under(vec![policy(Action::BlockUserForToday)], scope);
            let mut messages = vec![message("2026-11-23T08:00:00Z", 0, 11, false)];
            messages.extend((0..6).map(|_| message("2026-11-23T08:01:00Z", inside, 1, true)));
            let found = found(&mut senders, &messages);
            assert_eq!(found.len() == 2 && found[1].1 == What::MadeLasting, lasts, "{found:?}");
        }
    }

    #[test]
    fn admins_are_told_of_a_line_once_a_day() {
        let mut senders = Senders::under(vec![policy(Action::Alert)], Scope::Outside);
        let messages = [
            message("2026-11-23T08:00:00Z", 0, 11, false),
            message("2026-11-23T08:01:00Z", 0, 11, false),
            message("2026-11-24T08:00:00Z", 0, 11, false),
        ];
        let twice = ["23T08:00", "24T08:00"].map(|at| (at.to_owned(), What::Alert));
        assert_eq!(found(&mut senders, &messages), twice);
    }

    #[test]
    fn the_reason_is_said_as_the_portal_says_it() {
        let mut senders = Senders::under(vec![policy(Action::BlockUser)], Scope::Outside);
        let spam = |_| senders.judge(message("2026-11-23T08:00:00Z", 0, 1, true));
        let finding = (0..5).find_map(spam).unwrap();
        assert_eq!(finding.why.sentence(), "5 of 5 messages were spam (100 %)");
    }
}
