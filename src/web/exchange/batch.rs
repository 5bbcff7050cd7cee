//! `$batch`: several calls in one request, answered in their order, each as if it had come alone.

use super::answer::{JSON, raw, text};
use super::preferences::Preferences;
use super::refusal::Refusal;
use super::request::{Body, Request, Service};
use crate::web::extract::{from_json, shortened};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;

/// Calls of one batch, each of which may answer a page: against one request that keeps the database
/// busy until its time is over.
const MOST: usize = 20;

/// The body of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// The calls, in the order in which they are made.
    #[schema(min_items = 1, max_items = 20)]
    requests: Vec<Item>,
}

/// A call in a batch. Its headers say what the call prefers; who calls, the batch says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchRequest)]
struct Item {
    /// What its answer is known by; no other call of the batch has the same.
    id: String,
    /// `POST`, or `GET` to follow a link to the next page.
    method: String,
    /// An address, whole or relative, that leads to `InvokeCommand`.
    url: String,
    /// Its headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body of the call.
    // Read with the call, so that a bad one fails alone.
    #[schema(value_type = Value, required = false)]
    body: Option<Box<RawValue>>,
}

/// The answers to a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchAnswers)]
pub(super) struct Answers {
    /// One for each call, in their order.
    responses: Vec<ItemAnswer>,
}

/// The answer to a call in a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct ItemAnswer {
    /// The id of the call.
    id: String,
    /// The status that the call alone would have been answered with; 424 where one before it failed.
    status: u16,
    /// The headers that it would have had.
    headers: BTreeMap<&'static str, &'static str>,
    /// The body that it would have had.
    #[schema(value_type = Value)]
    body: Box<RawValue>,
}

impl IntoResponse for Answers {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, JSON)], text(&self)).into_response()
    }
}

impl Batch {
    pub(super) async fn answer(
        self,
        service: &Service<'_>,
        preferences: &Preferences,
    ) -> Result<Answers, Refusal> {
        self.check()?;
        let (mut responses, mut has_failed) = (Vec::with_capacity(self.requests.len()), false);
        for item in self.requests {
            let goes_on = preferences.continue_on_error || item.goes_on_after_an_error();
            let (id, answer) =
                if has_failed { (item.id, Err(not_run())) } else { item.answer(service).await };
            has_failed |= answer.as_ref().is_err_and(|why| !goes_on || is_ours(why));
            responses.push(ItemAnswer::new(id, answer));
        }
        Ok(Answers { responses })
    }

    fn check(&self) -> Result<(), Refusal> {
        let count = self.requests.len();
        if !(1..=MOST).contains(&count) {
            let why = format!("There are {count} requests, 1 to {MOST} are taken.");
            return Err(Refusal::bad_request(why));
        }
        let mut ids = HashSet::new();
        match self.requests.iter().find(|item| !ids.insert(&item.id)) {
            None => Ok(()),
            Some(Item { id, .. }) => {
                let why = format!("Two requests have the id {:?}.", shortened(id));
                Err(Refusal::bad_request(why))
            }
        }
    }
}

/// Whether it is the service that failed: what comes next would wait for the same database.
fn is_ours(why: &Refusal) -> bool {
    why.status().is_server_error()
}

fn not_run() -> Refusal {
    let why = "A request before this one failed, so this one was not run.";
    Refusal::new(StatusCode::FAILED_DEPENDENCY, why)
}

impl Item {
    /// Some write the preference of the batch to each of its calls.
    fn goes_on_after_an_error(&self) -> bool {
        self.preferences().is_ok_and(|preferences| preferences.continue_on_error)
    }

    fn preferences(&self) -> Result<Preferences, Refusal> {
        Preferences::among(self.headers.iter().map(|(name, value)| (&**name, &**value)))
    }

    async fn answer(self, service: &Service<'_>) -> (String, Result<Box<RawValue>, Refusal>) {
        let preferences = self.preferences();
        let Self { id, method, url, body, .. } = self;
        let answer = async {
            let request = request(&method, &url, preferences?, body.as_deref())?;
            let answer = request.answer(service).await?;
            Ok(raw(&answer))
        };
        (id, answer.await)
    }
}

fn request(
    method: &str,
    url: &str,
    preferences: Preferences,
    body: Option<&RawValue>,
) -> Result<Request, Refusal> {
    let query = query_of(url)?;
    if method.eq_ignore_ascii_case("GET") {
        return Request::get(query, preferences);
    }
    if !method.eq_ignore_ascii_case("POST") {
        let why = format!("The method {:?} is not taken; POST is.", shortened(method));
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why));
    }
    let body: Body = from_json(body.map_or("{}", RawValue::get).as_bytes())?;
    Request::post(query, preferences, body)
}

/// The query of an address, whole or relative, that leads to `InvokeCommand`. The tenant is the
/// batch's.
fn query_of(url: &str) -> Result<Option<&str>, Refusal> {
    let (path, query) =
        url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    if path.rsplit('/').next() == Some("InvokeCommand") {
        return Ok(query);
    }
    let why = format!("There is nothing at {:?}; there is InvokeCommand.", shortened(url));
    Err(Refusal::new(StatusCode::NOT_FOUND, why))
}

impl ItemAnswer {
    fn new(id: String, answer: Result<Box<RawValue>, Refusal>) -> Self {
        let headers = BTreeMap::from([("Content-Type", JSON)]);
        let (status, body) = match answer {
            Ok(body) => (StatusCode::OK, body),
            Err(refusal) => (refusal.status(), refusal.body()),
        };
        Self { id, status: status.as_u16(), headers, body }
    }
}
