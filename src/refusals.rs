//! Counts the refused recipients of every restriction in memory, until they are in the store.

use chrono::{DateTime, Timelike, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The minutes kept apart for one restriction; against a memory that fills while the database is
/// away. Pages show the last 10 minutes, so those must never be merged with older ones.
const MOST_MINUTES: usize = 15;

/// Refused recipients per restriction and UTC minute that are not in the store yet.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Uuid, Minutes>>);

type Minutes = BTreeMap<DateTime<Utc>, i64>;

impl Refusals {
    /// Counts a recipient that was refused because of this restriction.
    pub fn count(&self, restriction: Uuid, now: DateTime<Utc>) {
        add(self.counted().entry(restriction).or_default(), minute_of(now), 1);
    }

    /// Hands over all that was counted, as restriction, minute and number of recipients.
    pub fn take(&self) -> Vec<(Uuid, DateTime<Utc>, i64)> {
        let counted = std::mem::take(&mut *self.counted());
        counted
            .into_iter()
            .flat_map(|(id, minutes)| {
                minutes.into_iter().map(move |(minute, sum)| (id, minute, sum))
            })
            .collect()
    }

    /// Counts again what was taken and could not be written. Of a restriction with many minutes
    /// the oldest become one, the sum stays.
    pub fn put_back(&self, taken: impl IntoIterator<Item = (Uuid, DateTime<Utc>, i64)>) {
        let mut counted = self.counted();
        for (restriction, minute, sum) in taken {
            add(counted.entry(restriction).or_default(), minute, sum);
        }
    }

    // No code that holds the lock can panic half-way, so a poisoned lock guards whole sums.
    fn counted(&self) -> MutexGuard<'_, HashMap<Uuid, Minutes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(minutes: &mut Minutes, minute: DateTime<Utc>, sum: i64) {
    *minutes.entry(minute).or_default() += sum;
    if minutes.len() > MOST_MINUTES
        && let Some((_, oldest)) = minutes.pop_first()
        && let Some(mut next) = minutes.first_entry()
    {
        *next.get_mut() += oldest;
    }
}

fn minute_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 999_999_000).unwrap()
    }

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + number * 60, 0).unwrap()
    }

    #[test]
    fn refusals_are_counted_by_minute_and_handed_over_once() {
        let (refusals, id) = (Refusals::default(), Uuid::from_u128(7));
        refusals.count(id, at(0));
        refusals.count(id, at(59));
        refusals.count(id, at(60));
        assert_eq!(refusals.take(), [(id, minute(0), 2), (id, minute(1), 1)]);
        assert_eq!(refusals.take(), []);
    }

    #[test]
    fn what_could_not_be_written_joins_what_was_counted_meanwhile() {
        let (refusals, id) = (Refusals::default(), Uuid::from_u128(7));
        refusals.count(id, at(0));
        let taken = refusals.take();
        refusals.count(id, at(30));
        refusals.put_back(taken);
        assert_eq!(refusals.take(), [(id, minute(0), 2)]);
    }

    proptest! {
        #[test]
        fn however_long_the_database_is_away_sums_stay_and_the_last_ten_minutes_are_exact(
            seconds in proptest::collection::vec(0_i64..90 * 60, 1..400),
            failures in 1_usize..50,
        ) {
            let (refusals, id) = (Refusals::default(), Uuid::from_u128(7));
            let mut seconds = seconds;
            seconds.sort_unstable();
            for some in seconds.chunks(failures) {
                for second in some {
                    refusals.count(id, at(*second));
                }
                refusals.put_back(refusals.take());
            }
            let taken = refusals.take();
            prop_assert!(taken.len() <= MOST_MINUTES);
            let since = minute_of(at(*seconds.last().unwrap())) - TimeDelta::minutes(10);
            let counted = |from| -> i64 {
                taken.iter().filter(|(_, minute, _)| *minute >= from).map(|(_, _, sum)| *sum).sum()
            };
            let refused = |from| {
                let refused = seconds.iter().filter(|second| at(**second) >= from).count();
                i64::try_from(refused).unwrap()
            };
            prop_assert_eq!(counted(minute(0)), refused(minute(0)));
            prop_assert_eq!(counted(since), refused(since));
        }
    }
}
