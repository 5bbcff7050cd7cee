//! The JSON API, one file per subject.

mod audit;
mod audit_file;
mod decision;
mod restricted_users;
mod unblocks;

pub(crate) use audit::audit;
pub(crate) use decision::decision;
pub(crate) use restricted_users::{NewRestriction, history, list, restrict, user};
pub(crate) use unblocks::{cancel_unblock, comment, request_unblock, request_unblocks};
