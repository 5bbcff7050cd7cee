//! The times of a log's lines.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// A machine's local time in UTC; nothing where there is no such time.
pub type LocalTime = fn(NaiveDateTime) -> Option<DateTime<Utc>>;

/// How far a clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// The most years between two leap days.
const LEAP_YEARS: u32 = 8;
/// The length of `Nov 23 08:00`.
const TO_THE_MINUTE: usize = 12;

/// Reads the times of one log.
#[derive(Debug)]
pub struct Times {
    local: LocalTime,
    /// No line of the log was written later than this, so that the year follows from the rest.
    written_by: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// A classic time to the minute, and what that is: most lines have that of the line before.
    cached: ([u8; TO_THE_MINUTE], DateTime<Utc>),
}

impl Times {
    /// Of a log that was last written to at `written_at`, read at `now`.
    pub fn new(local: LocalTime, written_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let cached = ([0; TO_THE_MINUTE], now);
        Self { local, written_by: written_at.min(now) + AHEAD, not_after: now + AHEAD, cached }
    }

    /// Reads a time to the second: `2026-11-23T08:00:00.123456+01:00` (RFC 3339, and with an offset
    /// without colon), or `Nov 23 08:00:00` (RFC 3164), which is local and has no year: it is the
    /// last such time before the log was written to.
    pub fn read(&mut self, time: &[u8]) -> Option<DateTime<Utc>> {
        if time.first()?.is_ascii_digit() { self.read_iso(time) } else { self.read_classic(time) }
    }

    fn read_iso(&self, time: &[u8]) -> Option<DateTime<Utc>> {
        let [year, month, day] = [number(time.get(..4)?)?, pair(time, 5)?, pair(time, 8)?];
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        let [hour, minute, second] = [pair(time, 11)?, pair(time, 14)?, pair(time, 17)?];
        let naive = date.and_hms_opt(hour, minute, second.min(59))?;
        let rest = time.get(19..)?;
        let digits = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let zone = rest.iter().position(|byte| !digits(byte)).map_or(&[][..], |at| &rest[at..]);
        let at = match zone {
            [] => (self.local)(naive)?,
            b"Z" => naive.and_utc(),
            _ => naive.and_utc() - offset(zone)?,
        };
        (at <= self.not_after).then_some(at)
    }

    fn read_classic(&mut self, time: &[u8]) -> Option<DateTime<Utc>> {
        let (minute, second) = (time.get(..TO_THE_MINUTE)?, pair(time, 13)?.min(59));
        if minute != self.cached.0 {
            self.cached = (minute.try_into().ok()?, self.read_minute(minute)?);
        }
        Some(self.cached.1 + TimeDelta::seconds(second.into()))
    }

    fn read_minute(&self, time: &[u8]) -> Option<DateTime<Utc>> {
        const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let month = MONTHS.chunks(3).position(|name| name == &time[..3])?;
        let month = u32::try_from(month + 1).ok()?;
        let day = number(time[4..6].trim_ascii_start())?;
        let (hour, minute) = (pair(time, 7)?, pair(time, 10)?);
        // The zone may make a day's difference.
        let last = self.written_by.naive_utc() + AHEAD;
        let years =
            (0..=LEAP_YEARS).filter_map(|ago| last.checked_sub_months(Months::new(12 * ago)));
        let mut times = years.filter_map(|it| {
            let date = NaiveDate::from_ymd_opt(it.year(), month, day)?;
            (self.local)(date.and_hms_opt(hour, minute, 0)?)
        });
        times.find(|at| *at <= self.written_by)
    }
}

/// The two digits at `index`.
fn pair(text: &[u8], index: usize) -> Option<u32> {
    number(text.get(index..index + 2)?)
}

fn number(digits: &[u8]) -> Option<u32> {
    let number = digits.iter().try_fold(0, |number: u32, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })?;
    (!digits.is_empty()).then_some(number)
}

/// `+01:00`, `+0100` or `+01`.
fn offset(zone: &[u8]) -> Option<TimeDelta> {
    let (hours, rest) = (pair(zone, 1)?, zone.get(3..)?);
    let minutes = match rest.strip_prefix(b":").unwrap_or(rest) {
        [] => 0,
        minutes @ [_, _] => number(minutes)?,
        _ => return None,
    };
    let offset = TimeDelta::minutes((hours * 60 + minutes).into());
    match zone[0] {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// An hour ahead of UTC.
    #[expect(clippy::unnecessary_wraps, reason = "a zone may leave out an hour, this one does not")]
    fn berlin(naive: NaiveDateTime) -> Option<DateTime<Utc>> {
        Some(naive.and_utc() - TimeDelta::hours(1))
    }

    fn read(time: &str, written_at: &str, now: &str) -> Option<DateTime<Utc>> {
        Times::new(berlin, utc(written_at), utc(now)).read(time.as_bytes())
    }

    #[test]
    fn a_time_without_a_year_is_the_last_before_the_log_was_written_to() {
        const WRITTEN: &str = "2026-01-05T06:00:00Z";
        const NOW: &str = "2026-11-23T10:00:00Z";
        for (time, expected) in [
            ("Jan  5 06:59:58", "2026-01-05T05:59:58Z"),
            ("Jan 01 00:30:00.125", "2025-12-31T23:30:00Z"),
            ("Dec 31 23:59:59", "2025-12-31T22:59:59Z"),
            ("Nov 23 08:00:00", "2025-11-23T07:00:00Z"),
            ("Feb 29 12:00:00", "2024-02-29T11:00:00Z"),
        ] {
            assert_eq!(read(time, WRITTEN, NOW), Some(utc(expected)), "{time}");
        }
    }

    #[test]
    fn at_midnight_of_a_new_year_the_zone_makes_no_difference() {
        for (time, expected) in [
            ("Dec 31 23:59:59", "2025-12-31T22:59:59Z"),
            ("Jan  1 00:00:01", "2025-12-31T23:00:01Z"),
        ] {
            let written = "2025-12-31T23:00:02Z";
            assert_eq!(read(time, written, written), Some(utc(expected)), "{time}");
        }
    }

    #[test]
    fn a_file_that_says_it_was_written_in_the_future_was_not() {
        let at = read("Nov 25 08:00:00", "2036-11-23T10:00:00Z", "2026-11-23T10:00:00Z");
        assert_eq!(at, Some(utc("2025-11-25T07:00:00Z")));
    }

    #[test]
    fn a_time_with_a_year_and_a_zone_is_what_it_says() {
        const NOW: &str = "2026-11-23T10:00:00Z";
        for (time, expected) in [
            ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T08:00:00.123456+01:00", "2026-11-23T07:00:00Z"),
            ("2026-11-23T08:00:00-0330", "2026-11-23T11:30:00Z"),
            ("2026-11-23T08:00:00+01", "2026-11-23T07:00:00Z"),
            ("2026-11-23T08:00:00", "2026-11-23T07:00:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(time, NOW, NOW), Some(utc(expected)), "{time}");
        }
    }

    #[test]
    fn what_is_no_time_or_in_the_future_is_not_read() {
        const NOW: &str = "2026-11-23T10:00:00Z";
        for time in [
            "Foo 23 08:00:00",
            "Nov 31 08:00:00",
            "Nov 23 24:00:00",
            "2026-13-23T08:00:00Z",
            "2026-11-23T08:00:00+1",
            "2026-11-23T08:00:00 01:00",
            "2026-11-24T10:00:01Z",
            "2026-11-23T08:00",
            "",
        ] {
            assert_eq!(read(time, NOW, NOW), None, "{time}");
        }
    }

    #[test]
    fn what_was_read_for_a_minute_is_not_taken_for_another() {
        let now = utc("2026-11-23T10:00:00Z");
        let mut times = Times::new(berlin, now, now);
        for (time, expected) in [
            ("Nov 23 08:00:00", "2026-11-23T07:00:00Z"),
            ("Nov 23 08:00:59", "2026-11-23T07:00:59Z"),
            ("Nov 23 08:01:00", "2026-11-23T07:01:00Z"),
            ("Nov 22 08:01:00", "2026-11-22T07:01:00Z"),
        ] {
            assert_eq!(times.read(time.as_bytes()), Some(utc(expected)), "{time}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_time_or_none(bytes: Vec<u8>, text in "[A-Z][a-z]{2} [ 0-9]{2} [0-9:.]{0,12}|[0-9T:.+-]{0,40}") {
            let now = utc("2026-11-23T10:00:00Z");
            let mut times = Times::new(berlin, now, now);
            for text in [&bytes[..], text.as_bytes()] {
                prop_assert!(times.read(text).is_none_or(|at| at < now + AHEAD + TimeDelta::minutes(1)));
            }
        }
    }
}
