//! The page *Restricted users*: the list, its next pages, and single rows of it.

use super::html;
use super::rows::{self, Counts, Row};
use super::words::{capped, number};
use crate::decision::Scope;
use crate::operator::Permission::ChangeRestrictions;
use crate::restriction::Restriction;
use crate::store::{ListQuery, MAIL_SERVER_ASKED, Page, Sort, StateFilter};
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::{Key, Query};
use crate::web::list_query::{ListParameters, cursor};
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use url::form_urlencoded::Serializer;

#[derive(Template)]
#[template(path = "restricted_users/list.html")]
struct List {
    organization: String,
    all_mail: bool,
    may_change: bool,
    connected: bool,
    policy_server: String,
    counts: Counts,
    results: Results,
}

#[derive(Template)]
#[template(path = "restricted_users/list.html", block = "results")]
struct Found {
    may_change: bool,
    results: Results,
}

#[derive(Template)]
#[template(path = "restricted_users/more.html")]
struct More {
    may_change: bool,
    results: Results,
}

/// What a page has to change after something was done to one user.
#[derive(Template)]
#[template(path = "restricted_users/changed.html")]
struct Changed {
    may_change: bool,
    is_new: bool,
    row: Row,
    counts: Option<Counts>,
    done: Option<String>,
}

struct Results {
    rows: Vec<Row>,
    sort: &'static str,
    searched: bool,
    filtered: bool,
    next: Option<String>,
    shown: String,
    last_released_at: Option<DateTime<Utc>>,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    let query = ListParameters::default().query()?;
    let counts = rows::counts(&app).await?;
    let mut results = results(&app, &query).await?;
    results.last_released_at = counts.last_released_at;
    Ok(html(&List {
        organization: app.organization().name.clone(),
        all_mail: app.config.restriction_scope == Scope::All,
        may_change: caller.may(ChangeRestrictions),
        connected: app.decider.was_asked() || app.store.has_reached(MAIL_SERVER_ASKED).await?,
        policy_server: policy_server(&app),
        counts,
        results,
    }))
}

/// The first address of the policy port, as Postfix writes it.
fn policy_server(app: &Shared) -> String {
    let address = app.config.policy_listen.first().map(ToString::to_string).unwrap_or_default();
    if address.starts_with("unix:") { address } else { format!("inet:{address}") }
}

pub(crate) async fn rows(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Query(mut parameters): Query<ListParameters>,
) -> Result<Response, Problem> {
    // The form always names an order; a search has only the one by address.
    if parameters.search.is_some() && !matches!(parameters.sort, Some(Sort::AddressBackwards)) {
        parameters.sort = None;
    }
    let query = parameters.query()?;
    let may_change = caller.may(ChangeRestrictions);
    let mut results = results(&app, &query).await?;
    if query.after.is_some() {
        return Ok(html(&More { may_change, results }).into_response());
    }
    if results.rows.is_empty() {
        results.last_released_at = rows::counts(&app).await?.last_released_at;
    }
    Ok(html(&Found { may_change, results }).into_response())
}

async fn results(app: &Shared, query: &ListQuery) -> Result<Results, Problem> {
    let page = app.store.list(query).await?;
    Ok(Results {
        next: page.next.as_ref().map(|position| next_page(query, &cursor(query, position))),
        shown: shown(&page),
        rows: rows::rows(app, &page.items).await?,
        sort: query.sort.name(),
        searched: query.search.is_some(),
        filtered: query.search.is_some()
            || query.cause.is_some()
            || query.state != StateFilter::Active,
        last_released_at: None,
    })
}

fn shown(page: &Page) -> String {
    let total = page.total.unwrap_or(i64::MAX);
    let rows = number(i64::try_from(page.items.len()).unwrap_or(i64::MAX));
    match page.next {
        Some(_) => format!("{rows} more of {}", capped(total)),
        None => format!("{} in all", capped(total)),
    }
}

/// The address of the next page: the same question, and where it goes on.
fn next_page(query: &ListQuery, cursor: &str) -> String {
    let mut address = Serializer::new("/ui/restrictedusers/rows?".to_owned());
    address.append_pair("state", query.state.name()).append_pair("sort", query.sort.name());
    if let Some(search) = &query.search {
        address.append_pair("search", search);
    }
    if let Some(cause) = query.cause {
        address.append_pair("cause", cause.name());
    }
    address.append_pair("cursor", cursor).finish()
}

pub(crate) async fn row(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    changed(&app, &caller, restriction, false, None).await
}

/// The row as it is now, the counts, and what to tell.
pub(crate) async fn changed(
    app: &Shared,
    caller: &Caller,
    restriction: Restriction,
    is_new: bool,
    done: Option<String>,
) -> Result<Html<String>, Problem> {
    let row = rows::rows(app, &[restriction]).await?.remove(0);
    let counts = Some(rows::counts(app).await?);
    Ok(html(&Changed { may_change: caller.may(ChangeRestrictions), is_new, row, counts, done }))
}
