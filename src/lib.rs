//! Restricted Users finds the mail account that has turned into a spam source, stops its mail to
//! the outside, and gives admins a guided way to let the user back in.

pub mod address;
pub mod blocklist;
pub mod clock;
pub mod decision;
pub mod operator;
pub mod organization;
pub mod postfix;
pub mod refusals;
