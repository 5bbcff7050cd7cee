//! How much a sender sent lately, by minute.

use super::messages::Submitted;
use crate::model::Sending;
use std::collections::VecDeque;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// What a sender sent in the last day. An hour is the current minute and the 59 before it, as the
/// service counts.
#[derive(Debug, Default)]
pub struct Window(VecDeque<Minute>);

#[derive(Debug, Default)]
struct Minute {
    /// Since 1970.
    number: i64,
    messages: i64,
    spam: i64,
    inside: i64,
    outside: i64,
    unplaced: i64,
}

impl Window {
    /// Counts a message.
    pub fn add(&mut self, message: &Submitted) {
        let minute = message.minute();
        while self.0.front().is_some_and(|oldest| oldest.number <= minute - DAY) {
            self.0.pop_front();
        }
        let place = self.0.partition_point(|earlier| earlier.number < minute);
        if self.0.get(place).is_none_or(|there| there.number != minute) {
            self.0.insert(place, Minute { number: minute, ..Minute::default() });
        }
        let sent = &mut self.0[place];
        sent.messages += 1;
        sent.spam += i64::from(message.spam);
        sent.inside += message.inside;
        sent.outside += message.outside;
        sent.unplaced += message.unplaced;
    }

    /// What was sent by `now`, a minute; spam in so many minutes apart.
    pub fn sending(&self, now: i64, spam_minutes: i64) -> Sending {
        let mut sending = Sending::default();
        for sent in self.0.iter().rev().take_while(|sent| sent.number > now - DAY) {
            sending.messages_in_day += sent.messages;
            sending.spam_in_day += sent.spam;
            sending.inside_in_day += sent.inside;
            sending.outside_in_day += sent.outside;
            sending.unplaced_in_day += sent.unplaced;
            if sent.number > now - HOUR {
                sending.inside_in_hour += sent.inside;
                sending.outside_in_hour += sent.outside;
            }
            if sent.number > now - spam_minutes {
                sending.spam_in_minutes += sent.spam;
            }
        }
        sending
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Address;
    use chrono::DateTime;
    use proptest::prelude::*;

    const SPAM_MINUTES: i64 = 10;

    fn message() -> impl Strategy<Value = Submitted> {
        (0..3 * DAY, 0..3_i64, 0..3_i64, 0..2_i64, any::<bool>()).prop_map(
            |(minute, inside, outside, unplaced, spam)| Submitted {
                at: DateTime::from_timestamp((20_000_000 + minute) * 60 + 7, 0).unwrap(),
                sender: Address::stored("alice@example.org"),
                inside,
                outside,
                unplaced,
                spam,
            },
        )
    }

    /// Counts everything anew.
    fn naive(sent: &[Submitted], now: i64) -> Sending {
        let sum = |minutes: i64, what: fn(&Submitted) -> i64| -> i64 {
            sent.iter().filter(|it| (now - it.minute()) < minutes).map(what).sum()
        };
        Sending {
            outside_in_hour: sum(60, |it| it.outside),
            inside_in_hour: sum(60, |it| it.inside),
            outside_in_day: sum(1_440, |it| it.outside),
            inside_in_day: sum(1_440, |it| it.inside),
            unplaced_in_day: sum(1_440, |it| it.unplaced),
            messages_in_day: sum(1_440, |_| 1),
            spam_in_day: sum(1_440, |it| it.spam.into()),
            spam_in_minutes: sum(SPAM_MINUTES, |it| it.spam.into()),
        }
    }

    proptest! {
        #[test]
        fn a_window_counts_what_is_not_too_old(mut sent in prop::collection::vec(message(), 1..80)) {
            sent.sort_by_key(|message| message.at);
            let mut window = Window::default();
            for (index, message) in sent.iter().enumerate() {
                window.add(message);
                let now = message.minute();
                prop_assert_eq!(window.sending(now, SPAM_MINUTES), naive(&sent[..=index], now));
            }
        }
    }
}
