//! How many were restricted on each of the last days, as bars and as a table.

use super::words::number;
use crate::store::Result;
use crate::web::Shared;
use askama::Template;
use chrono::{NaiveDate, TimeDelta};

/// Days that are shown, today included.
const DAYS: i64 = 30;
/// The height of the highest bar, in units of the drawing.
const HEIGHT: i64 = 100;
/// What the least gets, so that it can be seen.
const LEAST: i64 = 6;

/// The days, the oldest first.
#[derive(Template)]
#[template(path = "restricted_users/days.html")]
pub(crate) struct Days {
    each: Vec<Day>,
    all: String,
    most: String,
}

struct Day {
    date: NaiveDate,
    restricted: String,
    height: i64,
}

/// The last days by now.
pub(crate) async fn restricted_per_day(app: &Shared) -> Result<Days> {
    let today = app.clock.now().date_naive();
    let first = today - TimeDelta::days(DAYS - 1);
    let counts = app.store.restricted_per_day(first).await?;
    let count = |date: NaiveDate| {
        let of_day = counts.iter().find(|(day, _)| *day == date.to_string());
        of_day.map_or(0, |(_, restricted)| *restricted)
    };
    let days = first.iter_days().take_while(|date| *date <= today);
    Ok(Days::new(days.map(|date| (date, count(date))).collect()))
}

impl Days {
    fn new(days: Vec<(NaiveDate, i64)>) -> Self {
        let most = days.iter().map(|(_, restricted)| *restricted).max().unwrap_or_default();
        let all = days.iter().map(|(_, restricted)| *restricted).sum();
        let days = days.into_iter().map(|(date, restricted)| Day {
            date,
            restricted: number(restricted),
            height: height(restricted, most),
        });
        Self { each: days.collect(), all: number(all), most: number(most) }
    }
}

fn height(restricted: i64, most: i64) -> i64 {
    if restricted <= 0 {
        return 0;
    }
    (restricted.saturating_mul(HEIGHT) / most).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_its_place_and_the_least_can_be_seen() {
        let date = NaiveDate::default();
        let days = Days::new([0, 1, 500, 1_000].map(|count| (date, count)).into());
        let heights: Vec<_> = days.each.iter().map(|day| day.height).collect();
        assert_eq!(heights, [0, LEAST, HEIGHT / 2, HEIGHT]);
        assert_eq!((days.all.as_str(), days.most.as_str()), ("1,501", "1,000"));
        assert!(Days::new(vec![(date, 0)]).each.iter().all(|day| day.height == 0));
    }
}
