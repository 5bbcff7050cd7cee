//! Every route, and the layers around them.

mod access;
mod api;
mod at_most;
mod browser;
mod client_address;
pub mod cursor;
mod error;
mod every_request;
mod exchange;
mod extract;
mod health;
mod host;
mod idempotency;
mod list_query;
mod named;
mod openapi;
mod policy_document;
mod portal;
mod rate_limit;
mod request_metrics;
mod restricted_user;
mod routes;
mod second_factor;
mod security_headers;
mod server;
mod session_cookie;
mod step_cookie;
mod told;

use crate::app::App;
use axum::Router;
use axum::middleware::from_fn_with_state;
use error::Problem;
use every_request::EveryRequest;
use routes::Routes;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

pub use routes::{OpenTo, Route};
pub use server::serve;

type Shared = Arc<App>;

fn router(app: Shared) -> Router {
    // One stack, the outermost first: layers that are added to a router one by one are a boxed
    // service each, for every request.
    let layers = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(EveryRequest::of(&app), every_request::answer));
    all_routes(&app)
        .into_router()
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(layers)
        .with_state(app)
}

/// Every route there is.
pub fn routes(app: &Arc<App>) -> Vec<Route> {
    all_routes(app).into_list()
}

fn all_routes(app: &Shared) -> Routes {
    health::routes(app)
        .and(portal::routes(app))
        .and(api::routes(app))
        .and(exchange::routes(app))
        .and(openapi::routes(app))
}

/// The restriction that a path names.
async fn find(
    app: &Shared,
    key: &extract::Key,
) -> Result<crate::model::restriction::Restriction, Problem> {
    let restriction = match key {
        extract::Key::Id(id) => app.store.restriction(*id).await?,
        extract::Key::Address(address) => match app.store.active_restriction(address).await? {
            None => app.store.restrictions_of(address).await?.into_iter().next(),
            active => active,
        },
    };
    restriction.ok_or(Problem::NotFound)
}
