//! Requests at the policy port.

use super::mail_server::answers;
use super::organization;
use restricted_users::blocklist::Blocklist;
use restricted_users::decision::{Decider, Scope};
use restricted_users::meter::Meter;
use restricted_users::model::clock::Clock;
use restricted_users::postfix::protocol::{BAD_OUTBOUND_SENDER, BOUNCE, DUNNO};
use restricted_users::postfix::{Metrics, PolicyPort, RestrictedAnswer};
use std::sync::Arc;
use uuid::Uuid;

pub fn run(octets: &[u8]) {
    asked(octets, RestrictedAnswer::Reject, BAD_OUTBOUND_SENDER);
    asked(octets, RestrictedAnswer::Bounce, BOUNCE);
}

fn asked(octets: &[u8], setting: RestrictedAnswer, refusal: &[u8]) {
    let answers = answers(|| port(setting), octets);
    let (mut rest, mut count) = (&answers[..], 0);
    while !rest.is_empty() {
        let answer = [DUNNO, refusal].into_iter().find(|one| rest.starts_with(one));
        rest = &rest[answer.expect("it is one of the two").len()..];
        count += 1;
    }
    let empty_lines = octets.windows(2).filter(|pair| pair == b"\n\n").count();
    assert!(count <= empty_lines, "{count} answers");
}

/// Where alice is restricted, and nobody waits for a database.
fn port(restricted_answer: RestrictedAnswer) -> PolicyPort {
    let restricted = [("alice@example.org".into(), Uuid::from_u128(7))];
    let decider = Decider {
        blocklist: Arc::new(Blocklist::load(restricted, None)),
        organization: Arc::new(organization()),
        scope: Scope::Outside,
        refusals: Arc::default(),
        clock: Clock::default(),
        asked: Arc::default(),
        opaque_logins: Arc::default(),
    };
    let meter = Arc::<Meter>::default();
    meter.begin_away();
    PolicyPort::new(decider, restricted_answer, meter, Metrics::noop())
}
