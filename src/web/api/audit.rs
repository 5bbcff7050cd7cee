//! `GET /api/v1/audit`: who did what to whom.

use super::audit_file::{Format, file};
use super::restricted_users::json;
use crate::event::AuditEntry;
use crate::store::{AuditQuery, AuditRecord};
use crate::web::Shared;
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    actor: Option<String>,
    address: Option<String>,
    action: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A record as the API shows one.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) entry: AuditEntry,
    pub(crate) hash: String,
}

impl From<AuditRecord> for Shown {
    fn from(AuditRecord { record, hash, .. }: AuditRecord) -> Self {
        let entry = serde_json::from_str(&record);
        Self { entry: entry.expect("records are written from the same type"), hash }
    }
}

#[derive(Serialize)]
struct Log {
    items: Vec<Shown>,
    next_cursor: Option<String>,
}

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
    let last = records.last().filter(|_| more).map(|record| record.number);
    let next_cursor = last.map(|number| Cursor::write(&number, &asked));
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
        let before = self.cursor.as_ref().map(|cursor| Cursor::read(cursor, &asked)).transpose()?;
        Ok(AuditQuery {
            actor: self.actor,
            address: self.address.map(|address| address.to_lowercase()),
            by_beginning: false,
            action: self.action,
            since: self.since,
            until: self.until,
            before,
            limit,
        })
    }
}
