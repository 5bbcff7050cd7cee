//! The OpenAPI document: what stands at the handlers of the API, and what follows from whom they let
//! pass.

mod components;
mod docs;
mod examples;
mod failures;
mod subjects;
mod who;

use super::access::Doors;
use super::error::Problem;
use super::routes::{OpenTo::Anybody, Route, Routes};
use super::{Shared, all_routes};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use components::{components, fit};
use examples::Examples;
pub(crate) use failures::has_query;
use std::sync::OnceLock;
use subjects::subjects;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Schema};
use utoipa_axum::routes;

/// What every reader should know first.
const INTRODUCTION: &str = include_str!("introduction.md");

/// What the document tells of a route.
pub(crate) struct Description {
    pub(crate) route: Route,
    pub(crate) operation: Operation,
    /// What its bodies are made of, by name.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    /// How it fails beside what all routes of its kind have in common.
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app)).described(Anybody, routes!(document), []).described(
        Anybody,
        routes!(docs::page),
        [],
    )
}

/// Read this document
///
/// OpenAPI 3.1, the same for everybody.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getDocument",
    tag = "This document",
    responses((status = 200, description = "The document.", body = Object)),
)]
async fn document(State(app): State<Shared>) -> Response {
    static JSON: OnceLock<String> = OnceLock::new();
    let json = JSON.get_or_init(|| {
        let document = open_api(all_routes(&app).into_descriptions());
        serde_json::to_string(&document).expect("a document is text and numbers")
    });
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Bytes::from_static(json.as_bytes())).into_response()
}

fn open_api(descriptions: Vec<Description>) -> OpenApi {
    let (mut components, mut paths) = (components(), Paths::new());
    let examples = Examples::read();
    for Description { route, mut operation, schemas, problems } in descriptions {
        components.schemas.extend(schemas);
        who::tell(&mut operation, &route);
        failures::tell(&mut operation, &route, problems, &mut components);
        examples.add_to(&mut operation);
        paths.add_path_operation(route.path, vec![http_method(&route.method)], operation);
    }
    fit(&mut components, &mut paths);
    let license = LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE"));
    let license = license.identifier(Some(env!("CARGO_PKG_LICENSE")));
    let info = InfoBuilder::new().title("Restricted Users").version(env!("CARGO_PKG_VERSION"));
    let info = info.description(Some(INTRODUCTION)).license(Some(license.build()));
    let document = OpenApiBuilder::new().info(info).tags(Some(subjects()));
    document.paths(paths).components(Some(components)).build()
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::GET => HttpMethod::Get,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        _ => HttpMethod::Delete,
    }
}
