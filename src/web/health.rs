//! What load balancers and monitoring ask.

use super::access::Doors;
use super::client_address::{ClientAddress, FromThisMachine};
use super::error::Problem;
use super::routes::{OpenTo::Anybody, Routes};
use super::{Shared, access, host};
use crate::store::{Counts, Result};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// A database that has not answered by then is away, as far as a load balancer is concerned.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) fn routes(app: &Shared) -> Routes {
    Routes::behind(Doors::of_the_api(app))
        .described(Anybody, routes!(alive), [])
        .described(Anybody, routes!(ready), [])
        .described(Anybody, routes!(metrics), [Problem::SignedOut, Problem::Away])
}

/// Ask whether the process runs
///
/// It never touches the database.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "isAlive",
    tag = "Health",
    responses((status = 200, description = "It does.", body = String)),
)]
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the service can answer.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `unready`.
    status: &'static str,
    /// Every part, and whether it is `ok` or `failed`.
    checks: BTreeMap<&'static str, &'static str>,
}

/// Ask whether the service can answer
///
/// For the balancer of the portal and the API. Mail servers are answered from memory while the database
/// is away; what balances them asks `/healthz`.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "isReady",
    tag = "Health",
    responses(
        (status = 200, description = "Every part runs.", body = Readiness),
        (status = 503, description = "One does not.", body = Readiness),
    ),
)]
async fn ready(State(app): State<Shared>) -> Response {
    let word = |ok| if ok { "ok" } else { "failed" };
    let answers = tokio::time::timeout(DATABASE_TIMEOUT, app.background.is_migrated()).await;
    let (answers, migrated) = match answers {
        Ok(Ok(migrated)) => (true, migrated),
        _ => (false, false),
    };
    let mut checks = BTreeMap::from([("database", word(answers)), ("migrations", word(migrated))]);
    checks.extend(app.health.parts().into_iter().map(|(part, runs)| (part, word(runs))));
    let ready = checks.values().all(|check| *check == "ok");
    let status = if ready { "ready" } else { "unready" };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_vec(&Readiness { status, checks }).expect("words have no bad keys");
    (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Read the metrics
///
/// Prometheus text, without addresses. Open to programs on this machine, else with any token.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "readMetrics",
    tag = "Health",
    responses((status = 200, description = "All of them.", body = String)),
)]
async fn metrics(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    from_here: Option<Extension<FromThisMachine>>,
    request: Request,
) -> std::result::Result<Response, Problem> {
    // A page of somebody else, in a browser on this machine, is no program of it.
    if from_here.is_none() || !host::is_ours(request.headers(), &app.public_url) {
        let token = access::token(request.headers()).ok_or(Problem::SignedOut)?;
        access::by_token(&app, &token, Some(from)).await?.ok_or(Problem::SignedOut)?;
    }
    // Without its database the service still tells the rest.
    if let Ok(Counts { unblocking, .. }) = counts(&app).await {
        app.metrics.set_users(app.blocklist.len(), unblocking);
    }
    if let Ok(queues) = app.store.delivery_queues().await {
        app.courier.tell_queues(&queues, app.clock.now());
    }
    app.meter.tell_waiting();
    let (open, idle) = app.store.connections();
    app.metrics.set_connections(open, idle);
    if let Some(bytes) = app.store.write_ahead_log() {
        app.metrics.set_write_ahead_log(bytes);
    }
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    Ok(([kind], app.metrics.render()).into_response())
}

async fn counts(app: &Shared) -> Result<Counts> {
    app.store.counts(DateTime::<Utc>::MAX_UTC).await
}
