//! What a request is answered.

use super::PolicyPort;
use super::protocol::{BAD_OUTBOUND_SENDER, BOUNCE, DUNNO, Request};
use crate::decision::Decision;
use crate::model::{Report, Source};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a restricted user's mail is answered: the setting `restricted_answer`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum RestrictedAnswer {
    /// Each recipient in scope is refused.
    #[default]
    Reject,
    /// The message is accepted, and a report of its failure comes back for all its recipients.
    Bounce,
}

/// The most recipients that one message is believed to have; Postfix takes 1,000 by default.
const MOST_RECIPIENTS: i64 = 1_000_000;
/// Octets of a queue id; the long ones of Postfix have fewer than 20.
const LONGEST_QUEUE_ID: usize = 64;

impl PolicyPort {
    /// Only a signed-in sender's recipient is decided about, and only its message counted.
    pub(super) async fn answer_to(&self, request: &Request<'_>) -> &'static [u8] {
        if request.sasl_username.is_empty() {
            return self.allow();
        }
        match request.protocol_state {
            b"RCPT" => self.recipient(request),
            b"END-OF-MESSAGE" => {
                self.end_of_message(request).await;
                self.allow()
            }
            _ => self.allow(),
        }
    }

    fn allow(&self) -> &'static [u8] {
        self.metrics.allowed.increment(1);
        DUNNO
    }

    /// Octets that are no UTF-8 are in no recipient's domain that could be ours.
    fn recipient(&self, request: &Request<'_>) -> &'static [u8] {
        let (sender, recipient) = (text(request.sasl_username), text(request.recipient));
        match (self.decider.decide(&sender, &recipient), self.restricted_answer) {
            (Decision::Allow, _) => {
                let inside = self.decider.organization.is_inside(&recipient);
                self.transactions.gather(request.instance, &recipient, inside);
                self.allow()
            }
            (Decision::Reject, RestrictedAnswer::Bounce)
                if !self.transactions.bounces(request.instance) =>
            {
                self.allow()
            }
            (Decision::Reject, answer) => {
                self.metrics.rejected.increment(1);
                if answer == RestrictedAnswer::Reject { BAD_OUTBOUND_SENDER } else { BOUNCE }
            }
        }
    }

    /// Counts the accepted message. One that comes back was sent to nobody.
    async fn end_of_message(&self, request: &Request<'_>) {
        let transaction = self.transactions.end(request.instance);
        if transaction.bounces {
            return;
        }
        let sender = self.decider.sender(&text(request.sasl_username));
        let gathered = transaction.recipients.count();
        let told = text(request.recipient_count).parse().ok().filter(|count| *count > 0);
        let count = told.unwrap_or(gathered).clamp(1, MOST_RECIPIENTS);
        let mut report = Report::new(Source::EndOfMessage, sender, self.decider.clock.now());
        report.recipients = transaction.accepted(count);
        report.queue_id = queue_id(request.queue_id);
        report.client_address = text(request.client_address)
            .parse::<IpAddr>()
            .ok()
            .map(|address| address.to_canonical().to_string());
        self.meter.count(report).await;
    }
}

fn text(octets: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(octets)
}

fn queue_id(octets: &[u8]) -> Option<String> {
    let is_one = (1..=LONGEST_QUEUE_ID).contains(&octets.len())
        && octets.iter().all(u8::is_ascii_alphanumeric);
    is_one.then(|| text(octets).into_owned())
}
