//! The names of operators whom an identity provider vouches for. No two people have one name, so that
//! history and audit log say who it was.

use super::oidc_subjects::{Vouched, audit};
use super::{Result, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::Actor;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::net::IpAddr;
use uuid::Uuid;

impl Tx {
    /// The address where it names nobody else, living or removed; else, and where there is none, a
    /// name that nobody else can have. So the audit log never has two people of one name.
    pub(super) async fn name_of(&mut self, vouched: Vouched<'_>) -> Result<String> {
        let address = vouched.address.map(Address::as_str).unwrap_or_default();
        let full_name = full_name(address, vouched.subject, vouched.issuer);
        if address.is_empty() {
            return Ok(full_name);
        }
        let taken: bool = on!(self, |tx| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM oidc_subjects
                             WHERE name = $1 AND NOT (issuer = $2 AND subject = $3))
                 OR EXISTS (SELECT 1 FROM operators
                             WHERE address = $1
                               AND NOT EXISTS (SELECT 1 FROM oidc_subjects
                                                WHERE operator_id = operators.id
                                                  AND issuer = $2 AND subject = $3))"
        )
        .bind(address)
        .bind(vouched.issuer)
        .bind(vouched.subject)
        .fetch_one(&mut **tx)
        .await)?;
        Ok(if taken { full_name } else { address.into() })
    }

    pub(super) async fn rename(
        &mut self,
        id: Uuid,
        (before, name): (&str, &str),
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Vec<NewAuditEntry>> {
        if before == name {
            return Ok(Vec::new());
        }
        self.set_name(id, name).await?;
        let audit = audit(Action::OperatorRenamed, name, from, now);
        Ok(vec![renamed(audit, before, name)])
    }

    pub(super) async fn set_name(&mut self, id: Uuid, name: &str) -> Result<()> {
        on!(self, |tx| sqlx::query("UPDATE operators SET address = $2 WHERE id = $1")
            .bind(id)
            .bind(name)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        on!(self, |tx| sqlx::query("UPDATE oidc_subjects SET name = $2 WHERE operator_id = $1")
            .bind(id)
            .bind(name)
            .execute(&mut **tx)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Takes an address back from the one whom a provider vouches for: a local operator always gets
    /// its own, whatever a provider lets people call themselves.
    pub(super) async fn free_address(
        &mut self,
        address: &Address,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<NewAuditEntry>> {
        self.one_subject_at_a_time().await?;
        let holder: Option<(Uuid, String, String)> = on!(self, |tx| sqlx::query_as(
            "SELECT operator_id, issuer, subject
               FROM oidc_subjects
              WHERE name = $1 AND operator_id IS NOT NULL"
        )
        .bind(address.as_str())
        .fetch_optional(&mut **tx)
        .await)?;
        let Some((id, issuer, subject)) = holder else { return Ok(None) };
        let name = full_name(address.as_str(), &subject, &issuer);
        self.set_name(id, &name).await?;
        let audit = NewAuditEntry::new(actor, Action::OperatorRenamed, now).to(&name);
        Ok(Some(renamed(audit, address.as_str(), &name)))
    }
}

fn renamed(audit: NewAuditEntry, before: &str, name: &str) -> NewAuditEntry {
    audit.before(json!({ "address": before })).after(json!({ "address": name }))
}

/// The name of last resort; no address ends like this, so that nobody can claim it.
pub(super) fn full_name(address: &str, subject: &str, issuer: &str) -> String {
    let name = format!("{address} ({subject} at {issuer})");
    name.trim_start().to_owned()
}
