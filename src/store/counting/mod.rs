//! Counting what senders send, and restricting who crosses a line, in one transaction.

mod chunks;
mod crossings;
mod known;
mod messages;
mod restricting;
mod sending;
mod standing;
mod sums;
mod writes;

use chunks::{chunks, filled, filled_with};

use super::{Backend, Result, Store, Tx, Written, on};
use crate::committed::Committed;
use crate::model::address::Address;
use crate::model::{Message, OutboundSpamPolicy, Report, Source, Verdict, first_match, judge};
use chrono::{DateTime, TimeDelta, Utc};
use known::Known;
pub(super) use messages::MessageRow;
pub use sending::Sum;
pub(super) use sending::minute;
use sending::{Addition, rows};
use sha2::{Digest, Sha256};
pub use standing::Standing;
use std::collections::BTreeMap;
use sums::{Sums, wanted};

/// For so long two reports with one queue id are about one message; mail servers use ids again.
const KNOWN_FOR: TimeDelta = TimeDelta::days(7);

/// The class of Postgres' advisory locks under which one sender is counted; arbitrary.
const SENDER_LOCKS: i32 = 0x5365;

/// What became of reports.
#[derive(Debug, Default)]
pub struct Counted {
    /// For each report in order, whether it told anything new.
    pub news: Vec<bool>,
    pub committed: Vec<Committed>,
    /// Whether admins are to be told of something.
    pub raised: bool,
    /// Whoever reported is answered once it is durable.
    pub written: Written,
}

/// The policies as they stood at a revision, so that they are not read for every message.
#[derive(Debug, Default)]
pub struct KnownPolicies {
    revision: Option<(i64, i64)>,
    policies: Vec<OutboundSpamPolicy>,
}

/// A transaction that is about to count.
#[derive(Debug)]
pub struct CountingTransaction(Tx);

impl Store {
    /// Begins a transaction that counts.
    pub async fn begin_counting(&self) -> Result<CountingTransaction> {
        self.counting.begin().await.map(CountingTransaction)
    }

    /// Counts what is reported: messages that are new, and what is new about others. Restricts who
    /// crosses a line. On Postgres each sender is counted by one process at a time, so that a limit
    /// holds over all of them. `again` says that it was tried before and may have gone well without
    /// anybody being told: then the reports' own ids are looked for, too.
    ///
    /// # Errors
    /// When the database fails; then nothing is counted.
    pub async fn count_reports(
        &self,
        CountingTransaction(mut tx): CountingTransaction,
        reports: &[Report],
        again: bool,
        policies: &mut KnownPolicies,
        now: DateTime<Utc>,
    ) -> Result<Counted> {
        tx.lock_senders(reports.iter().map(|report| &report.sender)).await?;
        let (known, released) = tx.messages_reported(reports, again, now - KNOWN_FOR).await?;
        let Joined { touched, news } = join(known, reports);
        let additions = Addition::of(&touched, &released, now);
        let verdicts = tx.judge(&touched, &additions, policies, now).await?;
        let followed = tx.act(verdicts, &touched, self.own_notices.as_ref(), now).await?;
        let written = tx.write().await?;
        Ok(Counted { news, committed: followed.committed, raised: followed.raised, written })
    }
}

/// A message that reports were about, as it was before them and is behind.
struct Touched {
    before: Option<Message>,
    after: Message,
    /// Whether a filter says that it is spam, as it is sent; a feedback report may come weeks later.
    filtered_as_spam: bool,
}

impl Touched {
    fn is_new_or_changed(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }

    fn delta(&self) -> Sum {
        let before = self.before.as_ref().map(Sum::of).unwrap_or_default();
        Sum::of(&self.after) - before
    }
}

struct Joined {
    touched: Vec<Touched>,
    news: Vec<bool>,
}

/// Each report joins the message that it is about, or begins one.
fn join(mut known: Known, reports: &[Report]) -> Joined {
    let mut touched: Vec<Touched> = Vec::new();
    let mut news = Vec::with_capacity(reports.len());
    for report in reports {
        let by_filter = report.source != Source::Feedback && report.verdict == Some(Verdict::Spam);
        let (index, new) = if let Some(index) = known.index_of(report, &mut touched) {
            (index, touched[index].after.join(report.clone()))
        } else {
            known.begins(report, touched.len());
            let after = report.clone();
            touched.push(Touched { before: None, after, filtered_as_spam: false });
            (touched.len() - 1, true)
        };
        touched[index].filtered_as_spam |= by_filter;
        news.push(new);
    }
    Joined { touched, news }
}

impl Tx {
    /// On SQLite whoever writes holds the only write lock already.
    async fn lock_senders(&mut self, senders: impl Iterator<Item = &Address>) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            let mut keys: Vec<i32> = senders.map(lock_key).collect();
            // In one order, so that two who lock several never wait for each other.
            keys.sort_unstable();
            keys.dedup();
            sqlx::query("SELECT pg_advisory_xact_lock($1, key) FROM UNNEST($2::int[]) AS key")
                .bind(SENDER_LOCKS)
                .bind(keys)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Writes and counts messages, and judges the senders whose counts have changed.
    async fn judge<'a>(
        &mut self,
        touched: &[Touched],
        additions: &BTreeMap<Address, Addition>,
        known: &'a mut KnownPolicies,
        now: DateTime<Utc>,
    ) -> Result<Vec<restricting::Verdict<'a>>> {
        let senders = wanted(additions, &known.policies, now);
        let messages = touched.iter().filter(|it| it.is_new_or_changed());
        let (messages, rows): (Vec<_>, _) = (messages.collect(), rows(additions));
        let mut judged = self.write_and_sum(&messages, &rows, &senders, now).await?;
        while judged.iter().any(|sums| known.revision != Some(sums.revision())) {
            self.refresh(known).await?;
            let senders = wanted(additions, &known.policies, now);
            judged = self.write_and_sum(&[], &[], &senders, now).await?;
        }
        let policies = &known.policies;
        let mut verdicts = Vec::new();
        for (sender, sending) in judged.into_iter().map(Sums::told) {
            let Some(policy) = first_match(policies, &sender) else { continue };
            let judgement = judge(&sending, policy);
            let since = additions[&sender].since;
            verdicts.push(restricting::Verdict { sender, sending, policy, judgement, since });
        }
        Ok(verdicts)
    }

    /// Reads the policies again.
    async fn refresh(&mut self, known: &mut KnownPolicies) -> Result<()> {
        // First the revision: who changes one in between is found out.
        known.revision = Some(self.policies_revision().await?);
        known.policies = self.outbound_spam_policies().await?;
        Ok(())
    }
}

/// Two senders with the same key wait for each other without need, and nothing else. Every release of
/// this program must make the same of a sender, or two that run side by side exclude nobody.
fn lock_key(sender: &Address) -> i32 {
    let [a, b, c, d, ..] = Sha256::digest(sender.as_str()).0;
    i32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_locks_a_sender_by_the_same_key() {
        assert_eq!(lock_key(&Address::stored("alice@example.org")), LOCK_OF_ALICE);
    }

    const LOCK_OF_ALICE: i32 = 2_053_418_482;
}
