//! Whether a sender's mail to a recipient is refused, answered from memory.

use crate::blocklist::Blocklist;
use crate::model::address::Address;
use crate::model::clock::Clock;
use crate::model::organization::Organization;
use crate::opaque_logins::OpaqueLogins;
use crate::refusals::Refusals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use uuid::Uuid;

/// What becomes of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing here stands against the mail.
    Allow,
    /// The sender is restricted and the recipient in scope.
    Reject,
}

/// Which mail of a restricted user is refused: the setting `restriction_scope`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Mail to recipients outside the organisation.
    #[default]
    Outside,
    All,
}

/// Decides about recipients, and counts those it refuses.
#[derive(Debug, Clone)]
pub struct Decider {
    pub blocklist: Arc<Blocklist>,
    pub organization: Arc<Organization>,
    /// Which mail of a restricted user is refused.
    pub scope: Scope,
    /// Where refused recipients are counted.
    pub refusals: Arc<Refusals>,
    pub clock: Clock,
    pub asked: Arc<AtomicBool>,
    pub opaque_logins: Arc<OpaqueLogins>,
}

impl Decider {
    /// Decides about mail of `sender`, a SASL login or an address, to `recipient`.
    pub fn decide(&self, sender: &str, recipient: &str) -> Decision {
        // Looked at before it is written, so that the processors need not pass the line around.
        if !self.was_asked() {
            self.asked.store(true, Relaxed);
        }
        match self.restriction_of(sender) {
            Some(restriction) if self.is_in_scope(recipient) => {
                self.refusals.count(restriction, self.clock.now());
                Decision::Reject
            }
            _ => Decision::Allow,
        }
    }

    /// Whether anybody ever asked.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// The sender that a login stands for.
    pub fn sender(&self, login: &str) -> Address {
        self.organization.address(login).unwrap_or_else(|_| {
            let sender = Address::opaque(login);
            self.opaque_logins.seen(&sender, self.clock.now());
            sender
        })
    }

    fn restriction_of(&self, sender: &str) -> Option<Uuid> {
        let sender = self.sender(sender);
        self.blocklist.restriction_of(sender.as_str())
    }

    fn is_in_scope(&self, recipient: &str) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Outside => !self.organization.is_inside(recipient),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Domain;
    use chrono::DateTime;

    const ALICE: Uuid = Uuid::from_u128(7);

    fn decider(scope: Scope) -> Decider {
        Decider {
            blocklist: Arc::new(Blocklist::load([("alice@example.org".into(), ALICE)], None)),
            organization: Arc::new(Organization {
                name: "Example Org".into(),
                domains: vec![Domain::parse("example.org").unwrap()],
            }),
            scope,
            refusals: Arc::default(),
            clock: Clock::stopped(DateTime::from_timestamp(1_800_000_000, 0).unwrap()),
            asked: Arc::default(),
            opaque_logins: Arc::default(),
        }
    }

    #[test]
    fn a_restricted_sender_is_refused_in_every_spelling_and_each_recipient_counted() {
        let decider = decider(Scope::Outside);
        for sender in [
            "alice@example.org",
            "ALICE@Example.Org.",
            "alice",
            "\"Alice\"@example.org",
            "alice@example.org ",
            "\talice",
        ] {
            assert_eq!(decider.decide(sender, "bob@remote.example"), Decision::Reject, "{sender}");
        }
        let minute = decider.clock.now();
        assert_eq!(decider.refusals.take(), [(ALICE, minute, 6)]);
    }

    #[test]
    fn inside_recipients_pass_unless_the_scope_is_all() {
        for inside in ["bob@example.org", "postmaster"] {
            assert_eq!(decider(Scope::Outside).decide("alice", inside), Decision::Allow);
            assert_eq!(decider(Scope::All).decide("alice", inside), Decision::Reject);
        }
    }

    #[test]
    fn others_are_allowed_and_not_counted() {
        let decider = decider(Scope::All);
        for sender in ["bob", "alice@sub.example.org", "", "@example.org", "al\u{7}ice", "alice@"] {
            assert_eq!(decider.decide(sender, "bob@remote.example"), Decision::Allow, "{sender}");
        }
        assert_eq!(decider.refusals.take(), []);
    }
}
