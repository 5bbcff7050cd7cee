//! The hours around a restriction, as charts and as a table.

use super::super::chart::{Chart, Column, NewChart, WHOLE};
use super::super::words::number;
use crate::store::Sum;
use chrono::{DateTime, DurationRound, TimeDelta, Timelike, Utc};
use std::ops::Range;

/// Hours before the one of the restriction.
const BEFORE: i64 = 23;
/// The most hours after it.
const AFTER: i64 = 12;
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Whole hours, from the day before a restriction to some hours behind it.
pub(super) struct Hours {
    begin: DateTime<Utc>,
    count: i64,
    restricted_at: DateTime<Utc>,
}

/// What a chart counts.
#[derive(Clone, Copy)]
enum Kind {
    Messages,
    Recipients,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Recipients => "recipients",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Messages => "Messages per hour",
            Self::Recipients => "Recipients per hour",
        }
    }

    fn hatched(self) -> &'static str {
        match self {
            Self::Messages => "spam",
            Self::Recipients => "outside",
        }
    }
}

/// A row of the table.
pub(crate) struct Hour {
    pub(crate) at: DateTime<Utc>,
    pub(crate) messages: String,
    pub(crate) spam: String,
    pub(crate) outside: String,
    pub(crate) inside: String,
    pub(crate) unplaced: String,
}

impl Hours {
    /// The hours around a restriction about which something is known by `end`.
    pub(super) fn around(restricted_at: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let last =
            hour_of(end.max(restricted_at)).min(hour_of(restricted_at) + TimeDelta::hours(AFTER));
        let begin = hour_of(restricted_at) - TimeDelta::hours(BEFORE);
        Self { begin, count: (last - begin).num_hours() + 1, restricted_at }
    }

    pub(super) fn time(&self) -> Range<DateTime<Utc>> {
        self.begin..self.begin + TimeDelta::hours(self.count)
    }

    fn each(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let begin = self.begin;
        (0..self.count).map(move |hour| begin + TimeDelta::hours(hour))
    }

    /// Messages by hour, spam hatched.
    pub(super) fn messages(&self, sent: &[(i64, Sum)], place: &str) -> Chart {
        let columns = self.columns(
            sent,
            |sum| (sum.spam, sum.messages - sum.spam),
            |sum| format!("{} messages, {} of them spam", number(sum.messages), number(sum.spam)),
        );
        self.chart(Kind::Messages, place, &columns)
    }

    /// Recipients by hour, those outside hatched.
    pub(super) fn recipients(&self, sent: &[(i64, Sum)], place: &str) -> Chart {
        let columns = self.columns(
            sent,
            |sum| (sum.outside, sum.inside + sum.unplaced),
            |sum| {
                let others = number(sum.inside + sum.unplaced);
                format!("{} recipients outside, {others} others", number(sum.outside))
            },
        );
        self.chart(Kind::Recipients, place, &columns)
    }

    fn columns(
        &self,
        sent: &[(i64, Sum)],
        parts: impl Fn(Sum) -> (i64, i64),
        words: impl Fn(Sum) -> String,
    ) -> Vec<Column> {
        let column = |at: DateTime<Utc>| {
            let sum = sum(sent, &(at..at + HOUR));
            let (hatched, plain) = parts(sum);
            let words = format!("{}: {}", exactly(at), words(sum));
            Column { hatched, plain, words, label: label(at) }
        };
        self.each().map(column).collect()
    }

    fn chart(&self, kind: Kind, place: &str, columns: &[Column]) -> Chart {
        let hatched: i64 = columns.iter().map(|column| column.hatched).sum();
        let all = hatched + columns.iter().map(|column| column.plain).sum::<i64>();
        let most = columns.iter().max_by_key(|column| column.hatched + column.plain);
        let (time, what) = (self.time(), kind.name());
        let description = format!(
            "{} {what} from {} to {}, {} of them {}. The most in an hour: {}.",
            number(all),
            exactly(time.start),
            exactly(time.end),
            number(hatched),
            kind.hatched(),
            most.map(|column| column.words.as_str()).unwrap_or_default(),
        );
        let from_begin = (self.restricted_at - self.begin).num_seconds();
        Chart::new(NewChart {
            id: format!("{place}-{what}"),
            kind: what,
            title: kind.title().into(),
            description,
            columns,
            marker: Some(from_begin * WHOLE / (self.count * 3_600)),
        })
    }

    /// The hours in which anything was sent.
    pub(super) fn with_mail(&self, sent: &[(i64, Sum)]) -> Vec<Hour> {
        let sums = self.each().map(|at| (at, sum(sent, &(at..at + HOUR))));
        sums.filter(|(_, sum)| *sum != Sum::default())
            .map(|(at, sum)| Hour::new(at, &sum))
            .collect()
    }
}

impl Hour {
    fn new(at: DateTime<Utc>, sum: &Sum) -> Self {
        Self {
            at,
            messages: number(sum.messages),
            spam: number(sum.spam),
            outside: number(sum.outside),
            inside: number(sum.inside),
            unplaced: number(sum.unplaced),
        }
    }
}

/// What was sent in a time of whole minutes.
pub(super) fn sum(sent: &[(i64, Sum)], time: &Range<DateTime<Utc>>) -> Sum {
    let minutes = minute(time.start)..minute(time.end);
    let mut all = Sum::default();
    sent.iter().filter(|(minute, _)| minutes.contains(minute)).for_each(|(_, sum)| all += *sum);
    all
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(HOUR).unwrap_or(at)
}

fn exactly(at: DateTime<Utc>) -> String {
    at.format("%-d %b %H:%M UTC").to_string()
}

/// Every sixth hour has its name below it, and a day begins with its date.
fn label(at: DateTime<Utc>) -> Option<String> {
    match at.hour() {
        0 => Some(at.format("%-d %b").to_string()),
        hour if hour % 6 == 0 => Some(at.format("%H:%M").to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-11-{time}Z").parse().unwrap()
    }

    #[test]
    fn the_hours_begin_the_day_before_and_end_where_nothing_is_known_or_of_interest() {
        for (end, last) in [
            ("23T10:37:00", "23T11:00:00"),
            ("23T13:10:00", "23T14:00:00"),
            ("29T00:00:00", "23T23:00:00"),
            ("20T00:00:00", "23T11:00:00"),
        ] {
            let hours = Hours::around(at("23T10:37:00"), at(end));
            assert_eq!(hours.time(), at("22T11:00:00")..at(last), "{end}");
        }
    }

    #[test]
    fn an_hour_is_the_sum_of_its_minutes() {
        let one = Sum { messages: 1, spam: 1, inside: 2, outside: 3, unplaced: 4 };
        let (first, next) = (minute(at("23T10:00:00")), minute(at("23T11:00:00")));
        let sent = [(first - 1, one), (first, one), (first + 59, one), (next, one)];
        let hours = Hours::around(at("23T11:30:00"), at("23T11:30:00")).with_mail(&sent);
        let told: Vec<_> =
            hours.iter().map(|hour| (hour.at, &*hour.messages, &*hour.outside)).collect();
        assert_eq!(
            told,
            [
                (at("23T09:00:00"), "1", "3"),
                (at("23T10:00:00"), "2", "6"),
                (at("23T11:00:00"), "1", "3")
            ]
        );
    }
}
