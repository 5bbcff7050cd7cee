//! The active restrictions in the shape that `import` reads.

use crate::blocked_senders::{BlockedSender, Format, Writer};
use crate::model::reason::Reason;
use crate::model::restriction::Restriction;
use crate::store::{ListQuery, Sort, StateFilter, Store, StoreError};
use std::io::{self, Write};

/// How many restrictions are read at once.
const PAGE: usize = 1_000;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
}

/// Writes every active restriction to `out`, oldest first, and hands `out` back.
pub async fn export<W: Write>(
    store: &Store,
    format: Format,
    out: W,
) -> std::result::Result<W, ExportError> {
    let mut writer = Writer::new(out, format)?;
    let mut query = ListQuery {
        search: None,
        state: StateFilter::Active,
        cause: None,
        sort: Sort::OldestFirst,
        limit: PAGE,
        after: None,
    };
    loop {
        let page = store.list(&query).await?;
        for restriction in page.items {
            writer.write(&blocked_sender(restriction))?;
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok(writer.finish()?);
        }
    }
}

fn blocked_sender(restriction: Restriction) -> BlockedSender {
    BlockedSender {
        sender_address: restriction.address,
        reason: Some(Reason::parse(&restriction.reason)).filter(|_| !restriction.reason.is_empty()),
        created: Some(restriction.restricted_at),
        changed: Some(restriction.changed_at),
        temporary: restriction.temporary,
    }
}
