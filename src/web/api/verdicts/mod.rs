//! `/api/v1/verdicts`: what others say of messages.

pub(crate) mod arf;
pub(crate) mod rspamd;
