//! What every answer tells the browser to forbid, and the check that a change comes from a page of
//! ours.

use super::error::Problem;
use super::{Shared, host};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// No source but ourselves, no inline script or style, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // `no-referrer` would make browsers send `Origin: null` with a form, which nothing can be told from.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(super) fn add(headers: &mut HeaderMap) {
    headers.reserve(HEADERS.len() + 1);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages and answers are private; the files of the portal say themselves how long they keep.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Answers a change that no page of ours sent.
pub(crate) const NOT_FROM_HERE: Problem =
    Problem::Forbidden("This change does not come from a page of this portal.");

/// Lets a change pass only when the browser says that a page of ours sent it. That page has the host that
/// the request names, which must be one of ours, too.
pub(crate) async fn same_origin(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    if !host::is_ours(request.headers(), &app.public_url) {
        return Err(Problem::UnknownHost(app.public_url.clone()));
    }
    if sender(request.headers()) == Sender::Ours {
        return Ok(next.run(request).await);
    }
    Err(NOT_FROM_HERE)
}

/// Whether a browser says that a page of somebody else sent this; a script says nothing.
pub(crate) fn from_another_site(headers: &HeaderMap) -> bool {
    sender(headers) == Sender::Another
}

/// Which page sent a request, as the browser tells it.
#[derive(Debug, PartialEq)]
enum Sender {
    Ours,
    Another,
    Untold,
}

/// `Sec-Fetch-Site` knows what `Origin` beside `Host` does not show: that the page came over http.
fn sender(headers: &HeaderMap) -> Sender {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_ours = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == text(header::HOST)
    };
    match (text(header::ORIGIN), text(HeaderName::from_static("sec-fetch-site"))) {
        (_, Some("cross-site" | "same-site")) => Sender::Another,
        (Some(origin), _) if is_ours(origin) => Sender::Ours,
        (Some(_), _) => Sender::Another,
        (None, Some("same-origin")) => Sender::Ours,
        (None, _) => Sender::Untold,
    }
}
