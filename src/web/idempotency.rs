//! `Idempotency-Key`: who does not know whether a request arrived sends it again, and gets the answer
//! that it was given.

use super::Shared;
use super::access::token;
use super::error::Problem;
use super::extract::{LARGEST_BODY, bytes_within};
use super::server::LONGEST_REQUEST;
use crate::idempotency::KeyedRequest;
use crate::store::{Begun, KeptAnswer};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use std::panic::resume_unwind;
use uuid::Uuid;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is not the first of its kind.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Characters of a key: a UUID has 36, and nobody needs to send us a book.
const LENGTH: std::ops::RangeInclusive<usize> = 1..=255;

/// Lets a request pass once under its key. Behind the door: only tokens change something.
pub(super) async fn answer_once(
    State(app): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (Some(key), Some(token)) = (key(&parts.headers)?, token(&parts.headers)) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = bytes_within(body, LARGEST_BODY).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let keyed = KeyedRequest::of(&token, &key, path, &body);
    let request = Request::from_parts(parts, Body::from(body));
    match app.store.begin_request(&keyed, app.clock.now()).await? {
        Begun::Now(id) => Ok(Attempt { app, keyed, id }.hand_on(request, next).await),
        Begun::Before(kept) => replayed(&keyed, &kept),
        Begun::UnderWay => Err(Problem::InProgress),
        Begun::Another => Err(Problem::KeyReused),
    }
}

/// The key of a request, where it has one that is taken.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()));
    match key {
        Some(key) if keys.next().is_none() && LENGTH.contains(&key.len()) => Ok(Some(key.into())),
        _ => Err(Problem::invalid(
            "Idempotency-Key",
            "it takes one key of 1 to 255 visible ASCII characters",
        )),
    }
}

struct Attempt {
    app: Shared,
    keyed: KeyedRequest,
    id: Uuid,
}

impl Attempt {
    /// Goes on where nobody waits any more: who hangs up and asks again is what keys are for.
    async fn hand_on(self, request: Request, next: Next) -> Response {
        let work = async move {
            let answer = tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await;
            let answer = answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response());
            if is_final(answer.status()) {
                self.keep(answer).await
            } else {
                let forgotten = self.app.store.forget_request(&self.keyed, self.id).await;
                told(forgotten);
                answer
            }
        };
        match tokio::spawn(work).await {
            Ok(answer) => answer,
            Err(error) => resume_unwind(error.into_panic()),
        }
    }

    async fn keep(self, answer: Response) -> Response {
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("answers to changes are in memory").to_bytes();
        let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let sealed = self.keyed.sealed([kind, b"\n", &body].concat());
        let kept = KeptAnswer { status: parts.status.as_u16(), sealed };
        told(self.app.store.keep_answer(&self.keyed, self.id, &kept).await);
        Response::from_parts(parts, Body::from(body))
    }
}

/// Whether the same request would not be answered in another way by itself: a body that is not taken
/// and a service that fails have changed nothing, and may be sent again.
fn is_final(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::NOT_FOUND || status == StatusCode::CONFLICT
}

/// The request is done all the same; its key is under way until its time is over.
fn told(kept: crate::store::Result<()>) {
    if let Err(error) = kept {
        tracing::warn!(error = std::error::Error::source(&error), "an answer could not be kept");
    }
}

fn replayed(keyed: &KeyedRequest, kept: &KeptAnswer) -> Result<Response, Problem> {
    // Somebody else who has the database wrote it; it is no answer of ours.
    let answer = keyed.opened(&kept.sealed).ok_or(Problem::KeyReused)?;
    let mut parts = answer.splitn(2, |byte| *byte == b'\n');
    let kind = parts.next().filter(|kind| !kind.is_empty());
    let kind = kind.and_then(|kind| HeaderValue::from_bytes(kind).ok());
    let status = StatusCode::from_u16(kept.status).unwrap_or_default();
    let body = Body::from(parts.next().unwrap_or_default().to_vec());
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
