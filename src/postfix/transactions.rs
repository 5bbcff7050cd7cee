//! The recipients of mail transactions under way, gathered as Postfix asks about each of them, until
//! it tells at END-OF-MESSAGE that the message was accepted.

use crate::model::{MOST_RECIPIENTS_KEPT, Recipients};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Transactions of a generation; there are two, so that at most 10,000 are kept. Against clients
/// that begin transactions and never end them.
const MOST: usize = 5_000;
/// For so long a generation is added to; a transaction is forgotten after twice as long at most.
const GENERATION: Duration = Duration::from_mins(30);
/// Octets of an instance; Postfix sends fewer than 50.
const LONGEST_INSTANCE: usize = 128;

/// What is known of a mail transaction under way.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Transaction {
    /// Those that were not refused here; Postfix may refuse some of them afterwards.
    pub(super) recipients: Recipients,
    /// Whether the message is to come back as a report.
    pub(super) bounces: bool,
}

/// The mail transactions under way, over all connections: Postfix may ask about one over several.
#[derive(Debug)]
pub(super) struct Transactions(Mutex<Generations>);

#[derive(Debug)]
struct Generations {
    young: HashMap<Box<[u8]>, Transaction>,
    old: HashMap<Box<[u8]>, Transaction>,
    began: Instant,
}

impl Default for Transactions {
    fn default() -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self(Mutex::new(Generations { young, old, began: Instant::now() }))
    }
}

impl Transactions {
    /// Gathers a recipient that was not refused.
    pub(super) fn gather(&self, instance: &[u8], recipient: &str, inside: bool) {
        self.update(instance, |transaction| {
            let recipients = &mut transaction.recipients;
            if inside {
                recipients.inside += 1;
            } else {
                recipients.outside += 1;
            }
            if recipients.named.len() < MOST_RECIPIENTS_KEPT {
                recipients.named.push(recipient.to_owned());
            }
        });
    }

    /// Notes that the message is to come back; says whether that was not known yet.
    pub(super) fn bounces(&self, instance: &[u8]) -> bool {
        let mut first = true;
        self.update(instance, |transaction| {
            first = !std::mem::replace(&mut transaction.bounces, true);
        });
        first
    }

    /// Ends a transaction and hands over what was gathered.
    pub(super) fn end(&self, instance: &[u8]) -> Transaction {
        let mut generations = self.locked();
        let young = generations.young.remove(instance);
        young.or_else(|| generations.old.remove(instance)).unwrap_or_default()
    }

    fn update(&self, instance: &[u8], change: impl FnOnce(&mut Transaction)) {
        if !instance.is_empty() && instance.len() <= LONGEST_INSTANCE {
            change(self.locked().transaction(instance, Instant::now()));
        }
    }

    // No code that holds the lock can panic half-way, so a poisoned lock guards whole transactions.
    fn locked(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn transaction(&mut self, instance: &[u8], now: Instant) -> &mut Transaction {
        if !self.young.contains_key(instance) {
            if self.young.len() >= MOST || now.saturating_duration_since(self.began) >= GENERATION {
                self.old = std::mem::take(&mut self.young);
                self.began = now;
            }
            let begun = self.old.remove(instance).unwrap_or_default();
            self.young.insert(instance.into(), begun);
        }
        self.young.get_mut(instance).expect("it was put there")
    }
}

impl Transaction {
    /// Whom the message is for when so many recipients were accepted: outside ones first, because
    /// what was gathered can include recipients that Postfix refused afterwards.
    pub(super) fn accepted(self, count: i64) -> Recipients {
        let Recipients { named, inside, outside, .. } = self.recipients;
        let outside = outside.min(count);
        let inside = inside.min(count - outside);
        Recipients { named, inside, outside, unplaced: count - outside - inside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gathered(inside: i64, outside: i64) -> Transaction {
        let recipients = Recipients { inside, outside, ..Recipients::default() };
        Transaction { recipients, bounces: false }
    }

    #[test]
    fn a_transaction_is_gathered_over_its_requests_and_ended_once() {
        let transactions = Transactions::default();
        transactions.gather(b"75c.6561f0aa.56819.0", "bob@remote.example", false);
        transactions.gather(b"75c.6561f0aa.56819.1", "dan@remote.example", false);
        transactions.gather(b"75c.6561f0aa.56819.0", "carol@example.org", true);
        let recipients = transactions.end(b"75c.6561f0aa.56819.0").recipients;
        assert_eq!((recipients.inside, recipients.outside), (1, 1));
        assert_eq!(recipients.named, ["bob@remote.example", "carol@example.org"]);
        assert_eq!(transactions.end(b"75c.6561f0aa.56819.0"), Transaction::default());
    }

    #[test]
    fn only_the_first_recipient_makes_a_message_bounce() {
        let transactions = Transactions::default();
        assert!(transactions.bounces(b"7"));
        assert!(!transactions.bounces(b"7"));
        assert!(transactions.end(b"7").bounces);
    }

    #[test]
    fn at_most_ten_thousand_transactions_are_kept_and_the_newest_half_for_sure() {
        let transactions = Transactions::default();
        for number in 0..30_000 {
            transactions.gather(format!("{number}").as_bytes(), "bob@remote.example", false);
        }
        let kept = |number: usize| {
            transactions.end(format!("{number}").as_bytes()).recipients.outside == 1
        };
        assert!((25_000..30_000).all(kept));
        assert!((0..25_000).filter(|number| kept(*number)).count() <= 5_000);
    }

    #[test]
    fn recipients_that_postfix_refused_afterwards_are_not_counted() {
        let placed = |transaction: Transaction, count| {
            let recipients = transaction.accepted(count);
            (recipients.inside, recipients.outside, recipients.unplaced)
        };
        assert_eq!(placed(gathered(2, 3), 5), (2, 3, 0));
        assert_eq!(placed(gathered(2, 3), 4), (1, 3, 0));
        assert_eq!(placed(gathered(2, 3), 2), (0, 2, 0));
        assert_eq!(placed(gathered(0, 0), 3), (0, 0, 3));
        assert_eq!(placed(gathered(1, 1), 3), (1, 1, 1));
    }

    proptest! {
        #[test]
        fn every_accepted_recipient_is_counted_once(
            inside in 0_i64..60_000,
            outside in 0_i64..60_000,
            count in 0_i64..60_000,
        ) {
            let recipients = gathered(inside, outside).accepted(count);
            prop_assert_eq!(recipients.count(), count);
            prop_assert!(recipients.inside >= 0 && recipients.unplaced >= 0);
        }
    }
}
