//! `/api/v1/restricted-users`: the list, one user, the history, restricting by hand.

use crate::model::history::HistoryEntry;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::{Json, Key, Query, no_nul, shortened};
use crate::web::list_query::{ListParameters, cursor};
use crate::web::restricted_user::RestrictedUser;
use crate::web::{Shared, find};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of a reason that somebody types.
const REASON: std::ops::RangeInclusive<usize> = 1..=500;

/// A page of restricted users.
#[derive(Serialize, ToSchema)]
#[schema(as = RestrictedUsers)]
struct List {
    /// Those of this page.
    items: Vec<RestrictedUser>,
    /// Sent back as `cursor` it leads to the next page; null on the last.
    next_cursor: Option<String>,
    /// How many there are on all pages; null where they are more than 10,000.
    total: Option<i64>,
}

/// List restricted users
///
/// Those who may not send now, newest first, unless something else is asked for. Paging neither
/// repeats nor skips an entry that stays.
#[utoipa::path(
    get,
    path = "/api/v1/restricted-users",
    operation_id = "listRestrictedUsers",
    tag = "Restricted users",
    params(ListParameters),
    responses((status = 200, description = "A page of them.", body = List)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Query(parameters): Query<ListParameters>,
) -> Result<Response, Problem> {
    let query = parameters.query()?;
    let page = app.store.list(&query).await?;
    let next_cursor = page.next.as_ref().map(|position| cursor(&query, position));
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(json(&List { items, next_cursor, total: page.total }))
}

/// Look up a restricted user
///
/// By address it is the restriction in force, else the latest: whoever was never restricted is 404.
#[utoipa::path(
    get,
    path = "/api/v1/restricted-users/{key}",
    operation_id = "getRestrictedUser",
    tag = "Restricted users",
    params(Key),
    responses((status = 200, description = "The user.", body = RestrictedUser)),
)]
pub(crate) async fn user(State(app): State<Shared>, key: Key) -> Result<Response, Problem> {
    let restriction = find(&app, &key).await?;
    Ok(json(&RestrictedUser::from(restriction)))
}

/// What happened to a restriction.
#[derive(Serialize, ToSchema)]
struct History {
    /// All of it, oldest first.
    items: Vec<HistoryEntry>,
}

/// Read the history of a restriction
///
/// Who restricted, unblocked and released the user, and when.
#[utoipa::path(
    get,
    path = "/api/v1/restricted-users/{key}/history",
    operation_id = "getHistory",
    tag = "Restricted users",
    params(Key),
    responses((status = 200, description = "All of it, oldest first.", body = History)),
)]
pub(crate) async fn history(State(app): State<Shared>, key: Key) -> Result<Response, Problem> {
    let restriction = find(&app, &key).await?;
    let items = app.store.history(restriction.id).await?;
    Ok(json(&History { items }))
}

/// Whom to restrict, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRestriction {
    /// The sender's address; a login without `@` gets the first of the organisation's domains.
    #[schema(format = "address")]
    pub(crate) address: String,
    /// Why, in your words; it is kept as it is.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\u0000]*$")]
    pub(crate) reason: String,
}

/// Restrict a user
///
/// From the moment it is answered, mail of this sender to the outside is refused.
#[utoipa::path(
    post,
    path = "/api/v1/restricted-users",
    operation_id = "restrictUser",
    tag = "Restricted users",
    responses((status = 201, description = "The user is restricted.", body = RestrictedUser)),
)]
pub(crate) async fn restrict(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewRestriction>,
) -> Result<Response, Problem> {
    let restriction = new.restrict(&app, &caller).await?;
    Ok((StatusCode::CREATED, json(&RestrictedUser::from(restriction))).into_response())
}

impl NewRestriction {
    /// Does as asked, for script and page alike.
    pub(crate) async fn restrict(
        self,
        app: &Shared,
        caller: &Caller,
    ) -> Result<crate::model::restriction::Restriction, Problem> {
        let address = app.organization().typed(&self.address).map_err(|why| {
            let shown = shortened(&self.address);
            Problem::invalid("address", format!("{shown:?} is no mail address: {why}"))
        })?;
        no_nul("reason", &self.reason)?;
        let length = self.reason.chars().count();
        if !REASON.contains(&length) {
            let detail = format!("it has {length} characters, 1 to 500 are taken");
            return Err(Problem::invalid("reason", detail));
        }
        let restricted = app.restrict(&address, &self.reason, &caller.actor).await?;
        restricted.ok_or(Problem::AlreadyRestricted)
    }
}

/// A JSON answer.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("answers are made of text, numbers and lists");
    ([(axum::http::header::CONTENT_TYPE, "application/json")], body).into_response()
}
