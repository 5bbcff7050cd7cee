//! `Get-BlockedSenderAddress`: who may not send, one by name or all of them page by page.

use super::{Call, Outcome, Record, Refusal, SkipToken};
use crate::model::restriction::Restriction;
use serde_json::{Value, json};

pub(super) async fn run(mut call: Call<'_>) -> Result<Outcome, Refusal> {
    let address = call.sender_address()?;
    std::mem::take(&mut call.parameters).end("Get-BlockedSenderAddress")?;
    match address {
        None => page(&call).await,
        Some(_) if call.page.after.is_some() => Err(SkipToken::of_another_call()),
        Some(address) => {
            // Nobody is an answer and no error: scripts take it for "not restricted".
            let found = call.app.store.active_restriction(&address).await?;
            Ok(Outcome { records: found.iter().map(record).collect(), ..Outcome::default() })
        }
    }
}

/// In the order of addresses, of which an active restriction has one that no other has: whoever
/// stays is there once, whatever comes and goes during the walk.
async fn page(call: &Call<'_>) -> Result<Outcome, Refusal> {
    let (store, size) = (&call.app.store, call.page.size);
    let after = call.page.after.as_deref().unwrap_or_default();
    let mut found = store.active_by_address(after, size + 1).await?;
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| SkipToken { after: last.address.to_string(), size });
    Ok(Outcome { records: found.iter().map(record).collect(), next, ..Outcome::default() })
}

fn record(restriction: &Restriction) -> Record {
    // Exchange has no empty reason.
    let reason = Some(&restriction.reason).filter(|reason| !reason.is_empty());
    Record(vec![
        ("SenderAddress", json!(restriction.address)),
        ("Reason", json!(reason)),
        ("CreatedDatetime", json!(restriction.restricted_at)),
        ("ChangedDatetime", json!(restriction.changed_at)),
        ("TemporaryBlock", Value::Bool(restriction.temporary)),
    ])
}
