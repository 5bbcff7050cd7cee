//! Outbound messages, the policies that judge their senders, and which lines a sender has crossed.

mod change;
mod judge;
mod message;
mod policy;

pub use change::{MOST_POLICIES, PolicyChange, PolicyRefused};
pub use judge::{Crossing, Judgement, Sending, judge};
pub use message::{MOST_RECIPIENTS_KEPT, Message, Recipients, Report, Source, Symbol, Verdict};
pub use policy::{
    Action, DEFAULT_POLICY, LimitKind, OutboundSpamPolicy, PolicyProblem, first_match,
};
