//! What policies did lately with senders that crossed a line, or would have done.

use super::super::words::number;
use super::words::{plural, some};
use crate::model::Action;
use crate::model::reason::Reason;
use crate::store::{CrossedLine, CrossedTally};
use crate::web::Shared;
use crate::web::error::Problem;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// What is *lately*.
const LATELY: TimeDelta = TimeDelta::days(7);

/// Lines on one policy's page; against a policy that everybody crosses.
const MOST_LINES: i64 = 100;

/// Senders that the list of policies names; the policy's own page names all.
const MOST_NAMED: usize = 5;

/// What all policies did.
pub(super) struct Results(Vec<CrossedTally>);

/// A line that a sender crossed.
pub(super) struct Crossed {
    pub(super) at: DateTime<Utc>,
    pub(super) sender: String,
    pub(super) has_page: bool,
    pub(super) why: String,
    pub(super) came_of_it: &'static str,
    shadow: bool,
    warning: bool,
}

impl Results {
    pub(super) async fn lately(app: &Shared) -> Result<Self, Problem> {
        Ok(Self(app.store.crossed_tallies(app.clock.now() - LATELY).await?))
    }

    /// What one policy did, a line for each kind of deed.
    pub(super) fn of(&self, policy: Uuid) -> Vec<String> {
        let tallies = self.0.iter().filter(|tally| tally.policy_id == policy);
        let mut tallies: Vec<_> = tallies.collect();
        // What happened stands before what would have happened.
        tallies.sort_by_key(|tally| (tally.warning, tally.shadow, tally.action as u8));
        tallies.into_iter().map(told).collect()
    }
}

fn told(tally: &CrossedTally) -> String {
    let senders = format!("{} {}", number(tally.senders), plural(tally.senders, "sender"));
    if tally.warning {
        return format!("{senders} at warning level");
    }
    match (tally.action, tally.shadow) {
        (Action::BlockUser, false) => format!("Restricted {senders}"),
        (Action::BlockUser, true) => format!("Would have restricted {senders}"),
        (Action::BlockUserForToday, false) => format!("Restricted {senders} for the day"),
        (Action::BlockUserForToday, true) => format!("Would have restricted {senders} for the day"),
        (Action::Alert, false) => format!("Alerted about {senders}"),
        (Action::Alert, true) => format!("Would have alerted about {senders}"),
    }
}

/// The lines of one policy, the latest first, and whether there are more.
pub(super) async fn crossed(app: &Shared, policy: Uuid) -> Result<(Vec<Crossed>, bool), Problem> {
    let since = app.clock.now() - LATELY;
    let mut lines = app.store.crossed_lines(policy, since, MOST_LINES + 1).await?;
    let shown = usize::try_from(MOST_LINES).unwrap_or(usize::MAX);
    let more = lines.len() > shown;
    lines.truncate(shown);
    Ok((lines.into_iter().map(Into::into).collect(), more))
}

/// Whom a policy in shadow would have treated so, the latest first.
pub(super) async fn watched_senders(app: &Shared, policy: Uuid) -> Result<String, Problem> {
    let (lines, _) = crossed(app, policy).await?;
    let mut senders: Vec<String> = Vec::new();
    for line in lines.into_iter().filter(|line| line.shadow && !line.warning) {
        if !senders.contains(&line.sender) {
            senders.push(line.sender);
        }
    }
    Ok(some(&senders, MOST_NAMED))
}

impl From<CrossedLine> for Crossed {
    fn from(line: CrossedLine) -> Self {
        Self {
            at: line.at,
            has_page: line.has_page,
            why: Reason::parse(&line.reason).sentence(),
            came_of_it: if line.warning {
                "Warning level"
            } else {
                came_of_it(line.action, line.shadow)
            },
            warning: line.warning,
            shadow: line.shadow,
            sender: line.sender,
        }
    }
}

fn came_of_it(action: Action, shadow: bool) -> &'static str {
    match (action, shadow) {
        (Action::BlockUser, false) => "Restricted",
        (Action::BlockUser, true) => "Would have been restricted",
        (Action::BlockUserForToday, false) => "Restricted for the day",
        (Action::BlockUserForToday, true) => "Would have been restricted for the day",
        (Action::Alert, false) => "Alert",
        (Action::Alert, true) => "Would have been an alert",
    }
}
