//! The messages of a log: what its lines tell of one, put together by queue id.

use super::line::Told;
use crate::model::address::Address;
use crate::model::organization::Organization;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

/// Messages that were begun and not accepted, of a generation; there are two, the older one is
/// forgotten. Against clients that begin messages and never end them.
const MOST_BEGUN: usize = 50_000;
/// Messages whose recipients are not all known yet, and those that wait behind them.
const MOST_WAITING: usize = 100_000;
/// How long a message waits for the first try to deliver to its last recipient. Past that the rest
/// counts as recipients of whom nobody knows where they are.
const PATIENCE: TimeDelta = TimeDelta::hours(1);
/// Recipients of one message; more are not looked at. Against a log that was made to fill memory.
const MOST_RECIPIENTS: usize = 100_000;

/// A message that somebody who signed in submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// When it was accepted, or refused by a filter.
    pub at: DateTime<Utc>,
    pub sender: Address,
    /// Its recipients inside the organisation.
    pub inside: i64,
    pub outside: i64,
    /// Its recipients of whom nobody knows where they are.
    pub unplaced: i64,
    /// Whether a filter says that it is spam.
    pub spam: bool,
}

impl Submitted {
    /// The minute since 1970.
    pub fn minute(&self) -> i64 {
        self.at.timestamp().div_euclid(60)
    }
}

/// The messages under way.
#[derive(Debug, Default)]
pub struct Messages {
    organization: Organization,
    hasher: RandomState,
    young: HashMap<u64, Begun>,
    old: HashMap<u64, Begun>,
    /// In the order in which they were accepted.
    accepted: VecDeque<Accepted>,
    first: u64,
    numbers: HashMap<u64, u64>,
    over: bool,
}

#[derive(Debug)]
struct Begun {
    sender: Address,
    spam: bool,
}

#[derive(Debug)]
struct Accepted {
    key: u64,
    message: Submitted,
    /// How many recipients it has behind all aliases.
    expected: Option<u32>,
    seen: u32,
    /// The hashes of those, and of whom the sender named.
    known: HashSet<u64>,
    ended: bool,
}

impl Messages {
    /// None yet, of an organisation.
    pub fn of(organization: Organization) -> Self {
        Self { organization, ..Self::default() }
    }

    /// Takes in what a line tells of the message that `host` calls `queue_id`. What it tells of
    /// others than those of people who signed in is passed over.
    pub fn tell(&mut self, (host, queue_id): (&[u8], &[u8]), at: DateTime<Utc>, told: &Told<'_>) {
        let key = self.hasher.hash_one((host, queue_id));
        match told {
            Told::Login(login) => self.begin(key, login),
            Told::Spam => self.mark_spam(key),
            Told::Queued(recipients) => {
                if let Some(index) = self.accept(key, at) {
                    let expected = &mut self.accepted[index].expected;
                    *expected = expected.or(*recipients);
                }
            }
            Told::Recipient { to, orig_to } => self.add_recipient(key, at, to, *orig_to),
            Told::Refused { to } => {
                self.mark_spam(key);
                self.accept(key, at);
                if let Some(to) = to {
                    self.add_recipient(key, at, to, None);
                }
                self.end(key);
            }
            Told::Removed => self.end(key),
        }
    }

    /// The next message of which everything is known that will be, in the order in which they were
    /// submitted; `now` is how far the log was read.
    pub fn next(&mut self, now: DateTime<Utc>) -> Option<Submitted> {
        let first = self.accepted.front()?;
        let waited = self.over || first.message.at + PATIENCE < now;
        if !first.is_whole() && !waited && self.accepted.len() <= MOST_WAITING {
            return None;
        }
        let first = self.accepted.pop_front()?;
        if self.numbers.get(&first.key) == Some(&self.first) {
            self.numbers.remove(&first.key);
        }
        self.first += 1;
        Some(first.submitted())
    }

    /// No more lines will come.
    pub fn end_log(&mut self) {
        self.over = true;
    }

    fn begin(&mut self, key: u64, login: &[u8]) {
        let sender = self.organization.sender(&String::from_utf8_lossy(login));
        // The queue id of a message that is gone may come again.
        self.end(key);
        self.numbers.remove(&key);
        self.old.remove(&key);
        if self.young.len() >= MOST_BEGUN {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, Begun { sender, spam: false });
    }

    fn mark_spam(&mut self, key: u64) {
        if let Some(index) = self.index_of(key) {
            self.accepted[index].message.spam = true;
        } else if let Some(begun) = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key)) {
            begun.spam = true;
        }
    }

    fn end(&mut self, key: u64) {
        if let Some(index) = self.index_of(key) {
            self.accepted[index].ended = true;
        }
    }

    fn index_of(&self, key: u64) -> Option<usize> {
        usize::try_from(self.numbers.get(&key)?.checked_sub(self.first)?).ok()
    }

    /// Where the message is, which was accepted by now at the latest.
    fn accept(&mut self, key: u64, at: DateTime<Utc>) -> Option<usize> {
        if !self.numbers.contains_key(&key) {
            let begun = self.young.remove(&key).or_else(|| self.old.remove(&key))?;
            self.numbers.insert(key, self.first + self.accepted.len() as u64);
            self.accepted.push_back(Accepted::new(key, at, begun));
        }
        self.index_of(key)
    }

    fn add_recipient(&mut self, key: u64, at: DateTime<Utc>, to: &[u8], orig_to: Option<&[u8]>) {
        let Some(index) = self.accept(key, at) else { return };
        let delivered = self.hasher.hash_one((to, orig_to));
        let aliased = orig_to.map(|orig_to| self.hasher.hash_one(orig_to));
        if self.accepted[index].is_new(delivered, aliased) {
            let named = String::from_utf8_lossy(orig_to.unwrap_or(to));
            let is_inside = self.organization.is_inside(&named);
            self.accepted[index].count(is_inside);
        }
    }
}

impl Accepted {
    fn new(key: u64, at: DateTime<Utc>, Begun { sender, spam }: Begun) -> Self {
        let message = Submitted { at, sender, inside: 0, outside: 0, unplaced: 0, spam };
        Self { key, message, expected: None, seen: 0, known: HashSet::new(), ended: false }
    }

    /// Whether whom the sender named is new, however often and to how many others behind an alias
    /// the delivery was tried.
    fn is_new(&mut self, delivered: u64, aliased: Option<u64>) -> bool {
        let is_full = self.known.len() >= MOST_RECIPIENTS;
        if self.is_whole() || is_full || !self.known.insert(delivered) {
            return false;
        }
        self.seen += 1;
        aliased.is_none_or(|aliased| self.known.insert(aliased))
    }

    fn count(&mut self, is_inside: bool) {
        if is_inside {
            self.message.inside += 1;
        } else {
            self.message.outside += 1;
        }
        if self.is_whole() {
            // It may wait for others, and shall take little room.
            self.known = HashSet::new();
        }
    }

    fn is_whole(&self) -> bool {
        self.ended || self.expected.is_some_and(|expected| self.seen >= expected)
    }

    fn submitted(self) -> Submitted {
        let missing = self.expected.unwrap_or_default().saturating_sub(self.seen);
        let unplaced = if self.ended { 0 } else { missing.into() };
        Submitted { unplaced, ..self.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Domain;
    use proptest::prelude::*;

    fn messages() -> Messages {
        let domains = vec![Domain::parse("example.org").unwrap()];
        Messages::of(Organization { name: String::new(), domains })
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn to(to: &str) -> Told<'_> {
        Told::Recipient { to: to.as_bytes(), orig_to: None }
    }

    fn alias<'a>(to: &'a str, orig_to: &'a str) -> Told<'a> {
        Told::Recipient { to: to.as_bytes(), orig_to: Some(orig_to.as_bytes()) }
    }

    impl Messages {
        fn hear(&mut self, queue_id: &str, second: i64, told: Told<'_>) {
            self.tell((b"mx1", queue_id.as_bytes()), at(second), &told);
        }

        /// The second, and the recipients inside, outside and of unknown place, of what is next.
        fn counts(&mut self, second: i64) -> Option<(i64, [i64; 3])> {
            self.next(at(second)).map(|it| {
                (it.at.timestamp() - at(0).timestamp(), [it.inside, it.outside, it.unplaced])
            })
        }
    }

    #[test]
    fn a_recipient_counts_once_however_often_the_delivery_is_tried() {
        let mut messages = messages();
        messages.hear("AAAAA1", 0, Told::Login(b"Alice"));
        messages.hear("AAAAA1", 2, Told::Queued(Some(2)));
        messages.hear("AAAAA1", 3, to("bob@remote.example"));
        messages.hear("AAAAA1", 900, to("bob@remote.example"));
        assert_eq!(messages.counts(900), None);
        messages.hear("AAAAA1", 901, to("carol@example.org"));
        messages.hear("AAAAA1", 902, to("bob@remote.example"));
        assert_eq!(messages.counts(902), Some((2, [1, 1, 0])));
        messages.hear("AAAAA1", 2_000, Told::Queued(Some(1)));
        messages.hear("AAAAA1", 2_001, to("bob@remote.example"));
        assert_eq!(messages.counts(2_001), None);
    }

    #[test]
    fn behind_an_alias_counts_whom_the_sender_named() {
        let mut messages = messages();
        messages.hear("AAAAA1", 0, Told::Login(b"alice"));
        messages.hear("AAAAA1", 1, Told::Queued(Some(3)));
        messages.hear("AAAAA1", 2, alias("dan@remote.example", "team@example.org"));
        messages.hear("AAAAA1", 2, alias("eve@remote.example", "team@example.org"));
        messages.hear("AAAAA1", 2, to("bob@remote.example"));
        assert_eq!(messages.counts(2), Some((1, [1, 1, 0])));
    }

    #[test]
    fn messages_come_in_the_order_in_which_they_were_accepted() {
        let mut messages = messages();
        for (queue_id, second) in [("AAAAA1", 0), ("AAAAA2", 1)] {
            messages.hear(queue_id, second, Told::Login(b"alice"));
            messages.hear(queue_id, second + 5, Told::Queued(Some(1)));
        }
        messages.hear("AAAAA2", 7, to("bob@remote.example"));
        assert_eq!(messages.counts(7), None);
        messages.hear("AAAAA1", 8, to("bob@remote.example"));
        assert_eq!(messages.counts(8), Some((5, [0, 1, 0])));
        assert_eq!(messages.counts(8), Some((6, [0, 1, 0])));
    }

    #[test]
    fn recipients_that_are_not_tried_for_long_are_counted_without_their_place() {
        let mut messages = messages();
        messages.hear("AAAAA1", 0, Told::Login(b"alice"));
        messages.hear("AAAAA1", 0, Told::Queued(Some(7)));
        messages.hear("AAAAA1", 1, to("bob@remote.example"));
        assert_eq!(messages.counts(3_600), None);
        assert_eq!(messages.counts(3_601), Some((0, [0, 1, 6])));
    }

    #[test]
    fn what_a_filter_refuses_is_spam_and_what_its_sender_gave_up_is_nothing() {
        let mut messages = messages();
        messages.hear("AAAAA1", 0, Told::Login(b"alice"));
        messages.hear("AAAAA1", 1, Told::Refused { to: Some(b"bob@remote.example") });
        messages.hear("AAAAA2", 2, Told::Login(b"alice"));
        messages.hear("AAAAA3", 3, Told::Login(b"alice"));
        messages.hear("AAAAA3", 3, Told::Spam);
        messages.hear("AAAAA3", 3, Told::Queued(Some(1)));
        messages.hear("AAAAA3", 4, Told::Removed);
        messages.end_log();
        let told: Vec<_> = std::iter::from_fn(|| messages.next(at(5))).collect();
        assert_eq!(
            told.iter().map(|it| (it.spam, it.outside)).collect::<Vec<_>>(),
            [(true, 1), (true, 0)]
        );
    }

    #[test]
    fn a_queue_id_that_comes_again_is_another_message() {
        let mut messages = messages();
        for second in [0, 10] {
            messages.hear("AAAAA1", second, Told::Login(b"alice"));
            messages.hear("AAAAA1", second + 1, Told::Queued(Some(2)));
            messages.hear("AAAAA1", second + 2, to("bob@remote.example"));
        }
        assert_eq!(messages.counts(12), Some((1, [0, 1, 0])));
        assert_eq!(messages.counts(12), None);
        messages.hear("AAAAA1", 13, to("carol@example.org"));
        assert_eq!(messages.counts(13), Some((11, [1, 1, 0])));
    }

    #[test]
    fn messages_that_never_end_are_forgotten() {
        let mut messages = messages();
        for number in 0..3 * MOST_BEGUN {
            messages.hear(&format!("A{number:06}"), 0, Told::Login(b"alice"));
        }
        assert!(messages.young.len() + messages.old.len() <= 2 * MOST_BEGUN);
        messages.hear("A000000", 1, Told::Queued(Some(1)));
        assert!(messages.accepted.is_empty());
        for number in 0..2 * MOST_WAITING {
            messages.hear(&format!("B{number:06}"), 1, Told::Login(b"alice"));
            messages.hear(&format!("B{number:06}"), 1, Told::Queued(Some(9)));
            messages.next(at(1));
        }
        assert_eq!((messages.accepted.len(), messages.numbers.len()), (MOST_WAITING, MOST_WAITING));
    }

    fn anything() -> impl Strategy<Value = (u8, u8)> {
        (0..4_u8, 0..9_u8)
    }

    proptest! {
        #[test]
        fn whatever_a_log_tells_no_message_comes_twice(told in prop::collection::vec(anything(), 0..200)) {
            let (mut messages, mut begun, mut came) = (messages(), 0, 0);
            for (second, (id, what)) in (0..).zip(told) {
                begun += i32::from(what == 0);
                let told = match what {
                    0 => Told::Login(b"alice"),
                    1 => Told::Queued(Some(2)),
                    2 => Told::Queued(None),
                    3 => to("bob@remote.example"),
                    4 => to("carol@example.org"),
                    5 => alias("bob@remote.example", "team@example.org"),
                    6 => Told::Spam,
                    7 => Told::Refused { to: None },
                    _ => Told::Removed,
                };
                messages.hear(&format!("AAAAA{id}"), second, told);
                while messages.next(at(second)).is_some() { came += 1; }
            }
            messages.end_log();
            while messages.next(at(0)).is_some() { came += 1; }
            prop_assert!(came <= begun);
            prop_assert!(messages.numbers.is_empty() && messages.accepted.is_empty());
        }
    }
}
