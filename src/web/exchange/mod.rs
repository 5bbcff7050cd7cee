//! Exchange's own shape: cmdlets called over HTTP as scripts call Exchange Online, so that a script
//! needs another address and another token and nothing else.

mod answer;
mod batch;
mod cmdlets;
mod options;
mod paging;
mod parameters;
mod preferences;
mod refusal;
mod request;

pub(crate) use refusal::in_exchanges_shape;

use super::Shared;
use super::access::{Caller, Doors};
use super::extract::Json;
use super::routes::Routes;
use crate::operator::Permission::Look;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use batch::Batch;
use preferences::Preferences;
use refusal::Refusal;
use request::{Body, Request, Service};

/// Who may look comes in; what a cmdlet changes takes more, and it asks for that itself.
pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .post("/adminapi/beta/{tenant}/InvokeCommand", Look, invoke)
        .get("/adminapi/beta/{tenant}/InvokeCommand", Look, next_page)
        .post("/adminapi/beta/{tenant}/$batch", Look, run_batch)
        .post("/adminapi/v1.0/{tenant}/InvokeCommand", Look, invoke)
        .get("/adminapi/v1.0/{tenant}/InvokeCommand", Look, next_page)
        .post("/adminapi/v1.0/{tenant}/$batch", Look, run_batch)
}

async fn invoke(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Result<Response, Refusal> {
    let service = Service::at(&app, &caller, uri.path());
    let preferences = Preferences::of(&headers)?;
    let request = Request::post(uri.query(), preferences, body)?;
    Ok(request.answer(&service).await?.into_response(&preferences))
}

async fn next_page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let service = Service::at(&app, &caller, uri.path());
    let preferences = Preferences::of(&headers)?;
    let request = Request::get(uri.query(), preferences)?;
    Ok(request.answer(&service).await?.into_response(&preferences))
}

async fn run_batch(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    Json(batch): Json<Batch>,
) -> Result<Response, Refusal> {
    let service = Service::at(&app, &caller, uri.path());
    let preferences = Preferences::of(&headers)?;
    Ok(batch.answer(&service, &preferences).await?.into_response())
}
