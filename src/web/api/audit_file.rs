//! The audit log as one file: CSV for spreadsheets, JSON Lines for scripts.

use super::audit::Shown;
use crate::model::history::AuditEntry;
use crate::spreadsheet::defused;
use crate::store::{AuditPosition, AuditQuery};
use crate::web::Shared;
use crate::web::error::Problem;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::io;

/// Records read at once: the file is as long as the log, and memory is not.
const PAGE: usize = 1_000;

const COLUMNS: [&str; 11] = [
    "number",
    "at",
    "actor",
    "actor_kind",
    "client_address",
    "session",
    "action",
    "address",
    "before",
    "after",
    "hash",
];

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
}

impl Format {
    /// The format that a script asks for in `Accept`, if any.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
        let kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.into_iter().find_map(|kind| match kind {
            "text/csv" => Some(Self::Csv),
            "application/jsonl" => Some(Self::JsonLines),
            _ => None,
        })
    }

    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("text/csv; charset=utf-8", "audit-log.csv"),
            Self::JsonLines => ("application/jsonl", "audit-log.jsonl"),
        }
    }
}

/// Every record that the query asks for, newest first. The first page is read before the answer
/// begins, so that a database that is away is told as a problem.
pub(crate) async fn file(
    app: Shared,
    query: AuditQuery,
    format: Format,
) -> Result<Response, Problem> {
    let query = AuditQuery { limit: PAGE, ..query };
    let (first, rest) = page(&app, query, format, true).await?;
    let rest = stream::try_unfold((app, rest), move |(app, rest)| async move {
        let Some(query) = rest else { return Ok(None) };
        let (text, rest) = page(&app, query, format, false).await.map_err(cut)?;
        Ok::<_, io::Error>(Some((text, (app, rest))))
    });
    let body = stream::StreamExt::chain(stream::iter([Ok(first)]), rest);
    let (kind, name) = format.kind();
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers =
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The connection is cut, so that nobody takes half a file for a whole one.
fn cut(problem: Problem) -> io::Error {
    // Logs why, as every answered failure does.
    drop(problem.into_response());
    io::Error::other("the database failed on the way")
}

/// The next page as text, and what asks for the one behind it.
async fn page(
    app: &Shared,
    query: AuditQuery,
    format: Format,
    is_first: bool,
) -> Result<(Vec<u8>, Option<AuditQuery>), Problem> {
    let records = app.store.audit(&query).await?;
    let last = records.last().filter(|_| records.len() == query.limit).map(AuditPosition::from);
    let rest = last.map(|last| AuditQuery { after: Some(last), ..query });
    let shown: Vec<Shown> = records.into_iter().map(Into::into).collect();
    let text = match format {
        Format::Csv => csv(&shown, is_first),
        Format::JsonLines => json_lines(&shown),
    };
    Ok((text, rest))
}

fn json_lines(records: &[Shown]) -> Vec<u8> {
    let mut text = Vec::new();
    for record in records {
        serde_json::to_writer(&mut text, record).expect("records are text and numbers");
        text.push(b'\n');
    }
    text
}

fn csv(records: &[Shown], with_header: bool) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    let header = with_header.then(|| COLUMNS.map(ToOwned::to_owned));
    for row in header.into_iter().chain(records.iter().map(row)) {
        let cells = row.each_ref().map(|text| defused(text));
        csv.write_record(cells.iter().map(|cell| cell.as_bytes()))
            .expect("a vector takes everything");
    }
    csv.into_inner().expect("a vector takes everything")
}

fn row(Shown { entry, hash }: &Shown) -> [String; 11] {
    let AuditEntry { number, at, actor, actor_kind, client_address, action, .. } = entry;
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    [
        number.to_string(),
        at.to_rfc3339(),
        actor.clone(),
        word(actor_kind),
        client_address.map(|address| address.to_string()).unwrap_or_default(),
        entry.session.map(|session| session.to_string()).unwrap_or_default(),
        word(action),
        entry.address.clone().unwrap_or_default(),
        json(&entry.before).unwrap_or_default(),
        json(&entry.after).unwrap_or_default(),
        hash.clone(),
    ]
}

/// A name as the API writes it.
fn word(name: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(name).expect("names are text");
    name.as_str().unwrap_or_default().to_owned()
}
