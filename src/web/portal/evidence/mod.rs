//! What led to a restriction: what its sender sent in the day before and what came after, the last
//! spam messages, and from where they were submitted.

mod hours;

use super::chart::Chart;
use super::message::Shown;
use super::words::number;
use crate::model::Verdict;
use crate::model::restriction::Restriction;
use crate::store::{MESSAGES_LOOKED_AT, MessageQuery, Result, Sum};
use crate::web::Shared;
use chrono::{DateTime, TimeDelta, Utc};
use hours::{Hour, Hours};
use std::ops::Range;

/// Spam messages that are shown.
const LAST_SPAM: usize = 5;
const DAY: TimeDelta = TimeDelta::days(1);

/// What led to a restriction, as a page shows it.
pub(crate) struct Evidence {
    pub(crate) restricted_at: DateTime<Utc>,
    pub(crate) mail: Option<Mail>,
    pub(crate) spam: Vec<Shown>,
    /// The filter that finds all messages of this sender.
    pub(crate) filter: String,
}

/// What was sent around the time of a restriction.
pub(crate) struct Mail {
    pub(crate) spam_in_day: String,
    pub(crate) messages_in_day: String,
    pub(crate) outside_in_day: String,
    pub(crate) addresses: String,
    /// Where not all messages were looked at for their addresses, how many were.
    pub(crate) addresses_of: Option<String>,
    /// The addresses that most came from, and how many did.
    pub(crate) most_from: Vec<(String, String)>,
    pub(crate) messages: Chart,
    pub(crate) recipients: Chart,
    pub(crate) hours: Vec<Hour>,
    pub(crate) any_unplaced: bool,
}

/// The evidence for a restriction; `place` is unlike that of any other evidence in the document.
pub(crate) async fn evidence(
    app: &Shared,
    restriction: &Restriction,
    place: &str,
) -> Result<Evidence> {
    let end = restriction.released_at.unwrap_or_else(|| app.clock.now());
    let spam = MessageQuery {
        sender: Some(restriction.address.clone()),
        verdict: Some(Verdict::Spam),
        until: Some(end + TimeDelta::microseconds(1)),
        limit: LAST_SPAM,
        ..MessageQuery::default()
    };
    let spam = app.store.messages(&spam).await?.items;
    let spam: Vec<Shown> = spam.into_iter().map(Into::into).collect();
    Ok(Evidence {
        restricted_at: restriction.restricted_at,
        mail: mail(app, restriction, end, place).await?,
        filter: super::message::same_sender(&restriction.address),
        spam,
    })
}

/// Nothing where no mail was watched.
async fn mail(
    app: &Shared,
    restriction: &Restriction,
    end: DateTime<Utc>,
    place: &str,
) -> Result<Option<Mail>> {
    let hours = Hours::around(restriction.restricted_at, end);
    let sent = app.store.sent_by_minute(&restriction.address, hours.time()).await?;
    if sent.iter().all(|(_, sum)| *sum == Sum::default()) {
        return Ok(None);
    }
    let day = day_before(restriction.restricted_at);
    let sum = hours::sum(&sent, &day);
    let from = app.store.client_addresses(&restriction.address, day).await?;
    let named = from.named.into_iter();
    let hours_with_mail = hours.with_mail(&sent);
    Ok(Some(Mail {
        spam_in_day: number(sum.spam),
        messages_in_day: number(sum.messages),
        outside_in_day: number(sum.outside),
        addresses: number(from.distinct),
        addresses_of: (sum.messages > MESSAGES_LOOKED_AT).then(|| number(MESSAGES_LOOKED_AT)),
        most_from: named.map(|it| (it.client_address, number(it.messages))).collect(),
        messages: hours.messages(&sent, place),
        recipients: hours.recipients(&sent, place),
        any_unplaced: hours_with_mail.iter().any(|hour| hour.unplaced != "0"),
        hours: hours_with_mail,
    }))
}

/// The day up to a restriction, the minute of it included.
fn day_before(restricted_at: DateTime<Utc>) -> Range<DateTime<Utc>> {
    let end = restricted_at + TimeDelta::minutes(1);
    end - DAY..end
}
