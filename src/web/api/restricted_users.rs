//! `/api/v1/restricted-users`: the list, one user, the history, restricting by hand.

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

/// Characters of a reason that somebody types.
const REASON: std::ops::RangeInclusive<usize> = 1..=500;

#[derive(Serialize)]
struct List {
    items: Vec<RestrictedUser>,
    next_cursor: Option<String>,
    total: Option<i64>,
}

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

pub(crate) async fn user(State(app): State<Shared>, key: Key) -> Result<Response, Problem> {
    let restriction = find(&app, &key).await?;
    Ok(json(&RestrictedUser::from(restriction)))
}

pub(crate) async fn history(State(app): State<Shared>, key: Key) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct History<T> {
        items: T,
    }
    let restriction = find(&app, &key).await?;
    let items = app.store.history(restriction.id).await?;
    Ok(json(&History { items }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRestriction {
    pub(crate) address: String,
    pub(crate) reason: String,
}

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
    ) -> Result<crate::restriction::Restriction, Problem> {
        let address = app.organization().sender(&self.address).map_err(|why| {
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
