//! Every route, and the layers around them.

mod access;
mod api;
mod client_address;
mod cursor;
mod error;
mod extract;
mod health;
mod list_query;
mod portal;
mod restricted_user;
mod security_headers;
mod server;
mod session_cookie;

use crate::app::App;
use crate::operator::Permission::{AskDecision, ChangeRestrictions, Look};
use access::Doors;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, from_fn_with_state};
use axum::routing::{delete, get, post};
use error::Problem;
use std::sync::Arc;
use std::time::Duration;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

/// How long a request may take, its body included: a client that sends a byte a minute shall not
/// keep a request open.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

pub use server::serve;

type Shared = Arc<App>;

fn router(app: Shared) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(portal::routes(&app))
        .merge(api_routes(&app))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(middleware::from_fn(health::count_requests))
        .layer(from_fn_with_state(Arc::clone(&app), client_address::find))
        .layer(middleware::from_fn(security_headers::add))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            LONGEST_REQUEST,
        ))
        .layer(CompressionLayer::new())
        .with_state(app)
}

fn api_routes(app: &Shared) -> Router<Shared> {
    let doors = Doors::of_the_api(app);
    let look = |routes| doors.open_to(Look, routes);
    let change = |routes| doors.open_to(ChangeRestrictions, routes);
    let ask = |routes| doors.open_to(AskDecision, routes);
    Router::new()
        .route("/api/v1/restricted-users", look(get(api::list)).merge(change(post(api::restrict))))
        .route("/api/v1/restricted-users/{key}", look(get(api::user)))
        .route("/api/v1/restricted-users/{key}/history", look(get(api::history)))
        .route(
            "/api/v1/restricted-users/{key}/unblock",
            change(post(api::request_unblock)).merge(change(delete(api::cancel_unblock))),
        )
        .route("/api/v1/unblocks", change(post(api::request_unblocks)))
        .route("/api/v1/decision", ask(get(api::decision)))
        .route("/api/v1/audit", look(get(api::audit)))
}

/// The path of a request as its route says it, so that metrics hold no addresses.
fn route_of(request: &Request) -> String {
    request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "none".into(), |path| path.as_str().into())
}

/// The restriction that a path names.
async fn find(
    app: &Shared,
    key: &extract::Key,
) -> Result<crate::restriction::Restriction, Problem> {
    let restriction = match key {
        extract::Key::Id(id) => app.store.restriction(*id).await?,
        extract::Key::Address(address) => {
            app.store.restrictions_of(address).await?.into_iter().next()
        }
    };
    restriction.ok_or(Problem::NotFound)
}
