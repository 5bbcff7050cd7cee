//! What happened in the sample organisation before somebody looks.

use super::{OPERATOR, SENDERS, SPAMMER};
use crate::config::Config;
use crate::model::address::Address;
use crate::model::operator::{Actor, ActorKind, RoleGroup};
use crate::model::restriction::{UnblockRequest, UnblockRules};
use crate::model::{Recipients, Report, Source, Verdict};
use crate::one_time_link::OneTimeLink;
use crate::store::{Asker, KnownPolicies, Store};
use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};

/// Something that happened so many minutes ago.
enum Past {
    /// A sender sent so many spam messages.
    Spam(&'static str, usize),
    /// A sender sent a message to so many outside.
    Newsletter(&'static str, i64),
    Restricted(&'static str, &'static str),
    /// The operator unblocked a sender, and it took effect.
    Unblocked(&'static str, &'static str),
    /// The operator asked for it, and it is pending.
    Unblocking(&'static str, &'static str),
}

const DAY: i64 = 24 * 60;

/// Oldest first. Nobody in here is the spammer: that account is taken over while somebody looks.
const PAST: [(i64, Past); 11] = [
    (19 * DAY, Past::Spam("grace.tan@example.org", 5)),
    (19 * DAY - 90, Past::Unblocked("grace.tan@example.org", "Password changed, codes turned on")),
    (9 * DAY, Past::Newsletter("newsletter@example.org", 640)),
    (9 * DAY - 45, Past::Unblocked("newsletter@example.org", "The spring letter, announced")),
    (6 * DAY, Past::Restricted("finn.berg@example.org", "Laptop stolen; until it is wiped")),
    (5 * DAY, Past::Unblocked("finn.berg@example.org", "Wiped")),
    (2 * DAY, Past::Spam("hugo.silva@example.org", 6)),
    (5 * 60, Past::Newsletter("support@example.org", 512)),
    (3 * 60, Past::Restricted("former.intern@example.org", "Left the company in October")),
    (50, Past::Spam("jonas.weber@example.org", 5)),
    (5, Past::Unblocking("jonas.weber@example.org", "Called him, password changed")),
];

/// Writes what happened until `now`.
pub async fn write_history(config: &Config, now: DateTime<Utc>) -> anyhow::Result<()> {
    let propagation_delay = TimeDelta::minutes(30);
    let rules = UnblockRules { propagation_delay, ..config.unblock };
    let history = History { store: open(config).await?, rules };
    for (ago, past) in &PAST {
        history.write(past, now - TimeDelta::minutes(*ago)).await?;
    }
    for hours in (1..24).rev() {
        history.everyday_mail(now - TimeDelta::hours(hours)).await?;
    }
    history.store.close().await;
    Ok(())
}

/// Adds who signs in, with the link to do so.
pub async fn add_operator(
    config: &Config,
    link: &OneTimeLink,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let (store, role) = (open(config).await?, RoleGroup::OrganizationManagement);
    let operator = Address::stored(OPERATOR);
    store.add_operator(&operator, role, link.stored(), &Actor::command_line(), now).await?;
    store.close().await;
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    Store::open(&config.database_url).await.context("cannot make the demo's database")
}

fn operator() -> Actor {
    let kind = ActorKind::Operator;
    Actor { name: OPERATOR.into(), kind, client_address: None, session: None }
}

struct History {
    store: Store,
    /// How unblocks behaved before the demo.
    rules: UnblockRules,
}

impl History {
    async fn write(&self, past: &Past, at: DateTime<Utc>) -> anyhow::Result<()> {
        match *past {
            Past::Spam(sender, messages) => {
                let spam = (0..messages).map(|_| report(sender, at, 1, Some(Verdict::Spam)));
                self.count(spam.collect(), at).await
            }
            Past::Newsletter(sender, outside) => {
                self.count(vec![report(sender, at, outside, Some(Verdict::Clean))], at).await
            }
            Past::Restricted(sender, reason) => {
                let sender = Address::stored(sender);
                self.store.restrict(&sender, reason, &operator(), at).await?;
                Ok(())
            }
            Past::Unblocked(sender, comment) => {
                self.unblock(sender, comment, at).await?;
                let released_at = at + self.rules.propagation_delay;
                self.store.release(self.store.due(released_at).await?, released_at).await?;
                Ok(())
            }
            Past::Unblocking(sender, comment) => self.unblock(sender, comment, at).await,
        }
    }

    async fn unblock(&self, sender: &str, comment: &str, at: DateTime<Utc>) -> anyhow::Result<()> {
        let restrictions = self.store.restrictions_of(&Address::stored(sender)).await?;
        let id = restrictions.first().context("the sample's past is in order")?.id;
        let request = UnblockRequest { comment: Some(comment.into()), done: None };
        let actor = operator();
        let asker = Asker { actor: &actor, role: RoleGroup::OrganizationManagement };
        self.store.request_unblock(id, &request, asker, self.rules, at).await?;
        Ok(())
    }

    /// A message of everybody, the spammer-to-be included.
    async fn everyday_mail(&self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let senders = SENDERS.iter().chain([&SPAMMER]);
        let mail = senders.map(|sender| report(sender, at, 1, Some(Verdict::Clean)));
        self.count(mail.collect(), at).await
    }

    async fn count(&self, reports: Vec<Report>, at: DateTime<Utc>) -> anyhow::Result<()> {
        let mut policies = KnownPolicies::default();
        let begun = self.store.begin_counting().await?;
        let counted = self.store.count_reports(begun, &reports, false, &mut policies, at).await?;
        counted.written.durable().await?;
        Ok(())
    }
}

fn report(sender: &str, at: DateTime<Utc>, outside: i64, verdict: Option<Verdict>) -> Report {
    let mut report = Report::new(Source::Api, Address::stored(sender), at);
    let named = vec!["bob@remote.example".to_owned()];
    report.recipients = Recipients { named, inside: 0, outside, unplaced: 0 };
    report.subject =
        Some(if verdict == Some(Verdict::Spam) { "You have won" } else { "Minutes" }.into());
    report.verdict = verdict;
    report
}
