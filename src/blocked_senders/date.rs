//! Dates as PowerShell writes them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

/// With an offset, which .NET writes with a colon and others without.
const WITH_ZONE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"];

/// ISO 8601, then en-US: the short date with a long or short time, with a clock of 24 hours too,
/// and the long date.
const WITHOUT_ZONE: [&str; 8] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M",
    "%A, %B %d, %Y %I:%M:%S %p",
    "%A, %B %d, %Y %I:%M %p",
];

const DAYS: [&str; 2] = ["%Y-%m-%d", "%m/%d/%Y"];

/// A text that is no date, or none of a time in which there was mail to block.
#[derive(Debug, PartialEq)]
pub(super) struct NoDate;

/// The date in UTC, to the microsecond. None is the year 1, in which .NET's dates begin that
/// were never set.
pub(super) fn read(text: &str) -> Result<Option<DateTime<Utc>>, NoDate> {
    let date = parse(text).ok_or(NoDate)?;
    match date.year() {
        0 | 1 => Ok(None),
        // Longer years would not sort as text in SQLite.
        1970..=9999 => Ok(Some(date)),
        _ => Err(NoDate),
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    // .NET on newer systems puts a narrow no-break space before AM and PM (Unicode CLDR 42).
    let text = text.trim().replace(['\u{202f}', '\u{a0}'], " ");
    let date = epoch_milliseconds(&text)
        .or_else(|| with_zone(&text))
        .or_else(|| without_zone(&text))
        .or_else(|| day(&text))?;
    DateTime::from_timestamp_micros(date.timestamp_micros())
}

/// `/Date(1700000000000)/`, or with an offset that says in which zone it was written and moves
/// nothing.
fn epoch_milliseconds(text: &str) -> Option<DateTime<Utc>> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let digits = match inner.rfind(['+', '-']) {
        None | Some(0) => inner,
        Some(offset) => &inner[..offset],
    };
    DateTime::from_timestamp_millis(digits.parse().ok()?)
}

fn with_zone(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| WITH_ZONE.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()))
        .map(|date| date.to_utc())
}

fn without_zone(text: &str) -> Option<DateTime<Utc>> {
    WITHOUT_ZONE
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|date| date.and_utc())
}

fn day(text: &str) -> Option<DateTime<Utc>> {
    DAYS.iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_powershell_writes_is_the_same_instant() {
        for text in [
            "/Date(1552429965000)/",
            "/Date(1552429965000+0100)/",
            "/Date(1552429965000-0800)/",
            "2019-03-12T22:32:45Z",
            "2019-03-12T22:32:45",
            "2019-03-12 22:32:45",
            "2019-03-12T22:32:45.0000000Z",
            "2019-03-12T23:32:45.0000000+01:00",
            "2019-03-12T23:32:45+0100",
            "3/12/2019 10:32:45 PM",
            "3/12/2019 10:32:45 pm",
            "3/12/2019 10:32:45\u{202f}PM",
            "03/12/2019 22:32:45",
            "Tuesday, March 12, 2019 10:32:45 PM",
            " 3/12/2019 10:32:45 PM ",
        ] {
            let date = read(text).unwrap().map(|date| date.to_rfc3339());
            assert_eq!(date.as_deref(), Some("2019-03-12T22:32:45+00:00"), "{text}");
        }
    }

    #[test]
    fn minutes_days_and_microseconds_are_taken_as_they_are() {
        for (text, expected) in [
            ("3/12/2019 10:32 PM", "2019-03-12T22:32:00+00:00"),
            ("3/12/2019 12:05:00 AM", "2019-03-12T00:05:00+00:00"),
            ("3/12/2019", "2019-03-12T00:00:00+00:00"),
            ("2019-03-12T22:32:45.1234567Z", "2019-03-12T22:32:45.123456+00:00"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(read(text).unwrap().unwrap().to_rfc3339(), expected, "{text}");
        }
    }

    #[test]
    fn the_year_in_which_dotnet_begins_is_no_date() {
        for text in ["1/1/0001 12:00:00 AM", "0001-01-01T00:00:00", "/Date(-62135596800000)/"] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_of_mail_is_refused() {
        for text in [
            "yesterday",
            "20.11.2025 09:14:03",
            "23/11/2025 09:14:03",
            "2/30/2019 10:00:00 AM",
            "3/12/19 10:32:45 PM",
            "Monday, March 12, 2019 10:32:45 PM",
            "1969-12-31T23:59:59Z",
            "+12019-03-12T22:32:45Z",
            "/Date(9999999999999999999)/",
            "/Date(253402300800000)/",
            "/Date()/",
            "1552429965000",
        ] {
            assert_eq!(read(text), Err(NoDate), "{text}");
        }
    }
}
