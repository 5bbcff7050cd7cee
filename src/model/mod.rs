//! The words of the product as types, without input and output.

pub mod address;
pub mod alert;
pub mod clock;
pub mod history;
mod judge;
mod message;
pub mod operator;
pub mod organization;
mod policy;
mod policy_change;
pub mod reason;
pub mod restriction;
pub(crate) mod text;

pub use judge::{Crossing, Judgement, Sending, judge};
pub use message::{MOST_RECIPIENTS_KEPT, Message, Recipients, Report, Source, Symbol, Verdict};
pub use policy::{
    Action, DEFAULT_POLICY, LimitKind, OutboundSpamPolicy, PolicyProblem, first_match,
};
pub use policy_change::{MOST_POLICIES, PolicyChange, PolicyRefused};
