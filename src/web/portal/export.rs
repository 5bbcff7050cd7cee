//! The active restrictions as a file, in the shape that `import` reads.

use crate::blocked_senders::Format;
use crate::export::export;
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    #[serde(default)]
    format: FileFormat,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileFormat {
    #[default]
    Csv,
    Json,
}

pub(crate) async fn download(
    State(app): State<Shared>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let (format, kind, name) = match parameters.format {
        FileFormat::Csv => (Format::Csv, "text/csv; charset=utf-8", "restricted-users.csv"),
        FileFormat::Json => (Format::Json, "application/json", "restricted-users.json"),
    };
    let file = export(&app.store, format, Vec::new()).await?;
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers =
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from(file)).into_response())
}
