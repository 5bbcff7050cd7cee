//! Counts requests by route, method and status, and how long they took by route.

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// The metrics that there are so far: to ask the recorder for one by its labels at each request takes
/// longer than to find the route.
#[derive(Default)]
pub(super) struct RequestMetrics(RwLock<HashMap<String, OfRoute>>);

struct OfRoute {
    seconds: Histogram,
    answers: HashMap<(&'static str, StatusCode), Counter>,
}

/// A request that is under way.
pub(super) struct Counted<'a> {
    metrics: &'a RequestMetrics,
    began: Instant,
    method: &'static str,
    path: Option<MatchedPath>,
}

impl RequestMetrics {
    pub(super) fn begin(&self, request: &Request) -> Counted<'_> {
        Counted {
            metrics: self,
            began: Instant::now(),
            method: label(request.method()),
            path: request.extensions().get().cloned(),
        }
    }

    /// Whether there was a counter.
    fn count(&self, route: &str, answer: (&'static str, StatusCode), seconds: f64) -> bool {
        let routes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(of_route) = routes.get(route) else { return false };
        let Some(counter) = of_route.answers.get(&answer) else { return false };
        counter.increment(1);
        of_route.seconds.record(seconds);
        true
    }

    fn register(&self, route: &str, answer: (&'static str, StatusCode)) {
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let of_route = routes.entry(route.to_owned()).or_insert_with(|| OfRoute {
            seconds: histogram!(
                "restricted_users_http_request_duration_seconds", "route" => route.to_owned()
            ),
            answers: HashMap::new(),
        });
        of_route.answers.entry(answer).or_insert_with(|| {
            counter!(
                "restricted_users_http_requests_total",
                "method" => answer.0,
                "route" => route.to_owned(),
                "status" => answer.1.as_u16().to_string()
            )
        });
    }
}

impl Counted<'_> {
    pub(super) fn end(self, status: StatusCode) {
        // The route, not the path: metrics hold no addresses.
        let route = self.path.as_ref().map_or("none", MatchedPath::as_str);
        let (answer, seconds) = ((self.method, status), self.began.elapsed().as_secs_f64());
        if !self.metrics.count(route, answer, seconds) {
            self.metrics.register(route, answer);
            self.metrics.count(route, answer, seconds);
        }
    }
}

/// Methods by name, but those that somebody made up: each would be a metric for ever.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_is_no_label() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        assert_eq!(label(&Method::from_bytes(b"X4711").unwrap()), "other");
    }
}
