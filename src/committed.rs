//! What this process has committed, as its log tells it.

use crate::blocklist::Change;
use crate::model::history::{Event, HistoryEntry};
use crate::model::operator::Actor;
use crate::model::restriction::Restriction;
use chrono::SecondsFormat;

/// Something that happened to a restriction and was committed by this process.
#[derive(Debug, Clone)]
pub struct Committed {
    pub number: i64,
    pub entry: HistoryEntry,
    pub restriction: Restriction,
}

impl Committed {
    /// What the blocklist has to know of it.
    pub fn change(&self) -> Change {
        let restriction = &self.restriction;
        Change {
            number: self.number,
            id: restriction.id,
            at: self.entry.at,
            address: restriction.address.clone(),
            active: restriction.released_at.is_none(),
        }
    }

    /// Tells the service's log.
    pub fn log(&self) {
        let address = self.restriction.address.as_str().escape_debug();
        let by = self.entry.actor.as_deref().unwrap_or_default();
        let sentence = self.sentence();
        match self.entry.event {
            Event::Restricted => tracing::info!(%address, by, sentence, "restricted"),
            Event::UnblockRequested => tracing::info!(%address, by, sentence, "unblock requested"),
            Event::UnblockCancelled if by == Actor::system().name => {
                tracing::info!(%address, sentence, "relapsed");
            }
            Event::UnblockCancelled => tracing::info!(%address, by, "unblock cancelled"),
            Event::Changed => tracing::info!(%address, sentence, "changed"),
            Event::Released => {
                let late_ms = self.restriction.lateness().unwrap_or_default().num_milliseconds();
                tracing::info!(%address, late_ms, "released");
            }
        }
    }

    fn sentence(&self) -> String {
        match (self.entry.event, &self.restriction.unblock) {
            (Event::Restricted, _) => self.restriction.why(),
            (Event::UnblockRequested, Some(unblock)) => {
                let at = unblock.takes_effect_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("Mail flows again from {at} on.")
            }
            _ => self.entry.detail.clone().unwrap_or_default(),
        }
    }
}
