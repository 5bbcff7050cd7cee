//! The page *Restricted users*: the list, its next pages, and single rows of it.

use super::days::{Days, restricted_per_day};
use super::html;
use super::rows::{self, Counts, Row};
use super::words::{capped, number};
use crate::decision::Scope;
use crate::doctor::{Endpoint, is_wildcard, main_cf};
use crate::mail_port::listen::ListenAddress;
use crate::model::operator::Permission::ChangeRestrictions;
use crate::model::restriction::Restriction;
use crate::store::{ListQuery, MAIL_SERVER_ASKED, Sort, StateFilter};
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::{Key, Query};
use crate::web::list_query::{ListParameters, cursor};
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use std::path::Path;
use url::Url;
use url::form_urlencoded::Serializer;

/// Postfix' `queue_directory` unless it is set: an smtpd in its chroot finds a socket below it by
/// the rest of the path alone.
const USUAL_QUEUE: &str = "/var/spool/postfix";

/// An empty list tells how many messages were watched within so long.
const WATCHED_WITHIN: TimeDelta = TimeDelta::hours(1);

#[derive(Template)]
#[template(path = "restricted_users/list.html")]
struct List {
    organization: String,
    all_mail: bool,
    may_change: bool,
    /// What Postfix is told, while no mail server has asked.
    main_cf: Option<String>,
    without_domains: bool,
    /// How many messages were counted last, none of them with a verdict.
    without_verdict: i64,
    counts: Counts,
    days: Days,
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

/// What a page has to change after something was done to users.
#[derive(Template)]
#[template(path = "restricted_users/changed.html")]
struct Changed {
    may_change: bool,
    is_new: bool,
    rows: Vec<Row>,
    counts: Option<Counts>,
    done: Option<String>,
}

struct Results {
    rows: Vec<Row>,
    sort: &'static str,
    /// The order that the filter goes on asking for; a search suspends one by time.
    asked_sort: &'static str,
    searched: bool,
    filtered: bool,
    next: Option<String>,
    /// How many rows there are here, and how many there are in all.
    count: String,
    total: String,
    last_released_at: Option<DateTime<Utc>>,
    /// Messages of the last hour, told where nobody is restricted.
    watched: Option<String>,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Html<String>, Problem> {
    let query = ListParameters::default().query()?;
    let counts = rows::counts(&app).await?;
    let mut results = results(&app, &query).await?;
    let connected = app.decider.was_asked() || app.store.has_reached(MAIL_SERVER_ASKED).await?;
    results.last_released_at = counts.last_released_at;
    if results.rows.is_empty() {
        results.watched = Some(watched(&app).await?);
    }
    Ok(html(&List {
        organization: app.organization().name.clone(),
        all_mail: app.config.scope_in_effect() == Scope::All,
        may_change: caller.may(ChangeRestrictions),
        main_cf: (!connected).then(|| policy_server(&app)).flatten().map(|at| main_cf(&at)),
        without_domains: app.organization().domains.is_empty(),
        without_verdict: app.store.last_without_verdict().await?,
        counts,
        days: restricted_per_day(&app).await?,
        results,
    }))
}

/// How many messages were watched of late.
async fn watched(app: &Shared) -> Result<String, Problem> {
    Ok(capped(app.store.messages_since(app.clock.now() - WATCHED_WITHIN).await?))
}

/// Where Postfix asks first; at an address that stands for all of this machine's, by the name that
/// browsers use.
fn policy_server(app: &Shared) -> Option<Endpoint> {
    let address = app.config.policy_listen.first()?;
    let public = app.config.public_url.as_ref().and_then(Url::host_str);
    Some(match (address, public) {
        (ListenAddress::Tcp { host, port }, Some(public)) if is_wildcard(host) => {
            Endpoint::Tcp(format!("{public}:{port}"))
        }
        _ => Endpoint::of(address, Path::new(USUAL_QUEUE)),
    })
}

pub(crate) async fn rows(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Query(mut parameters): Query<ListParameters>,
) -> Result<Response, Problem> {
    // The form always names an order; a search has only the one by address.
    let asked_sort = parameters.sort;
    if parameters.search.is_some() && !matches!(parameters.sort, Some(Sort::AddressBackwards)) {
        parameters.sort = None;
    }
    let query = parameters.query()?;
    let may_change = caller.may(ChangeRestrictions);
    let mut results = results(&app, &query).await?;
    results.asked_sort = asked_sort.unwrap_or(query.sort).name();
    if query.after.is_some() {
        return Ok(html(&More { may_change, results }).into_response());
    }
    if results.rows.is_empty() {
        results.last_released_at = rows::counts(&app).await?.last_released_at;
        results.watched = Some(watched(&app).await?);
    }
    Ok(html(&Found { may_change, results }).into_response())
}

async fn results(app: &Shared, query: &ListQuery) -> Result<Results, Problem> {
    let page = app.store.list(query).await?;
    Ok(Results {
        next: page.next.as_ref().map(|position| next_page(query, &cursor(query, position))),
        count: number(i64::try_from(page.items.len()).unwrap_or(i64::MAX)),
        total: capped(page.total.unwrap_or(i64::MAX)),
        rows: rows::rows(app, &page.items).await?,
        sort: query.sort.name(),
        asked_sort: query.sort.name(),
        searched: query.search.is_some(),
        filtered: query.search.is_some()
            || query.cause.is_some()
            || query.state != StateFilter::Active,
        last_released_at: None,
        watched: None,
    })
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowParameters {
    /// Whether the row goes to the top where it is not shown yet.
    #[serde(default)]
    newest: bool,
}

pub(crate) async fn row(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    key: Key,
    Query(RowParameters { newest }): Query<RowParameters>,
) -> Result<Html<String>, Problem> {
    let restriction = find(&app, &key).await?;
    changed(&app, &caller, &[restriction], newest, None).await
}

/// The rows as they are now, the counts, and what to tell.
pub(crate) async fn changed(
    app: &Shared,
    caller: &Caller,
    restrictions: &[Restriction],
    is_new: bool,
    done: Option<String>,
) -> Result<Html<String>, Problem> {
    let rows = rows::rows(app, restrictions).await?;
    let counts = Some(rows::counts(app).await?);
    Ok(html(&Changed { may_change: caller.may(ChangeRestrictions), is_new, rows, counts, done }))
}
