//! Who is restricted right now, in memory, for answers that cannot wait for a database.

use crate::address::Address;
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

/// The senders with an active restriction.
///
/// Changes carry their number in the history, which follows the order of commits. They come from
/// two sides: at once from whoever committed one in this process ([`Blocklist::apply`]), and in
/// order from the store ([`Blocklist::follow`]), which also brings what other processes committed.
#[derive(Debug, Default)]
pub struct Blocklist(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// A hash map grows by doubling in one step; among a million that keeps whoever asks, and
    /// whoever has just committed, waiting for a quarter of a second.
    restricted: BTreeMap<Box<str>, Uuid>,
    /// Every change up to this number is in.
    followed: i64,
    /// The last change of a restriction that came in ahead of its turn.
    ahead: HashMap<Uuid, i64>,
}

/// A committed change of a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number in the history.
    pub number: i64,
    /// The restriction.
    pub id: Uuid,
    /// Whose it is.
    pub address: Address,
    /// Whether mail is refused after this change.
    pub active: bool,
}

impl Blocklist {
    /// A blocklist of `active` restrictions as they stood after change number `followed`.
    pub fn load(active: impl IntoIterator<Item = (Box<str>, Uuid)>, followed: i64) -> Self {
        Self(RwLock::new(Entries {
            restricted: active.into_iter().collect(),
            followed,
            ahead: HashMap::new(),
        }))
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
        self.read().followed
    }

    /// Takes in changes that this process has just committed.
    pub fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) {
        let mut entries = self.write();
        for change in changes {
            if entries.take_in(change) {
                entries.ahead.insert(change.id, change.number);
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
            entries.followed = entries.followed.max(last.number);
            let followed = entries.followed;
            entries.ahead.retain(|_, number| *number > followed);
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
    /// Takes in a change unless a later one of the same restriction is in already.
    fn take_in(&mut self, change: &Change) -> bool {
        let ahead = self.ahead.get(&change.id).copied().unwrap_or_default();
        if change.number <= self.followed || change.number < ahead {
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
