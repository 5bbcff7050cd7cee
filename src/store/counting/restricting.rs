//! What follows from a judgement: a sender is restricted, a day block becomes lasting, a pending
//! unblock is cancelled.

use super::{Result, Touched, Tx, filled, on};
use crate::committed::Committed;
use crate::model::address::Address;
use crate::model::history::{Action as Audited, Event, NewAuditEntry, NewHistoryEntry};
use crate::model::operator::Actor;
use crate::model::organization::Organization;
use crate::model::reason;
use crate::model::restriction::{Restriction, next_midnight};
use crate::model::{Action, Crossing, Judgement, Message, OutboundSpamPolicy, Sending};
use crate::store::alerts::NewAlert;
use crate::store::changes::{committed, entry};
use crate::store::columns;
use crate::store::row::RestrictionRow;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// A sender and how it stands.
pub(super) struct Verdict<'a> {
    pub(super) sender: Address,
    pub(super) sending: Sending,
    pub(super) policy: &'a OutboundSpamPolicy,
    pub(super) judgement: Judgement,
    pub(super) since: i64,
}

/// What happened to a restriction.
struct Happened {
    restriction: Restriction,
    history: NewHistoryEntry,
    audit: NewAuditEntry,
    alert: NewAlert,
}

/// What followed from the verdicts.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) committed: Vec<Committed>,
    /// Whether admins are to be told of something.
    pub(super) raised: bool,
}

impl Tx {
    /// Does what follows from the verdicts on the senders of `touched` messages.
    pub(super) async fn act(
        &mut self,
        verdicts: Vec<Verdict<'_>>,
        touched: &[Touched],
        own_notices: Option<&Organization>,
        now: DateTime<Utc>,
    ) -> Result<Followed> {
        let concerned: Vec<_> =
            verdicts.iter().filter(|verdict| verdict.concerns_anybody(touched)).collect();
        if concerned.is_empty() {
            return Ok(Followed::default());
        }
        // Whoever releases locks the rows of many restrictions in an order of its own.
        self.wait_for_other_releasers().await?;
        let active = self.active_of(&concerned).await?;
        let (mut happened, mut alerts) = (Vec::new(), Vec::new());
        for verdict in concerned {
            let messages = Messages::of(&verdict.sender, touched);
            let active = active.get(&verdict.sender);
            let done = self.obey(verdict, &messages, active, now).await?;
            let restricted = done.as_ref().map(|done| done.restriction.id);
            if active.is_none() || restricted.is_some() {
                let crossed = self.note_crossing(verdict, &messages, restricted, now).await?;
                alerts.extend(crossed.filter(|_| restricted.is_none()));
            }
            if let (None, Some(done)) = (active, &done) {
                self.adopt_warnings(&done.restriction, now).await?;
                self.tell_user(&done.restriction, own_notices, now).await?;
            }
            happened.extend(done);
        }
        self.tell(happened, alerts, now).await
    }

    async fn active_of(
        &mut self,
        verdicts: &[&Verdict<'_>],
    ) -> Result<HashMap<Address, Restriction>> {
        let mut active = HashMap::new();
        for verdicts in filled(verdicts) {
            let rows: Vec<RestrictionRow> = on!(self, |tx| {
                let mut query = sqlx::QueryBuilder::new(concat!(
                    "SELECT ",
                    columns!(restrictions),
                    " FROM restrictions WHERE released_at IS NULL AND address IN ("
                ));
                let mut list = query.separated(", ");
                for verdict in &verdicts {
                    list.push_bind(verdict.sender.as_str());
                }
                query.push(")");
                query.build_query_as().fetch_all(&mut **tx).await
            })?;
            let restrictions = rows.into_iter().map(Restriction::from);
            active.extend(restrictions.map(|one| (one.address.clone(), one)));
        }
        Ok(active)
    }

    async fn obey(
        &mut self,
        verdict: &Verdict<'_>,
        messages: &Messages<'_>,
        active: Option<&Restriction>,
        now: DateTime<Utc>,
    ) -> Result<Option<Happened>> {
        if verdict.policy.shadow {
            return Ok(None);
        }
        match (active, verdict.judgement.crossing) {
            (None, Some(crossing)) if crossing.action(verdict.policy) != Action::Alert => {
                self.restrict_sender(verdict, crossing, messages, now).await
            }
            (Some(active), Some(Crossing::Spam)) if active.temporary => {
                self.make_lasting(active.id, &verdict.reason(Crossing::Spam, messages), now).await
            }
            (Some(active), _) if messages.cancel(active, now) => {
                self.cancel_for_spam(active, now).await
            }
            _ => Ok(None),
        }
    }

    async fn restrict_sender(
        &mut self,
        verdict: &Verdict<'_>,
        crossing: Crossing,
        messages: &Messages<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Happened>> {
        let temporary = crossing.action(verdict.policy) == Action::BlockUserForToday;
        let (reason, system) = (verdict.reason(crossing, messages), Actor::system());
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "INSERT INTO restrictions
                    (id, address, domain, cause, reason, temporary, imported, ends_at,
                     restricted_at, restricted_by, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8, $9, $8)
             ON CONFLICT (address) WHERE released_at IS NULL DO NOTHING
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(Uuid::now_v7())
        .bind(verdict.sender.as_str())
        .bind(verdict.sender.domain())
        .bind(crossing.cause())
        .bind(&reason)
        .bind(temporary)
        .bind(temporary.then(|| next_midnight(now)))
        .bind(now)
        .bind(&system.name)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Restriction::from).map(|restriction| {
            Happened {
            history: entry(&restriction, Event::Restricted, Some(&system.name)),
            audit: NewAuditEntry::new(&system, Audited::Listed, now).to(&restriction.address).after(
                json!({ "id": restriction.id, "reason": reason, "policy": verdict.policy.name }),
            ),
            alert: NewAlert::restricted(&restriction),
            restriction,
        }
        }))
    }

    /// A spam rule crossed during a day block makes it last.
    async fn make_lasting(
        &mut self,
        id: Uuid,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Happened>> {
        let row: Option<RestrictionRow> = on!(self, |tx| sqlx::query_as(concat!(
            "UPDATE restrictions
                SET temporary = FALSE,
                    ends_at = NULL,
                    cause = $2,
                    reason = $3,
                    changed_at = $4,
                    unblock_requested_by = NULL,
                    unblock_requested_at = NULL,
                    takes_effect_at = NULL,
                    unblock_comment = NULL
              WHERE id = $1 AND released_at IS NULL AND temporary
             RETURNING ",
            columns!(restrictions)
        ))
        .bind(id)
        .bind(Crossing::Spam.cause())
        .bind(reason)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await)?;
        Ok(row.map(Restriction::from).map(|restriction| {
            let detail = "A spam rule was crossed: it no longer ends by itself.";
            happened(restriction, Event::Changed, Audited::RestrictionChanged, detail, now)
        }))
    }

    async fn cancel_for_spam(
        &mut self,
        active: &Restriction,
        now: DateTime<Utc>,
    ) -> Result<Option<Happened>> {
        let restriction = self.set_no_unblock(active.id, now).await?;
        Ok(restriction.map(|restriction| {
            let detail = "New spam was sent while the unblock was pending.";
            let cancelled = (Event::UnblockCancelled, Audited::UnblockCancelled);
            let alert = NewAlert::unblock_cancelled(&restriction);
            let cancelled = happened(restriction, cancelled.0, cancelled.1, detail, now);
            Happened { alert, ..cancelled }
        }))
    }

    async fn tell(
        &mut self,
        happened: Vec<Happened>,
        mut alerts: Vec<NewAlert>,
        now: DateTime<Utc>,
    ) -> Result<Followed> {
        if happened.is_empty() && alerts.is_empty() {
            return Ok(Followed::default());
        }
        let (mut restrictions, mut history, mut audit) = (Vec::new(), Vec::new(), Vec::new());
        for one in happened {
            restrictions.push(one.restriction);
            history.push(one.history);
            audit.push(one.audit);
            alerts.push(one.alert);
        }
        let alerted = self.raise(alerts, now).await?;
        let raised = !alerted.is_empty();
        audit.extend(alerted);
        let first = self.record(&history, audit).await?;
        Ok(Followed { committed: committed(first, history, restrictions), raised })
    }
}

fn happened(
    restriction: Restriction,
    event: Event,
    action: Audited,
    detail: &str,
    now: DateTime<Utc>,
) -> Happened {
    let system = Actor::system();
    let mut history = entry(&restriction, event, Some(&system.name));
    history.entry.detail = Some(detail.into());
    let after = json!({ "id": restriction.id, "reason": restriction.reason, "detail": detail });
    let audit = NewAuditEntry::new(&system, action, now).to(&restriction.address).after(after);
    Happened { alert: NewAlert::restricted(&restriction), restriction, history, audit }
}

impl Verdict<'_> {
    /// Whether anything may follow: most senders have crossed nothing.
    fn concerns_anybody(&self, touched: &[Touched]) -> bool {
        let spam =
            || touched.iter().any(|it| it.filtered_as_spam && it.after.sender == self.sender);
        let Judgement { crossing, warning, near } = self.judgement;
        crossing.is_some() || warning || near.is_some() || spam()
    }

    /// The reason as Exchange would write it.
    pub(super) fn reason(&self, crossing: Crossing, messages: &Messages<'_>) -> String {
        match crossing {
            Crossing::Spam => reason::outbound_spam(&self.sending, messages.last_spam_id()),
            Crossing::Limit(kind) => {
                let last = messages.last;
                reason::sending_limit(&self.sending, kind, last.id, last.recipients.count())
            }
        }
    }
}

/// A sender's messages of the batch.
pub(super) struct Messages<'a> {
    last: &'a Message,
    last_spam: Option<&'a Message>,
    filtered: Vec<&'a Message>,
}

impl<'a> Messages<'a> {
    fn of(sender: &Address, touched: &'a [Touched]) -> Self {
        let of_sender = || touched.iter().filter(|touched| touched.after.sender == *sender);
        let newest = |only_spam: bool| {
            of_sender()
                .map(|touched| &touched.after)
                .filter(|message| message.is_spam() || !only_spam)
                .max_by_key(|message| message.id)
        };
        let filtered = of_sender().filter(|touched| touched.filtered_as_spam);
        Self {
            last: newest(false).expect("only senders of touched messages are judged"),
            last_spam: newest(true),
            filtered: filtered.map(|touched| &touched.after).collect(),
        }
    }

    /// The message that a reason names: a clean one can be the twentieth that makes a share count.
    fn last_spam_id(&self) -> Uuid {
        self.last_spam.unwrap_or(self.last).id
    }

    /// Whether one of them cancels the unblock that is pending: it was sent after somebody asked, by a
    /// clock that may have been ahead.
    fn cancel(&self, active: &Restriction, now: DateTime<Utc>) -> bool {
        let asked = active.unblock.as_ref().map(|unblock| unblock.requested_at.min(now));
        asked.is_some_and(|asked| self.filtered.iter().any(|message| message.at >= asked))
    }
}
