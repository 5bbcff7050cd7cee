//! The rows of the list, and the counts above them.

use super::badge::new_alerts;
use super::words::{capped, number};
use crate::model::restriction::Restriction;
use crate::store::Result;
use crate::web::Shared;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// "Still trying" is about so long.
const RECENT: TimeDelta = TimeDelta::minutes(10);
/// The head of the page counts releases of so long.
const RELEASED_WITHIN: TimeDelta = TimeDelta::days(7);

/// A user in the list.
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) address: String,
    pub(crate) why: String,
    pub(crate) restricted_at: DateTime<Utc>,
    pub(crate) state: &'static str,
    pub(crate) ends_at: Option<DateTime<Utc>>,
    pub(crate) takes_effect_at: Option<DateTime<Utc>>,
    pub(crate) refused_recent: Option<String>,
}

/// The counts at the head of the page and in the navigation.
pub(crate) struct Counts {
    pub(crate) restricted: String,
    pub(crate) unblocking: String,
    pub(crate) released: String,
    pub(crate) last_released_at: Option<DateTime<Utc>>,
    pub(crate) new_alerts: Option<String>,
}

/// The rows of `restrictions`, with what was refused of late.
pub(crate) async fn rows(app: &Shared, restrictions: &[Restriction]) -> Result<Vec<Row>> {
    let ids: Vec<Uuid> = restrictions.iter().map(|restriction| restriction.id).collect();
    let refused = app.store.refusals(&ids, app.clock.now() - RECENT).await?;
    Ok(restrictions.iter().map(|restriction| row(restriction, &refused)).collect())
}

fn row(restriction: &Restriction, refused: &HashMap<Uuid, i64>) -> Row {
    Row {
        id: restriction.id,
        address: restriction.address.to_string(),
        why: restriction.why(),
        restricted_at: restriction.restricted_at,
        state: restriction.state().name(),
        ends_at: restriction.ends_at,
        takes_effect_at: restriction.unblock.as_ref().map(|unblock| unblock.takes_effect_at),
        refused_recent: refused.get(&restriction.id).map(|count| number(*count)),
    }
}

/// What was refused of one restriction of late, where anything was.
pub(crate) async fn refused_recent(app: &Shared, id: Uuid) -> Result<Option<String>> {
    let refused = app.store.refusals(&[id], app.clock.now() - RECENT).await?;
    Ok(refused.get(&id).map(|count| number(*count)))
}

/// The counts as they are now.
pub(crate) async fn counts(app: &Shared) -> Result<Counts> {
    let counts = app.store.counts(app.clock.now() - RELEASED_WITHIN).await?;
    let active = i64::try_from(app.blocklist.len()).unwrap_or(i64::MAX);
    Ok(Counts {
        restricted: capped((active - counts.unblocking).max(0)),
        unblocking: capped(counts.unblocking),
        released: capped(counts.released),
        last_released_at: counts.last_released_at,
        new_alerts: new_alerts(app).await?,
    })
}
