//! A restriction: the state "may not send outside the organisation".

use serde::{Deserialize, Serialize};

/// What led to a restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Cause {
    /// Too much of the user's mail was spam.
    OutboundSpam,
    /// The user wrote to more recipients than a limit allows.
    SendingLimit,
    /// An operator restricted the user.
    Manual,
    /// It came from an export whose reason does not tell.
    Imported,
}
