//! What happens to every request before its route, and to every answer behind it. One layer does all
//! of it: each layer is a boxed service and a boxed future more, for every request.

use super::request_metrics::RequestMetrics;
use super::{Shared, client_address, exchange, host, security_headers};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// What all requests have in common.
#[derive(Clone)]
pub(super) struct EveryRequest {
    app: Shared,
    metrics: Arc<RequestMetrics>,
}

impl EveryRequest {
    pub(super) fn of(app: &Shared) -> Self {
        Self { app: Arc::clone(app), metrics: Arc::default() }
    }
}

pub(super) async fn answer(
    State(every): State<EveryRequest>,
    mut request: Request,
    next: Next,
) -> Response {
    let config = &every.app.config;
    client_address::find(&config.trusted_proxies, config.forwarded_header, &mut request);
    let counted = every.metrics.begin(&request);
    let is_exchanges = exchange::is_at(request.uri().path());
    let mut answer = match host::check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if is_exchanges {
        answer = exchange::in_exchanges_shape(answer);
    }
    counted.end(answer.status());
    security_headers::add(answer.headers_mut());
    answer
}
