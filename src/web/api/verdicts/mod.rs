//! `/api/v1/verdicts`: what others say of messages.

mod arf;
mod rspamd;

pub(crate) use arf::arf;
pub(crate) use rspamd::rspamd;
