//! The page *Alerts*: what is new first, what somebody works on next, what is resolved last.

mod deliveries;
mod detail;
mod list;
mod row;
mod work;

pub(crate) use deliveries::{HowTold, fragment as deliveries};
pub(crate) use detail::alert;
pub(crate) use list::{page, rows};
pub(crate) use row::Row;
pub(crate) use work::work;
