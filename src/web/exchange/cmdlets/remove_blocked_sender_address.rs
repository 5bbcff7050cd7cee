//! `Remove-BlockedSenderAddress`: an unblock, which takes effect after the propagation delay.

use super::{Call, Outcome, Refusal};
use crate::model::address::Address;
use crate::model::restriction::{Restriction, UnblockRequest};
use crate::store::Unblocked::{Done, LimitReached, NotRestricted, Unknown};
use crate::web::api::comment;
use crate::web::error::Problem;
use chrono::SecondsFormat;

/// Characters of what is said about an unblock.
const LONGEST_REASON: usize = 500;

pub(super) async fn run(mut call: Call<'_>) -> Result<Outcome, Refusal> {
    let address = call.sender_address()?;
    // Exchange's page calls it the reason of the block; scripts write why they unblock.
    let reason = call.parameters.text("Reason", 0..=LONGEST_REASON)?;
    std::mem::take(&mut call.parameters).end("Remove-BlockedSenderAddress")?;
    let missing =
        || Refusal::parameter("Remove-BlockedSenderAddress takes SenderAddress, which is missing.");
    let address = address.ok_or_else(missing)?;
    let restriction = call.app.store.active_restriction(&address).await?;
    let restriction = restriction.ok_or_else(|| not_blocked(&address))?;
    let request = UnblockRequest { comment: comment(reason)?, done: None };
    let outcome = call.app.request_unblock(restriction.id, &request, call.caller.asker()).await?;
    match outcome {
        Done(after, changes) => {
            let warnings = warning(&after, changes.is_empty()).into_iter().collect();
            Ok(Outcome { warnings, ..Outcome::default() })
        }
        Unknown | NotRestricted => Err(not_blocked(&address)),
        LimitReached => Err(Refusal::invalid_operation(Problem::UnblockLimit.detail())),
    }
}

fn not_blocked(address: &Address) -> Refusal {
    Refusal::object_not_found(format!("{address} is not blocked."))
}

/// Until when the entry stays listed, of which Exchange says nothing and scripts wonder.
fn warning(restriction: &Restriction, was_asked_before: bool) -> Option<String> {
    let unblock = restriction.unblock.as_ref().filter(|_| restriction.released_at.is_none())?;
    let at = unblock.takes_effect_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let address = &restriction.address;
    let stays = format!("stays listed until the unblock takes effect at {at}");
    if was_asked_before {
        let by = &unblock.requested_by;
        return Some(format!("{address} was unblocked already, by {by}; it {stays}."));
    }
    Some(format!("{address} {stays}."))
}
