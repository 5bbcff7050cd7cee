//! Who is restricted right now, in memory, for answers that cannot wait for a database.

use crate::kept_blocklist::KeptBlocklist;
use crate::model::address::Address;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

/// The senders with an active restriction.
///
/// Changes carry their number in the history, which follows the order of commits. They come from
/// two sides: at once from whoever committed one in this process ([`Blocklist::apply`]), and in
/// order from the store ([`Blocklist::follow`]), which also brings what other processes committed.
/// A database that went back to an earlier state contradicts what is known ([`Known::contradicts`]).
#[derive(Debug, Default)]
pub struct Blocklist(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// A hash map grows by doubling in one step; among a million that keeps whoever asks, and
    /// whoever has just committed, waiting for a quarter of a second.
    restricted: BTreeMap<Box<str>, Uuid>,
    /// Every change up to this one is in; nothing while there was none.
    followed: Option<Mark>,
    /// The last change of a restriction that came in ahead of its turn.
    ahead: HashMap<Uuid, Mark>,
}

/// Which change it was, also for a database that gives its number to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub number: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
}

/// What is known of the store's changes before it is asked for more.
#[derive(Debug)]
pub struct Known {
    /// The last change that came in order.
    pub followed: Option<Mark>,
    ahead: Vec<Mark>,
}

/// A committed change of a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub number: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub address: Address,
    /// Whether mail is refused after this change.
    pub active: bool,
}

impl Change {
    /// What tells it from every other one.
    pub fn mark(&self) -> Mark {
        Mark { number: self.number, id: self.id, at: self.at }
    }
}

impl Known {
    /// Whether `changes` of the store, from the last one that was followed on, are not those that
    /// are known: it has lost some. `all` says that there are no more of them.
    pub fn contradicts(&self, changes: &[Change], all: bool) -> bool {
        let first = changes.first().map(Change::mark);
        let end = changes.last().map_or(0, |change| change.number);
        let is_gone = |ahead: &Mark| match changes.iter().find(|it| it.number == ahead.number) {
            Some(change) => change.mark() != *ahead,
            None => all && ahead.number > end,
        };
        self.followed.is_some_and(|followed| first != Some(followed))
            || self.ahead.iter().any(is_gone)
    }
}

impl Blocklist {
    /// A blocklist of `active` restrictions as they stood after the change `followed`.
    pub fn load(
        active: impl IntoIterator<Item = (Box<str>, Uuid)>,
        followed: Option<Mark>,
    ) -> Self {
        let blocklist = Self::default();
        blocklist.start_over(active, followed);
        blocklist
    }

    /// Forgets everything for `active` restrictions as they stood after the change `followed`.
    pub fn start_over(
        &self,
        active: impl IntoIterator<Item = (Box<str>, Uuid)>,
        followed: Option<Mark>,
    ) {
        let restricted = active.into_iter().collect();
        *self.write() = Entries { restricted, followed, ahead: HashMap::new() };
    }

    /// A copy of everything.
    pub fn kept(&self) -> KeptBlocklist {
        let entries = self.read();
        let restricted = entries.restricted.iter().map(|(sender, id)| (sender.clone(), *id));
        KeptBlocklist { followed: entries.followed, restricted: restricted.collect() }
    }

    /// What is known of the store's changes.
    pub fn known(&self) -> Known {
        let entries = self.read();
        Known { followed: entries.followed, ahead: entries.ahead.values().copied().collect() }
    }

    /// The restriction of `sender`, while there is one.
    pub fn restriction_of(&self, sender: &str) -> Option<Uuid> {
        self.read().restricted.get(sender).copied()
    }

    /// How many senders are restricted.
    pub fn len(&self) -> usize {
        self.read().restricted.len()
    }

    /// Whether nobody is restricted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last change that came in order.
    pub fn followed(&self) -> i64 {
        self.read().followed()
    }

    /// Takes in changes that this process has just committed.
    pub fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) {
        let mut entries = self.write();
        for change in changes {
            if entries.take_in(change) {
                entries.ahead.insert(change.id, change.mark());
            }
        }
    }

    /// Takes in the next changes of the store, in their order.
    pub fn follow(&self, changes: &[Change]) {
        let mut entries = self.write();
        for change in changes {
            entries.take_in(change);
        }
        if let Some(last) = changes.last() {
            entries.followed = Some(last.mark());
            entries.ahead.retain(|_, ahead| ahead.number > last.number);
        }
    }

    // No code that holds the lock can panic half-way, so a poisoned lock guards whole entries.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn followed(&self) -> i64 {
        self.followed.map_or(0, |followed| followed.number)
    }

    /// Takes in a change unless a later one of the same restriction is in already.
    fn take_in(&mut self, change: &Change) -> bool {
        let ahead = self.ahead.get(&change.id).map_or(0, |ahead| ahead.number);
        if change.number <= self.followed() || change.number < ahead {
            return false;
        }
        let address = change.address.as_str();
        if change.active {
            self.restricted.insert(address.into(), change.id);
        } else if self.restricted.get(address) == Some(&change.id) {
            self.restricted.remove(address);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(number: i64, restriction: u128, active: bool) -> Change {
        Change {
            number,
            id: Uuid::from_u128(restriction),
            at: DateTime::UNIX_EPOCH,
            address: Address::stored("alice@example.org"),
            active,
        }
    }

    fn restricted(blocklist: &Blocklist) -> Option<u128> {
        blocklist.restriction_of("alice@example.org").map(|id| id.as_u128())
    }

    #[test]
    fn a_release_that_was_applied_at_once_is_not_undone_by_the_older_restriction_that_follows() {
        let blocklist = Blocklist::default();
        blocklist.apply([&change(2, 7, false)]);
        blocklist.follow(&[change(1, 7, true)]);
        assert_eq!(restricted(&blocklist), None);
        blocklist.follow(&[change(2, 7, false)]);
        assert_eq!(restricted(&blocklist), None);
    }

    #[test]
    fn a_release_ends_its_own_restriction_and_no_later_one() {
        let blocklist = Blocklist::default();
        blocklist.apply([&change(1, 7, true), &change(3, 8, true)]);
        blocklist.apply([&change(2, 7, false)]);
        assert_eq!(restricted(&blocklist), Some(8));
    }

    /// What the store has is asked for from the last change on that was followed.
    fn contradicts(blocklist: &Blocklist, store: &[Change]) -> bool {
        let from = blocklist.followed();
        let asked: Vec<_> = store.iter().filter(|one| one.number >= from).cloned().collect();
        blocklist.known().contradicts(&asked, true)
    }

    #[test]
    fn a_store_that_went_on_contradicts_nothing_and_one_that_lost_changes_does() {
        let store: Vec<_> = (1..=4).map(|number| change(number, 7, number % 2 == 1)).collect();
        let blocklist = Blocklist::default();
        assert!(!contradicts(&blocklist, &[]) && !contradicts(&blocklist, &store));
        blocklist.follow(&store[..3]);
        assert!(!contradicts(&blocklist, &store));
        assert!(contradicts(&blocklist, &store[..2]), "the last change is gone");
        assert!(contradicts(&blocklist, &[change(3, 8, true)]), "another one has its number");
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(1);
        let again = Change { at, ..change(3, 7, true) };
        assert!(contradicts(&blocklist, &[again]), "it happened at another time");

        blocklist.apply([&store[3]]);
        assert!(!contradicts(&blocklist, &store));
        assert!(contradicts(&blocklist, &store[..3]), "what this process committed is gone");
        let other = [store[2].clone(), change(4, 8, true)];
        assert!(contradicts(&blocklist, &other), "another one has the number of what it committed");
    }

    proptest! {
        /// Lives of one sender: restrict, release, restrict, …; some are applied at once in any
        /// order, then everything follows in order.
        #[test]
        fn whatever_came_ahead_the_end_is_what_the_store_says(
            ahead in proptest::collection::vec(1_i64..=9, 0..12),
            cut in 0_usize..=9,
        ) {
            let all: Vec<_> = (1..=9_i64)
                .map(|number| change(number, u128::from(number.unsigned_abs().div_ceil(2)), number % 2 == 1))
                .collect();
            let blocklist = Blocklist::default();
            blocklist.follow(&all[..cut]);
            blocklist.apply(ahead.iter().map(|number| &all[usize::try_from(*number - 1).unwrap()]));
            blocklist.follow(&all[cut..]);
            prop_assert_eq!(restricted(&blocklist), Some(5));
        }
    }
}
