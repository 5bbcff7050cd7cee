//! What senders sent lately, summed up.

use super::sending::{Addition, minute};
use crate::model::address::Address;
use crate::model::{OutboundSpamPolicy, Sending, first_match};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};
use std::collections::BTreeMap;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// Many rows of [`Sums`] as one; see [`crate::store::row::SQLITE_LIST`].
pub(super) const SQLITE_LIST: &str = "SELECT json_group_array(json_array(
    sender, outside_in_hour, inside_in_hour, outside_in_day, inside_in_day, unplaced_in_day,
    messages_in_day, spam_in_day, spam_in_minutes, policies_revision, policies)) FROM (";

#[derive(FromRow, Deserialize)]
pub(super) struct Sums {
    sender: String,
    outside_in_hour: i64,
    inside_in_hour: i64,
    outside_in_day: i64,
    inside_in_day: i64,
    unplaced_in_day: i64,
    messages_in_day: i64,
    spam_in_day: i64,
    spam_in_minutes: i64,
    policies_revision: i64,
    policies: i64,
}

impl Sums {
    /// At which revision the policies stood.
    pub(super) fn revision(&self) -> (i64, i64) {
        (self.policies_revision, self.policies)
    }

    pub(super) fn told(self) -> (Address, Sending) {
        (Address::stored(&self.sender), self.into())
    }
}

impl From<Sums> for Sending {
    fn from(sums: Sums) -> Self {
        Self {
            outside_in_hour: sums.outside_in_hour,
            inside_in_hour: sums.inside_in_hour,
            outside_in_day: sums.outside_in_day,
            inside_in_day: sums.inside_in_day,
            unplaced_in_day: sums.unplaced_in_day,
            messages_in_day: sums.messages_in_day,
            spam_in_day: sums.spam_in_day,
            spam_in_minutes: sums.spam_in_minutes,
        }
    }
}

/// Those whose counts a batch changes.
pub(super) fn wanted(
    additions: &BTreeMap<Address, Addition>,
    policies: &[OutboundSpamPolicy],
    now: DateTime<Utc>,
) -> Vec<Wanted> {
    let changed = additions.iter().filter(|(_, addition)| addition.counts());
    changed
        .map(|(sender, addition)| Wanted::new(sender, addition.since, policies, minute(now)))
        .collect()
}

/// Whose counts, and from when on.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) sender: String,
    pub(super) since: i64,
    /// Spam counts towards the spam rule behind this minute.
    pub(super) spam_after: i64,
}

impl Wanted {
    /// Somebody who sent nothing.
    pub(super) fn nobody(_: &Self) -> Self {
        Self { sender: String::new(), since: 0, spam_after: 0 }
    }

    pub(super) fn new(
        sender: &Address,
        since: i64,
        policies: &[OutboundSpamPolicy],
        now: i64,
    ) -> Self {
        let policy = first_match(policies, sender);
        let minutes = policy.map_or(0, |policy| policy.spam_messages_minutes);
        Self { sender: sender.to_string(), since, spam_after: now - minutes }
    }
}

/// The query for the sums of some senders, and for the revision of the policies.
pub(super) fn push_sums<DB: Database>(query: &mut QueryBuilder<DB>, wanted: &[Wanted], now: i64)
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
{
    query.push("WITH wanted (sender, since, spam_after) AS (");
    query.push_values(wanted, |mut row, wanted| {
        row.push_bind(wanted.sender.as_str()).push_bind(wanted.since).push_bind(wanted.spam_after);
    });
    query.push(
        ")
         SELECT wanted.sender AS sender,
                CAST(SUM(CASE WHEN minute > ",
    );
    query.push_bind(now - HOUR);
    query.push(
        " THEN outside ELSE 0 END) AS BIGINT) AS outside_in_hour,
                CAST(SUM(CASE WHEN minute > ",
    );
    query.push_bind(now - HOUR);
    query.push(
        " THEN inside ELSE 0 END) AS BIGINT) AS inside_in_hour,
                CAST(SUM(outside) AS BIGINT) AS outside_in_day,
                CAST(SUM(inside) AS BIGINT) AS inside_in_day,
                CAST(SUM(unplaced) AS BIGINT) AS unplaced_in_day,
                CAST(SUM(messages) AS BIGINT) AS messages_in_day,
                CAST(SUM(spam) AS BIGINT) AS spam_in_day,
                CAST(SUM(CASE WHEN minute > wanted.spam_after THEN spam ELSE 0 END) AS BIGINT)
                    AS spam_in_minutes,
                (SELECT COALESCE(MAX(revision), 0) FROM outbound_spam_policies)
                    AS policies_revision,
                (SELECT COUNT(*) FROM outbound_spam_policies) AS policies
           FROM wanted
           JOIN sending ON sending.sender = wanted.sender
                       AND sending.since = wanted.since
                       AND sending.minute > ",
    );
    query.push_bind(now - DAY);
    query.push(" GROUP BY wanted.sender ORDER BY wanted.sender");
}
