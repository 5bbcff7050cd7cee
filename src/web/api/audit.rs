//! `GET /api/v1/audit`: who did what to whom.

use super::audit_file::{Format, file};
use super::messages::known_year;
use super::restricted_users::json;
use crate::model::history::AuditEntry;
use crate::store::{AuditPosition, AuditQuery, AuditRecord};
use crate::web::Shared;
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Who did it: an operator's address or a token's name.
    actor: Option<String>,
    /// To whom, whole, in any case.
    address: Option<String>,
    /// What was done, such as `Delisted`.
    action: Option<String>,
    /// From when on.
    since: Option<DateTime<Utc>>,
    /// Until when, exclusive.
    until: Option<DateTime<Utc>>,
    /// The most entries of the answer; 50 where it is missing. A file has all of them.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next_cursor` of the answer before, to the same query.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// What the audit log keeps of one deed.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) entry: AuditEntry,
    /// SHA-256 in hex over the hash before it and the record's exact bytes.
    pub(crate) hash: String,
}

impl From<AuditRecord> for Shown {
    fn from(AuditRecord { record, hash, .. }: AuditRecord) -> Self {
        let entry = serde_json::from_str(&record);
        Self { entry: entry.expect("records are written from the same type"), hash }
    }
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditLog)]
struct Log {
    /// Those of this page.
    items: Vec<Shown>,
    /// Sent back as `cursor` it leads to the next page; null on the last.
    next_cursor: Option<String>,
}

/// Read the audit log
///
/// Who did what to whom, newest first; with `Accept: text/csv` or `application/jsonl` all of it as a
/// file.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    operation_id = "readAuditLog",
    tag = "Audit log",
    params(Parameters),
    responses((status = 200, description = "A page of it, or the file.", content(
        (Log = "application/json"),
        (String = "text/csv"),
        (String = "application/jsonl"),
    ))),
)]
pub(crate) async fn audit(
    State(app): State<Shared>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let asked = parameters.asked();
    let mut query = parameters.query()?;
    if let Some(format) = Format::accepted(&headers) {
        return file(app, query, format).await;
    }
    let limit = query.limit;
    query.limit += 1;
    let mut records = app.store.audit(&query).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let last = records.last().filter(|_| more).map(AuditPosition::from);
    let next_cursor = last.map(|position| Cursor::write(&position, &asked));
    Ok(json(&Log { items: records.into_iter().map(Into::into).collect(), next_cursor }))
}

impl Parameters {
    /// What a cursor holds for.
    fn asked(&self) -> impl Serialize + use<> {
        let texts = [&self.actor, &self.address, &self.action].map(Clone::clone);
        (texts, self.since, self.until)
    }

    fn query(self) -> Result<AuditQuery, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if !PAGE.contains(&limit) {
            let detail = format!("it is {limit}, but it takes 1 to 200");
            return Err(Problem::invalid("limit", detail));
        }
        let asked = self.asked();
        let after = self.cursor.as_ref().map(|cursor| Cursor::read(cursor, &asked)).transpose()?;
        Ok(AuditQuery {
            actor: self.actor,
            address: self.address.map(|address| address.to_lowercase()),
            by_beginning: false,
            action: self.action,
            since: self.since.map(|at| known_year("since", at)).transpose()?,
            until: self.until.map(|at| known_year("until", at)).transpose()?,
            after,
            limit,
        })
    }
}
