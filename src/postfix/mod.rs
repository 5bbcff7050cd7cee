//! The policy port: Postfix asks about every recipient and is answered from memory.

mod answer;
mod metrics;
pub mod protocol;
#[cfg(test)]
mod tests;
mod transactions;

pub use answer::RestrictedAnswer;
pub use metrics::Metrics;

use crate::decision::Decider;
use crate::mail_port::Protocol;
use crate::meter::Meter;
use protocol::{Request, Scanner};
use std::borrow::Cow;
use std::sync::Arc;
use transactions::Transactions;

/// The part that answers mail servers.
#[derive(Debug)]
pub struct PolicyPort {
    decider: Decider,
    restricted_answer: RestrictedAnswer,
    meter: Arc<Meter>,
    transactions: Transactions,
    metrics: Metrics,
}

impl PolicyPort {
    /// Answers what `decider` decides, and has `meter` count what was accepted.
    pub fn new(
        decider: Decider,
        restricted_answer: RestrictedAnswer,
        meter: Arc<Meter>,
        metrics: Metrics,
    ) -> Self {
        Self { decider, restricted_answer, meter, transactions: Transactions::default(), metrics }
    }
}

impl Protocol for PolicyPort {
    const PORT: &'static str = "policy";
    type Scanner = Scanner;

    async fn answer(&self, request: &[u8]) -> Cow<'static, [u8]> {
        self.answer_to(&Request::read(request)).await.into()
    }
}
