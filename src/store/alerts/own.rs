//! The restricted user's own notice.

use super::deliveries::NewDelivery;
use super::{Result, Tx};
use crate::model::alert::{Notice, OwnNotice};
use crate::model::organization::Organization;
use crate::model::restriction::Restriction;
use chrono::{DateTime, Utc};

impl Tx {
    /// Tells a user of the restriction, at the mailbox inside that still gets mail; nobody where the
    /// organisation does not want that.
    pub(in crate::store) async fn tell_user(
        &mut self,
        restriction: &Restriction,
        organization: Option<&Organization>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let address = restriction.address.as_str();
        let is_ours = |ours: &Organization| address.contains('@') && ours.is_inside(address);
        if !organization.is_some_and(is_ours) {
            return Ok(());
        }
        let own = OwnNotice {
            address: address.into(),
            restricted_at: restriction.restricted_at,
            ends_at: restriction.ends_at,
        };
        let delivery = NewDelivery::mail(address.into());
        self.write_notice(&Notice::Own(own), vec![delivery], now).await.map(drop)
    }
}
