//! What-if: reads the logs of Postfix, and finds who would have been restricted, when and why.
//!
//! Lines tell of messages, which are put together by queue id (`messages`); whole messages are
//! judged in the order in which they were submitted (`senders`), by the code that judges in the
//! service.

mod line;
mod lines;
mod messages;
mod senders;
mod times;
mod window;

pub use line::{Entry, Line, Told};
pub use lines::{for_each_line, unpacked};
pub use messages::{Messages, Submitted};
pub use senders::{Finding, Senders, What};
pub use times::{LocalTime, Times};
pub use window::Window;

use crate::decision::Scope;
use crate::model::OutboundSpamPolicy;
use crate::model::organization::Organization;
use chrono::{DateTime, TimeDelta, Utc};
use std::io::{Read, Result};

/// How far lines may be out of order: an hour that summer time repeats, and machines whose clocks
/// differ. Of logs in the wrong order everything would seem to have been sent at once.
const OUT_OF_ORDER: TimeDelta = TimeDelta::hours(2);

/// Logs under way.
#[derive(Debug)]
pub struct Replay {
    messages: Messages,
    senders: Senders,
    newest: DateTime<Utc>,
    outcome: Outcome,
}

/// What was found in logs.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What would have happened, in order.
    pub findings: Vec<Finding>,
    pub lines: u64,
    /// Lines that are no lines of a log, or tell of something that cannot be.
    pub not_understood: u64,
    /// Lines that were written long before those in front of them; they were left out.
    pub out_of_order: u64,
    pub messages: u64,
    pub senders: usize,
}

impl Replay {
    /// Nothing read yet. `policies` are in order, the default policy last; `scope` is which mail of
    /// a restricted sender is refused.
    pub fn new(
        organization: Organization,
        policies: Vec<OutboundSpamPolicy>,
        scope: Scope,
    ) -> Self {
        Self {
            messages: Messages::of(organization),
            senders: Senders::under(policies, scope),
            newest: DateTime::UNIX_EPOCH,
            outcome: Outcome::default(),
        }
    }

    /// Reads a log, packed or not. The oldest is read first.
    pub fn read(&mut self, log: impl Read, mut times: Times) -> Result<()> {
        for_each_line(unpacked(log)?, |line| self.take_in(line, &mut times))
    }

    /// What was found.
    pub fn finish(mut self) -> Outcome {
        self.messages.end_log();
        self.judge();
        Outcome { senders: self.senders.count(), ..self.outcome }
    }

    fn take_in(&mut self, line: Option<&[u8]>, times: &mut Times) {
        self.outcome.lines += 1;
        match line.map_or(Line::NotUnderstood, Line::read) {
            Line::Other => {}
            Line::NotUnderstood => self.outcome.not_understood += 1,
            Line::Entry(entry) => self.take_in_entry(&entry, times),
        }
    }

    fn take_in_entry(&mut self, entry: &Entry<'_>, times: &mut Times) {
        let Some(at) = times.read(entry.time) else {
            self.outcome.not_understood += 1;
            return;
        };
        if at + OUT_OF_ORDER < self.newest {
            self.outcome.out_of_order += 1;
            return;
        }
        self.newest = self.newest.max(at);
        self.messages.tell((entry.host, entry.queue_id), at, &entry.told);
        self.judge();
    }

    fn judge(&mut self) {
        while let Some(message) = self.messages.next(self.newest) {
            self.outcome.messages += 1;
            self.outcome.findings.extend(self.senders.judge(message));
        }
    }
}
