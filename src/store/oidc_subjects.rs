//! Operators whom an identity provider vouches for.

use super::oidc_names::full_name;
use super::{Backend, Result, Store, Tx, on};
use crate::model::address::Address;
use crate::model::history::{Action, NewAuditEntry};
use crate::model::operator::{Actor, ActorKind, RoleGroup};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::FromRow;
use std::net::IpAddr;
use uuid::Uuid;

/// Somebody whom an identity provider vouches for, as of a sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Vouched<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    pub address: Option<&'a Address>,
    pub role: RoleGroup,
}

/// Postgres' advisory lock under which subjects become operators and get their names; arbitrary.
const SUBJECTS_LOCK: i64 = 0x4f69_6463_5375_626a;

#[derive(FromRow)]
struct Known {
    name: String,
    operator_id: Option<Uuid>,
    role_group: Option<RoleGroup>,
}

impl Store {
    /// The operator whom a provider vouches for, with id and name: made at the first sign-in, with
    /// today's role group and name at each. Nothing where that operator was removed.
    pub async fn operator_vouched_for(
        &self,
        vouched: Vouched<'_>,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Uuid, String)>> {
        let mut tx = self.begin().await?;
        tx.one_subject_at_a_time().await?;
        let name = tx.name_of(vouched).await?;
        let (id, audit) = match tx.known_subject(vouched).await? {
            None => tx.add_vouched(vouched, &name, from, now).await?,
            Some(Known { operator_id: None, .. }) => return Ok(None),
            Some(Known { name: before, operator_id: Some(id), role_group }) => {
                let mut audit = tx.rename(id, (&before, &name), from, now).await?;
                let roles = (role_group, vouched.role);
                audit.extend(tx.change_role(id, &name, roles, from, now).await?);
                (id, audit)
            }
        };
        tx.record(&[], audit).await?;
        tx.commit().await?;
        Ok(Some((id, name)))
    }

    /// Adds an operator again who was removed and had this name, so that the provider's word counts
    /// once more. The name that it gets, which somebody else may have by now; nothing where nobody
    /// of this name was removed.
    pub async fn add_again(
        &self,
        name: &Address,
        role: RoleGroup,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Option<Address>> {
        let mut tx = self.begin().await?;
        tx.one_subject_at_a_time().await?;
        let Some((issuer, subject)) = tx.removed_subject(name).await? else { return Ok(None) };
        let id = Uuid::now_v7();
        let mut name = name.clone();
        if !tx.insert_operator(id, &name, role, None, now).await? {
            name = Address::stored(&full_name(name.as_str(), &subject, &issuer));
            tx.insert_operator(id, &name, role, None, now).await?;
        }
        tx.tie(id, &issuer, &subject).await?;
        tx.set_name(id, name.as_str()).await?;
        let audit = NewAuditEntry::new(actor, Action::OperatorAdded, now)
            .to(&name)
            .after(json!({ "role_group": role, "issuer": issuer, "subject": subject }));
        tx.record(&[], vec![audit]).await?;
        tx.commit().await?;
        Ok(Some(name))
    }
}

impl Tx {
    /// Two first sign-ins of one subject would make two operators, two subjects of one address
    /// would both get its name. On SQLite whoever writes is alone already.
    pub(super) async fn one_subject_at_a_time(&mut self) -> Result<()> {
        if let Backend::Postgres(tx) = self {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(SUBJECTS_LOCK)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn known_subject(&mut self, vouched: Vouched<'_>) -> Result<Option<Known>> {
        Ok(on!(self, |tx| sqlx::query_as(
            "SELECT oidc_subjects.name, oidc_subjects.operator_id, operators.role_group
               FROM oidc_subjects LEFT JOIN operators ON operators.id = operator_id
              WHERE issuer = $1 AND subject = $2"
        )
        .bind(vouched.issuer)
        .bind(vouched.subject)
        .fetch_optional(&mut **tx)
        .await)?)
    }

    async fn add_vouched(
        &mut self,
        vouched: Vouched<'_>,
        name: &str,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(Uuid, Vec<NewAuditEntry>)> {
        let id = Uuid::now_v7();
        self.insert_operator(id, &Address::stored(name), vouched.role, None, now).await?;
        on!(self, |tx| sqlx::query(
            "INSERT INTO oidc_subjects (issuer, subject, name, operator_id) VALUES ($1, $2, $3, $4)"
        )
        .bind(vouched.issuer)
        .bind(vouched.subject)
        .bind(name)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        // The first operator's coming into being voids the link for one.
        on!(self, |tx| sqlx::query("DELETE FROM one_time_links WHERE operator_id IS NULL")
            .execute(&mut **tx)
            .await
            .map(drop))?;
        let audit = audit(Action::OperatorAdded, name, from, now).after(json!({
            "role_group": vouched.role,
            "issuer": vouched.issuer,
            "subject": vouched.subject,
        }));
        Ok((id, vec![audit]))
    }

    async fn removed_subject(&mut self, name: &Address) -> Result<Option<(String, String)>> {
        Ok(on!(self, |tx| sqlx::query_as(
            "SELECT issuer, subject FROM oidc_subjects WHERE name = $1 AND operator_id IS NULL"
        )
        .bind(name.as_str())
        .fetch_optional(&mut **tx)
        .await)?)
    }

    async fn tie(&mut self, id: Uuid, issuer: &str, subject: &str) -> Result<()> {
        on!(self, |tx| sqlx::query(
            "UPDATE oidc_subjects SET operator_id = $3 WHERE issuer = $1 AND subject = $2"
        )
        .bind(issuer)
        .bind(subject)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Whether an identity provider vouches for this operator.
    pub(super) async fn is_vouched_for(&mut self, id: Uuid) -> Result<bool> {
        Ok(on!(self, |tx| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM oidc_subjects WHERE operator_id = $1)"
        )
        .bind(id)
        .fetch_one(&mut **tx)
        .await)?)
    }

    /// Sessions of the role group before end.
    async fn change_role(
        &mut self,
        id: Uuid,
        name: &str,
        (before, role): (Option<RoleGroup>, RoleGroup),
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<NewAuditEntry>> {
        if before == Some(role) {
            return Ok(None);
        }
        self.set_role_group(id, role).await?;
        let audit = audit(Action::OperatorRoleChanged, name, from, now);
        let (before, after) = (json!({ "role_group": before }), json!({ "role_group": role }));
        Ok(Some(audit.before(before).after(after)))
    }
}

pub(super) fn audit(
    action: Action,
    name: &str,
    from: Option<IpAddr>,
    now: DateTime<Utc>,
) -> NewAuditEntry {
    let kind = ActorKind::Operator;
    let actor = Actor { name: name.into(), kind, client_address: from, session: None };
    NewAuditEntry::new(&actor, action, now).to(name)
}
