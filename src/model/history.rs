//! What happened, as history and audit log tell it.

use crate::model::operator::{Actor, ActorKind};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that happened to a restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
#[schema(as = EventType)]
pub enum Event {
    /// It began.
    Restricted,
    /// An unblock was asked for.
    UnblockRequested,
    /// The pending unblock was cancelled.
    UnblockCancelled,
    /// It ended.
    Released,
    /// Its cause or its end changed.
    Changed,
}

/// One line of a restriction's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct HistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
    /// Who did it; nobody for what was imported.
    pub actor: Option<String>,
    /// What the actor wrote about it.
    pub comment: Option<String>,
    /// What else is to know.
    pub detail: Option<String>,
}

/// A line of history that is about to be written.
#[derive(Debug, Clone)]
pub struct NewHistoryEntry {
    pub restriction_id: Uuid,
    pub entry: HistoryEntry,
}

/// What an audit record says was done. The names are fixed: scripts filter by them. `Listed` and
/// `Delisted` are Exchange's own.
// `ValueEnum` lists them all, for whoever filters by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, ToSchema)]
#[schema(as = AuditAction)]
pub enum Action {
    /// A sender was restricted.
    Listed,
    /// A restriction ended.
    Delisted,
    /// An unblock was asked for.
    UnblockRequested,
    /// A pending unblock was cancelled.
    UnblockCancelled,
    /// A day block became lasting.
    RestrictionChanged,
    /// An import of restrictions began; killed before its end, it leaves no other record.
    ImportBegan,
    /// Restrictions were imported.
    RestrictionsImported,
    /// An operator was added.
    OperatorAdded,
    /// An operator got another role group.
    OperatorRoleChanged,
    /// An identity provider told another address of an operator.
    OperatorRenamed,
    /// An operator was removed.
    OperatorRemoved,
    /// A one-time link to set a new password was made.
    PasswordResetRequested,
    /// A password was set through a one-time link.
    PasswordSet,
    /// An operator signed in.
    SignedIn,
    /// Wrong passwords within a minute.
    SignInFailed,
    /// An operator signed out.
    SignedOut,
    /// An operator changed the own password.
    PasswordChanged,
    /// An operator added a second factor.
    SecondFactorAdded,
    /// An operator removed a second factor.
    SecondFactorRemoved,
    /// An operator got new recovery codes; the old ones are void.
    RecoveryCodesMade,
    /// A recovery code stood in for the second factor.
    RecoveryCodeUsed,
    /// Sessions of an operator were ended, by their owner from another one or by an admin.
    SessionRevoked,
    /// A token was created.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// An outbound spam policy was created.
    OutboundSpamPolicyCreated,
    /// An outbound spam policy was changed, or moved among the others.
    OutboundSpamPolicyChanged,
    /// An outbound spam policy was deleted.
    OutboundSpamPolicyDeleted,
    /// An alert was raised.
    AlertTriggered,
    /// Something happened again, somebody worked on its alert, or it was resolved by itself.
    AlertUpdated,
    /// An alert policy was changed.
    AlertPolicyChanged,
}

/// What the audit log keeps of one deed. The field order is the order of the hashed bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the log, from 1 without gaps.
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// From where.
    #[schema(value_type = Option<String>)]
    pub client_address: Option<IpAddr>,
    /// The id of the session it was done in; a token is known by its name.
    pub session: Option<Uuid>,
    /// What was done.
    pub action: Action,
    /// To whom, or to what.
    pub address: Option<String>,
    /// How it was before.
    pub before: Option<Value>,
    /// How it is after.
    pub after: Option<Value>,
}

/// A deed that is about to be written; its number is given under the store's lock.
#[derive(Debug, Clone)]
pub struct NewAuditEntry(AuditEntry);

impl NewAuditEntry {
    /// `actor` did `action` at `at`.
    pub fn new(actor: &Actor, action: Action, at: DateTime<Utc>) -> Self {
        Self(AuditEntry {
            number: 0,
            at,
            actor: actor.name.clone(),
            actor_kind: actor.kind,
            client_address: actor.client_address,
            session: actor.session,
            action,
            address: None,
            before: None,
            after: None,
        })
    }

    /// To whom.
    pub fn to(mut self, address: &(impl ToString + ?Sized)) -> Self {
        self.0.address = Some(address.to_string());
        self
    }

    /// How it was before.
    pub fn before(mut self, before: Value) -> Self {
        self.0.before = Some(before);
        self
    }

    /// How it is after.
    pub fn after(mut self, after: Value) -> Self {
        self.0.after = Some(after);
        self
    }

    /// The entry at its place in the log.
    pub fn numbered(mut self, number: i64) -> AuditEntry {
        self.0.number = number;
        self.0
    }
}

/// The hash of a record: SHA-256 in hex over the hash before it and the record's exact bytes, so
/// that no record can be changed or left out without changing every hash after it.
pub fn chained(hash_before: &str, record: &str) -> String {
    hex::encode(Sha256::new().chain_update(hash_before).chain_update(record).finalize())
}

/// What stands in for the hash before the first record.
pub const NO_HASH: &str = "";
