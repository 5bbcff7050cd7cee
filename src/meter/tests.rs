//! What is kept while the database is away.

use super::waiting::{AT_ONCE, Entry, FEW, Kind, SLIM_RECIPIENTS, Waiting};
use super::{Meter, Relaxed};
use crate::model::address::Address;
use crate::model::{Report, Source, Verdict};
use crate::store::Sum;
use chrono::{DateTime, TimeDelta, Utc};
use metrics::Counter;

fn report(sender: u64, minute: i64) -> Report {
    let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(minute);
    let mut report =
        Report::new(Source::Filter, Address::stored(&format!("u{sender}@example.org")), at);
    report.recipients.outside = 2;
    report.recipients.named = vec!["bob@remote.example".into(); 100];
    report.verdict = Some(Verdict::Spam);
    report
}

#[tokio::test]
async fn past_a_hundred_thousand_messages_sums_are_kept_and_nothing_is_lost() {
    let meter = Meter::default();
    meter.away.store(true, Relaxed);
    for number in 0..100_500 {
        meter.count(report(number % 3, 7)).await;
    }
    assert_eq!(meter.waiting(), 100_500);
    assert_eq!(meter.locked().reports, 100_000);
    let mut waiting = meter.locked();
    let named = |entry: &Entry| entry.reports[0].recipients.named.len();
    assert_eq!(named(&waiting.entries[FEW - 1]), 100);
    assert_eq!(named(&waiting.entries[FEW]), SLIM_RECIPIENTS);
    let sums = waiting.next_sums();
    let added = |of: fn(&Sum) -> i64| sums.values().map(of).sum::<i64>();
    assert_eq!((sums.len(), added(|sum| sum.messages), added(|sum| sum.outside)), (3, 500, 1_000));
    assert_eq!(added(|sum| sum.spam), 500);
}

#[tokio::test]
async fn while_nothing_can_be_counted_whoever_sends_again_waits_behind_nobody() {
    let meter = Meter::default();
    for number in 0..2 * AT_ONCE as u64 {
        drop(meter.enter(vec![report(number, 7)], Kind { kept: true, tried: false }));
    }
    let sent_again = meter.enter(vec![report(1, 7)], Kind { kept: false, tried: false });
    let under_way = meter.locked().next();
    meter.keep(under_way, &sqlx::Error::PoolTimedOut.into());
    assert_eq!(sent_again.await.unwrap(), Err(super::Away { disk_full: false }));
    assert_eq!(meter.waiting(), 2 * AT_ONCE);
}

#[tokio::test]
async fn sums_are_handed_over_in_steps() {
    let mut waiting = Waiting::default();
    let reports: Vec<_> = (0..600).map(|sender| report(sender, 7)).collect();
    waiting.sum_up(&reports, &Counter::noop());
    let steps = std::iter::from_fn(|| Some(waiting.next_sums().len()).filter(|len| *len > 0));
    assert_eq!(steps.collect::<Vec<_>>(), [AT_ONCE, AT_ONCE, 600 - 2 * AT_ONCE]);
}
