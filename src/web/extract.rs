//! Reading requests: bodies, queries and paths, whose failures are problem documents.

use super::at_most::AtMost;
use super::error::Problem;
use crate::model::address::Address;
use crate::model::organization::Organization;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, SchemaFormat, Type};
use uuid::Uuid;

/// The largest body of a route that does not say otherwise.
pub(super) const LARGEST_BODY: usize = 1024 * 1024;

/// The largest list of outbound messages.
pub(super) const LARGEST_LIST: usize = 16 * 1024 * 1024;

/// The largest feedback report.
pub(super) const LARGEST_REPORT: usize = 10 * 1024 * 1024;

/// The most characters of a bad value that a sentence repeats.
const SHOWN: usize = 60;

/// A JSON body; a missing one is `{}`.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonBytes(bytes) = JsonBytes::<LARGEST_BODY>::from_request(request, state).await?;
        from_json(&bytes).map(Self)
    }
}

/// A JSON body as it is, of at most `LIMIT` octets; a missing one is `{}`.
#[derive(Debug)]
pub(crate) struct JsonBytes<const LIMIT: usize>(pub(crate) Bytes);

impl<const LIMIT: usize, S: Sync> FromRequest<S> for JsonBytes<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = bytes_within(body, LIMIT).await?;
        if bytes.is_empty() {
            return Ok(Self(Bytes::from_static(b"{}")));
        }
        if is_json(&parts.headers) { Ok(Self(bytes)) } else { Err(Problem::UnsupportedMediaType) }
    }
}

/// Messages, or whatever else a list holds, of one request.
pub(crate) const MOST_ITEMS: usize = 1_000;

/// One object, or a list of such objects.
#[derive(Debug)]
pub(crate) struct OneOrMany<T> {
    pub(crate) items: AtMost<T, MOST_ITEMS>,
    pub(crate) is_list: bool,
}

impl<T: DeserializeOwned> OneOrMany<T> {
    /// What a body says in JSON.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Ok(Self { items: json_of(bytes)?, is_list: true });
        }
        let items = AtMost { kept: vec![from_json(bytes)?], count: 1 };
        Ok(Self { items, is_list: false })
    }
}

/// A body as it is, whatever its type, of at most `LIMIT` octets.
#[derive(Debug)]
pub(crate) struct Raw<const LIMIT: usize>(pub(crate) Bytes);

impl<const LIMIT: usize, S: Sync> FromRequest<S> for Raw<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        bytes_within(request.into_body(), LIMIT).await.map(Self)
    }
}

/// Reads a large body off the threads that answer mail servers, and few such bodies at a time: what is
/// read from one can take many times its room.
pub(crate) async fn in_turn<T: Send + 'static>(
    body: Bytes,
    read: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> T {
    const LARGE: usize = 64 * 1024;
    static TURNS: Semaphore = Semaphore::const_new(2);
    if body.len() <= LARGE {
        return read(&body);
    }
    let turn = TURNS.acquire().await.expect("the semaphore is never closed");
    let reading = move || {
        let _turn = turn;
        read(&body)
    };
    tokio::task::spawn_blocking(reading).await.expect("to read does not panic")
}

pub(super) async fn bytes_within(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::TooLarge { limit }),
        Err(_) => Err(Problem::invalid("body", "it ended before it was whole")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// What an object says in JSON.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take a list for an object, its values in the order of the fields.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid("body", "it is a list, but it takes an object"));
    }
    json_of(bytes)
}

fn json_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // To keep track of where it reads takes as long as reading: only who is refused needs to know.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        problem_at(&field, "body", &error.into_inner().to_string())
    })?;
    json.end().map_err(|error| problem_at(".", "body", &error.to_string()))?;
    Ok(value)
}

/// The query of an address; a parameter without a value counts as not given.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

impl<T: DeserializeOwned> Query<T> {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Problem> {
        from_form(uri.query().unwrap_or_default().as_bytes(), "query").map(Self)
    }
}

/// What a route takes that has no parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// The fields of a form that a page of the portal sends.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = bytes_within(request.into_body(), LARGEST_BODY).await?;
        from_form(&bytes, "form").map(Self)
    }
}

/// The fields of a form in their order, where a name may come more than once.
#[derive(Debug)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Pairs {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = bytes_within(request.into_body(), LARGEST_BODY).await?;
        Ok(Self(url::form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

fn from_form<T: DeserializeOwned>(bytes: &[u8], whole: &str) -> Result<T, Problem> {
    let pairs = url::form_urlencoded::parse(bytes).filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = pairs.collect();
    for (name, value) in &pairs {
        no_nul(name, value)?;
    }
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let parsed = url::form_urlencoded::parse(encoded.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(parsed)).map_err(|error| {
        let field = error.path().to_string();
        problem_at(&field, whole, &error.into_inner().to_string())
    })
}

/// Refuses the one character that Postgres cannot keep.
pub(crate) fn no_nul(field: &str, text: &str) -> Result<(), Problem> {
    if text.contains('\0') {
        return Err(Problem::invalid(shortened(field), "it holds a NUL character"));
    }
    Ok(())
}

/// Names the field: where serde does not, its message does, between backticks.
fn problem_at(path: &str, whole: &str, message: &str) -> Problem {
    let message = message.split(" at line ").next().unwrap_or(message);
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix)?.split('`').next());
    let field = match (path, named) {
        ("." | "?", Some(name)) => name.to_owned(),
        ("." | "?", None) => whole.to_owned(),
        (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        (path, _) => path.to_owned(),
    };
    Problem::invalid(shortened(&field), shortened_to(message, 4 * SHOWN))
}

/// A value that came from outside, short enough for a sentence.
pub(crate) fn shortened(text: &str) -> String {
    shortened_to(text, SHOWN)
}

fn shortened_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// A restriction as a path names it: by its id, or by its sender's address.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Id(Uuid),
    Address(Address),
}

impl Key {
    pub(crate) fn parse(text: &str, organization: &Organization) -> Self {
        Uuid::try_parse(text).map_or_else(|_| Self::Address(organization.sender(text)), Self::Id)
    }
}

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let what = "The id of the restriction, or the sender's address: that names the restriction \
                    in force, else the latest.";
        let parameter = ParameterBuilder::new().name("key").parameter_in(ParameterIn::Path);
        let format = SchemaFormat::Custom("address".into());
        let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        let described = parameter.required(Required::True).description(Some(what));
        vec![described.schema(Some(text)).build()]
    }
}

impl FromRequestParts<super::Shared> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &super::Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NotFound)?;
        let (_, key) = params.iter().next().ok_or(Problem::NotFound)?;
        Ok(Self::parse(key, app.organization()))
    }
}
