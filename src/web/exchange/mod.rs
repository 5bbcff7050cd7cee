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

pub(crate) use refusal::{Body as Failure, Refusal, in_exchanges_shape, is_at};

use super::Shared;
use super::access::{Caller, Doors};
use super::error::Problem;
use super::extract::Json;
use super::routes::{Described, Routes};
use crate::model::operator::Permission::Look;
use answer::Answer;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use batch::Answers;
use batch::Batch;
use options::Options;
use preferences::PreferenceHeaders;
use preferences::Preferences;
use request::{Body, Request, Service};
use utoipa::IntoParams;
use utoipa::openapi::Paths;
use utoipa_axum::routes;

/// Who may look comes in; what a cmdlet changes takes more, and it asks for that itself.
pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .described(Look, routes!(invoke), [Problem::NotFound])
        .described(Look, routes!(next_page), [])
        .described(Look, routes!(run_batch), [])
        .described(Look, at_version_1(routes!(invoke)), [Problem::NotFound])
        .described(Look, at_version_1(routes!(next_page)), [])
        .described(Look, at_version_1(routes!(run_batch)), [])
}

/// The same at the path of the other version that scripts call.
fn at_version_1((schemas, paths, handler): Described) -> Described {
    let mut moved = Paths::new();
    for (path, mut item) in paths.paths {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.operation_id.as_mut().expect("each has one").push_str("V1");
        }
        moved.paths.insert(path.replace("/beta/", "/v1.0/"), item);
    }
    (schemas, moved, handler)
}

/// Whose cmdlets are called.
#[derive(IntoParams)]
#[into_params(names("tenant"), parameter_in = Path)]
#[expect(dead_code, reason = "it describes a part of the path that nobody reads")]
struct Tenant(
    /// Any word: there is one organisation here.
    String,
);

/// Call a cmdlet
///
/// As scripts call Exchange Online. To look takes a role group that may look; to remove or to set
/// something takes Security Administrator or Organization Management.
#[utoipa::path(
    post,
    path = "/adminapi/beta/{tenant}/InvokeCommand",
    operation_id = "invokeCommand",
    tag = "Exchange's own shape",
    params(Tenant, Options, PreferenceHeaders),
    responses((status = 200, description = "What the cmdlet answers.", body = Answer)),
)]
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

/// Follow a link to the next page
///
/// The `@odata.nextLink` of the page before, as it is.
#[utoipa::path(
    get,
    path = "/adminapi/beta/{tenant}/InvokeCommand",
    operation_id = "nextPage",
    tag = "Exchange's own shape",
    params(Tenant, Options, PreferenceHeaders),
    responses((status = 200, description = "The next page.", body = Answer)),
)]
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

/// Call several cmdlets
///
/// Up to 20, answered in their order, each as if it had come alone.
#[utoipa::path(
    post,
    path = "/adminapi/beta/{tenant}/$batch",
    operation_id = "batch",
    tag = "Exchange's own shape",
    params(Tenant, PreferenceHeaders),
    responses((status = 200, description = "What became of each.", body = Answers)),
)]
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
