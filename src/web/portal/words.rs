//! Numbers and durations as people read them.

pub(crate) use crate::model::text::{decent, number};
use crate::store::TOTAL_CAP;
use chrono::TimeDelta;

/// A count that nobody counted beyond the cap.
pub(crate) fn capped(count: i64) -> String {
    if count > TOTAL_CAP { format!("{}+", number(TOTAL_CAP)) } else { number(count) }
}

/// A delay in its largest whole unit.
pub(crate) fn delay(delay: TimeDelta) -> String {
    let seconds = delay.num_seconds();
    let (count, unit) = if seconds > 0 && seconds % 60 == 0 {
        (seconds / 60, "minute")
    } else {
        (seconds, "second")
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stop_at_the_cap() {
        assert_eq!(capped(10_000), "10,000");
        assert_eq!(capped(10_001), "10,000+");
    }
    #[test]
    fn a_delay_is_told_in_its_largest_whole_unit() {
        assert_eq!(delay(TimeDelta::minutes(30)), "30 minutes");
        assert_eq!(delay(TimeDelta::seconds(90)), "90 seconds");
        assert_eq!(delay(TimeDelta::minutes(1)), "1 minute");
    }
}
