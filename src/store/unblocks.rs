//! Unblocks: asking for one and cancelling it. Each is a conditional update: the `WHERE` says what
//! must still hold, no row means somebody was faster.

use super::changes::{committed, delisted, entry};
use super::row::RestrictionRow;
use super::{Result, Store, Tx, on};
use crate::committed::Committed;
use crate::model::address::Address;
use crate::model::history::{Action, Event, NewAuditEntry};
use crate::model::operator::{Actor, Permission, RoleGroup};
use crate::model::restriction::{Recommendation, Restriction, State, UnblockRequest, UnblockRules};
use crate::store::columns;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// The unblocks of a sender that took effect; day blocks that ended by themselves are none.
const UNBLOCKS_SINCE: &str = "SELECT COUNT(*) FROM restrictions
  WHERE address = $1 AND released_at > $2 AND takes_effect_at IS NOT NULL";

/// Who asks for an unblock, and in which role.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub actor: &'a Actor,
    pub role: RoleGroup,
}

/// What became of a request to unblock, or to cancel one.
#[derive(Debug, Clone)]
pub enum Unblocked {
    /// It is as asked; nothing was committed where it was so before.
    Done(Box<Restriction>, Vec<Committed>),
    Unknown,
    NotRestricted,
    /// The sender was unblocked too often; Organization Management is asked.
    LimitReached,
}

impl Store {
    /// Asks for the end of a restriction once the propagation delay is over.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn request_unblock(
        &self,
        id: Uuid,
        request: &UnblockRequest,
        asker: Asker<'_>,
        rules: UnblockRules,
        now: DateTime<Utc>,
    ) -> Result<Unblocked> {
        let mut tx = self.begin().await?;
        if rules.propagation_delay.is_zero() {
            tx.wait_for_other_releasers().await?;
        }
        let outcome = tx.request_unblock(id, request, asker, rules, now).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// How many unblocks of a sender count towards the limit.
    pub async fn unblocks_that_count(&self, address: &Address, now: DateTime<Utc>) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(UNBLOCKS_SINCE)
            .bind(address.as_str())
            .bind(now - UnblockRules::LIMIT_WINDOW)
            .fetch_one(pool)
            .await)?)
    }

    /// Takes a pending unblock back.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn cancel_unblock(
        &self,
        id: Uuid,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Unblocked> {
        let mut tx = self.begin().await?;
        let Some(before) = tx.restriction(id).await? else { return Ok(Unblocked::Unknown) };
        let Some(restriction) = tx.set_no_unblock(id, now).await? else {
            return Ok(as_it_is(tx.restriction(id).await?));
        };
        let history = vec![entry(&restriction, Event::UnblockCancelled, Some(&actor.name))];
        let audit = NewAuditEntry::new(actor, Action::UnblockCancelled, now)
            .to(&restriction.address)
            .before(json!({ "id": id, "unblock": before.unblock }));
        let first = tx.record(&history, vec![audit]).await?;
        tx.commit().await?;
        let committed = committed(first, history, [restriction.clone()]);
        Ok(Unblocked::Done(Box::new(restriction), committed))
    }
}

/// What the audit log keeps of a request: skipping a recommendation is kept as well as doing it.
fn asked(restriction: &Restriction, request: &UnblockRequest) -> serde_json::Value {
    let mut asked = json!({ "id": restriction.id, "unblock": restriction.unblock });
    if let Some(done) = &request.done {
        let skipped = Recommendation::ALL.into_iter().filter(|one| !done.contains(one));
        asked["skipped"] = json!(skipped.collect::<Vec<_>>());
        asked["done"] = json!(done);
    }
    asked
}

/// Nothing was changed: the restriction is so already, has ended, or never was.
fn as_it_is(restriction: Option<Restriction>) -> Unblocked {
    match restriction {
        None => Unblocked::Unknown,
        Some(restriction) if restriction.released_at.is_some() => Unblocked::NotRestricted,
        Some(restriction) => Unblocked::Done(Box::new(restriction), Vec::new()),
    }
}

impl Tx {
    async fn request_unblock(
        &mut self,
        id: Uuid,
        request: &UnblockRequest,
        asker: Asker<'_>,
        rules: UnblockRules,
        now: DateTime<Utc>,
    ) -> Result<Unblocked> {
        let before = match self.restriction(id).await? {
            Some(restriction) if restriction.state() == State::Restricted => restriction,
            other => return Ok(as_it_is(other)),
        };
        if self.limit_reached(&before.address, asker, rules, now).await? {
            return Ok(Unblocked::LimitReached);
        }
        match self.set_unblock(id, request, asker.actor, rules, now).await? {
            Some(restriction) => self.record_unblock(restriction, request, asker.actor, now).await,
            None => Ok(as_it_is(self.restriction(id).await?)),
        }
    }

    async fn record_unblock(
        &mut self,
        mut restriction: Restriction,
        request: &UnblockRequest,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Unblocked> {
        let mut requested = entry(&restriction, Event::UnblockRequested, Some(&actor.name));
        requested.entry.comment.clone_from(&request.comment);
        let mut audit = vec![
            NewAuditEntry::new(actor, Action::UnblockRequested, now)
                .to(&restriction.address)
                .after(asked(&restriction, request)),
        ];
        let mut history = vec![requested];
        // Without a delay the release belongs to the same transaction.
        if self.release(restriction.id, now).await?.is_some() {
            restriction.released_at = Some(now);
            history.push(entry(&restriction, Event::Released, Some(&Actor::system().name)));
            audit.push(delisted(&restriction, now));
            audit.extend(self.resolve_alerts_of(std::slice::from_ref(&restriction), now).await?);
        }
        let first = self.record(&history, audit).await?;
        let committed = committed(first, history, std::iter::repeat(restriction.clone()));
        Ok(Unblocked::Done(Box::new(restriction), committed))
    }

    async fn restriction(&mut self, id: Uuid) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "SELECT ",
            columns!(restrictions),
            " FROM restrictions WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Into::into))
    }

    async fn limit_reached(
        &mut self,
        address: &Address,
        asker: Asker<'_>,
        rules: UnblockRules,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        if rules.limit == 0 || asker.role.may(Permission::ExceedUnblockLimit) {
            return Ok(false);
        }
        let unblocks: i64 = on!(self, |tx| sqlx::query_scalar(UNBLOCKS_SINCE)
            .bind(address.as_str())
            .bind(now - UnblockRules::LIMIT_WINDOW)
            .fetch_one(&mut **tx)
            .await)?;
        Ok(unblocks >= i64::from(rules.limit))
    }

    async fn set_unblock(
        &mut self,
        id: Uuid,
        request: &UnblockRequest,
        actor: &Actor,
        rules: UnblockRules,
        now: DateTime<Utc>,
    ) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "UPDATE restrictions
                SET unblock_requested_by = $2,
                    unblock_requested_at = $3,
                    -- A day block ends at its midnight all the same.
                    takes_effect_at = CASE WHEN ends_at < $4 THEN ends_at ELSE $4 END,
                    unblock_comment = $5,
                    changed_at = $3
              WHERE id = $1 AND released_at IS NULL AND takes_effect_at IS NULL
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(id)
        .bind(&actor.name)
        .bind(now)
        .bind(now + rules.propagation_delay)
        .bind(request.comment.as_deref())
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Into::into))
    }

    pub(super) async fn set_no_unblock(
        &mut self,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Restriction>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "UPDATE restrictions
                SET unblock_requested_by = NULL,
                    unblock_requested_at = NULL,
                    takes_effect_at = NULL,
                    unblock_comment = NULL,
                    changed_at = $2
              WHERE id = $1 AND released_at IS NULL AND takes_effect_at IS NOT NULL
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(id)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Into::into))
    }
}
