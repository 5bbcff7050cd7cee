//! A restriction's history and the other restrictions of its user, in words.

use crate::model::history::{Event, HistoryEntry};
use crate::model::restriction::Restriction;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A line of history.
pub(crate) struct Entry {
    pub(crate) at: DateTime<Utc>,
    pub(crate) event: &'static str,
    pub(crate) words: &'static str,
    pub(crate) actor: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) detail: Option<String>,
}

impl From<HistoryEntry> for Entry {
    fn from(entry: HistoryEntry) -> Self {
        let (event, words) = match entry.event {
            Event::Restricted => ("restricted", "Restricted"),
            Event::UnblockRequested => ("unblock_requested", "Unblock asked for"),
            Event::UnblockCancelled => ("unblock_cancelled", "Unblock cancelled"),
            Event::Released => ("released", "Released"),
            Event::Changed => ("changed", "Changed"),
        };
        let HistoryEntry { at, actor, comment, detail, .. } = entry;
        Self { at, event, words, actor, comment, detail }
    }
}

/// Another restriction of the same user.
pub(crate) struct Earlier {
    pub(crate) id: Uuid,
    pub(crate) restricted_at: DateTime<Utc>,
    pub(crate) released_at: Option<DateTime<Utc>>,
    pub(crate) ended: String,
    pub(crate) why: String,
}

impl From<Restriction> for Earlier {
    fn from(restriction: Restriction) -> Self {
        Self {
            id: restriction.id,
            restricted_at: restriction.restricted_at,
            released_at: restriction.released_at,
            why: restriction.why(),
            ended: match restriction.unblock {
                Some(unblock) => format!("unblocked by {}", unblock.requested_by),
                None => "ended by itself".into(),
            },
        }
    }
}
