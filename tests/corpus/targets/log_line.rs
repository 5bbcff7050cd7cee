//! Lines of mail logs, packed or not, which hold what strangers call themselves.

use super::{Dripping, organization};
use chrono::{DateTime, Utc};
use restricted_users::decision::Scope;
use restricted_users::model::OutboundSpamPolicy;
use restricted_users::replay::{Outcome, Replay, Times};
use std::io::Read;

pub fn run(octets: &[u8]) {
    let Some(outcome) = replayed(octets) else { return };
    assert!(outcome.not_understood + outcome.out_of_order <= outcome.lines);
    assert!(outcome.messages <= outcome.lines);
    assert!(outcome.senders as u64 <= outcome.messages);
    let dripping = replayed(Dripping(octets)).expect("it was read at once");
    assert_eq!(format!("{outcome:?}"), format!("{dripping:?}"));
}

/// Nothing where the log cannot be unpacked.
fn replayed(log: impl Read) -> Option<Outcome> {
    let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().expect("it is a time");
    let times = Times::new(|local| Some(local.and_utc()), now, now);
    let policies = vec![OutboundSpamPolicy::default_policy()];
    let mut replay = Replay::new(organization(), policies, Scope::Outside);
    replay.read(log, times).ok()?;
    Some(replay.finish())
}
