//! The page *Message trace*: all messages, with filters and further pages.

use super::html;
use super::message::Shown;
use crate::model::Verdict;
use crate::web::Shared;
use crate::web::api::messages::TraceParameters;
use crate::web::error::Problem;
use crate::web::extract::{Query, shortened};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// Messages of a page.
const PAGE: usize = 50;

/// A time as the form sends it: to the minute, or with seconds where they are not zero.
const MINUTE: &str = "%Y-%m-%dT%H:%M";
const SECOND: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// The filter as the form sends it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    sender: Option<String>,
    recipient: Option<String>,
    queue_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    verdict: Option<Verdict>,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "message_trace/page.html")]
struct Page {
    filter: Filter,
    since: String,
    until: String,
    results: Results,
}

#[derive(Template)]
#[template(path = "message_trace/results.html")]
struct Found {
    results: Results,
}

#[derive(Template)]
#[template(path = "message_trace/more.html")]
struct More {
    results: Results,
}

struct Results {
    messages: Vec<Shown>,
    next: Option<String>,
    /// Where this page ends although it is not full.
    looked_back_to: Option<DateTime<Utc>>,
    filtered: bool,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Problem> {
    let asked = filter.parameters()?;
    let written = |at: Option<DateTime<Utc>>| at.map(|at| at.format(MINUTE).to_string());
    Ok(html(&Page {
        since: written(asked.since).unwrap_or_default(),
        until: written(asked.until).unwrap_or_default(),
        results: results(&app, &filter, &asked).await?,
        filter,
    }))
}

pub(crate) async fn rows(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let results = results(&app, &filter, &filter.parameters()?).await?;
    if filter.cursor.is_some() {
        return Ok(html(&More { results }).into_response());
    }
    Ok(html(&Found { results }).into_response())
}

async fn results(
    app: &Shared,
    filter: &Filter,
    asked: &TraceParameters,
) -> Result<Results, Problem> {
    let page = asked.page(app).await?;
    let query = filter.query();
    let is_full = page.items.len() == PAGE;
    let next = page.next_cursor.as_ref();
    Ok(Results {
        next: next.map(|cursor| format!("/ui/messagetrace/rows?{query}&cursor={cursor}")),
        looked_back_to: page.looked_back_to.filter(|_| !is_full),
        filtered: !query.is_empty(),
        messages: page.items.into_iter().map(Into::into).collect(),
    })
}

impl Filter {
    fn parameters(&self) -> Result<TraceParameters, Problem> {
        let trimmed = |text: &Option<String>| text.as_deref().map(str::trim).map(str::to_owned);
        Ok(TraceParameters {
            sender: trimmed(&self.sender),
            recipient: trimmed(&self.recipient),
            queue_id: trimmed(&self.queue_id),
            since: moment("since", self.since.as_deref())?,
            until: moment("until", self.until.as_deref())?,
            verdict: self.verdict,
            limit: Some(PAGE),
            cursor: self.cursor.clone(),
        })
    }

    /// What was asked, as a query again.
    fn query(&self) -> String {
        let verdict = self.verdict.map(|verdict| match verdict {
            Verdict::Spam => "spam".to_owned(),
            Verdict::Clean => "clean".to_owned(),
        });
        let pairs = [
            ("sender", self.sender.clone()),
            ("recipient", self.recipient.clone()),
            ("queue_id", self.queue_id.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("verdict", verdict),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

/// A time in UTC.
fn moment(field: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let parsed = NaiveDateTime::parse_from_str(text, MINUTE)
        .or_else(|_| NaiveDateTime::parse_from_str(text, SECOND));
    parsed.map(|at| Some(at.and_utc())).map_err(|_| {
        let detail = format!("{:?} is no time such as 2026-11-23T10:00", shortened(text));
        Problem::invalid(field, detail)
    })
}
