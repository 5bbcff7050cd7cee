//! The list of alerts, and its next pages.

use super::super::html;
use super::deliveries::{GivenUp, given_up};
use super::row::Row;
use crate::model::alert::{Alert, AlertPolicyId, AlertStatus};
use crate::store::AlertQuery;
use crate::web::Shared;
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::Query;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use uuid::Uuid;

/// Alerts of a page.
const PAGE: usize = 50;

/// The filter as the form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    status: Option<AlertStatus>,
    policy: Option<AlertPolicyId>,
    cursor: Option<String>,
}

/// Where a page begins: what is new comes first, so the status is the first part of the order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    status: AlertStatus,
    after: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "alerts/page.html")]
struct Page {
    filter: Filter,
    statuses: [(AlertStatus, &'static str); 3],
    policies: [AlertPolicyId; 4],
    leaves_portal: bool,
    given_up: Vec<GivenUp>,
    results: Results,
}

#[derive(Template)]
#[template(path = "alerts/results.html")]
struct Found {
    results: Results,
}

#[derive(Template)]
#[template(path = "alerts/more.html")]
struct More {
    results: Results,
}

struct Results {
    alerts: Vec<Row>,
    next: Option<String>,
    filtered: bool,
    /// Nothing is left to do in what was found.
    is_calm: bool,
}

pub(crate) async fn page(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Problem> {
    Ok(html(&Page {
        statuses: AlertStatus::ALL.map(|status| (status, super::row::words(status))),
        policies: AlertPolicyId::ALL,
        leaves_portal: app.config.alerts.leave_the_portal(),
        given_up: given_up(&app).await?,
        results: results(&app, &filter).await?,
        filter,
    }))
}

pub(crate) async fn rows(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let results = results(&app, &filter).await?;
    if filter.cursor.is_some() {
        return Ok(html(&More { results }).into_response());
    }
    Ok(html(&Found { results }).into_response())
}

async fn results(app: &Shared, filter: &Filter) -> Result<Results, Problem> {
    let (alerts, next) = filter.find(app).await?;
    let next = next.map(|place| Cursor::write(&place, &filter.asked()));
    let query = filter.query();
    Ok(Results {
        is_calm: filter.status.is_none()
            && alerts.first().is_some_and(|alert| alert.status == AlertStatus::Resolved),
        next: next.map(|cursor| format!("/ui/alerts/rows?{query}&cursor={cursor}")),
        filtered: !query.is_empty(),
        alerts: alerts.into_iter().map(Into::into).collect(),
    })
}

impl Filter {
    /// A page of alerts, and where the next one begins.
    async fn find(&self, app: &Shared) -> Result<(Vec<Alert>, Option<Place>), Problem> {
        let mut place = self.place()?;
        let mut found = Vec::new();
        loop {
            let page = app.store.alerts(&self.alerts_at(place, PAGE - found.len())).await?;
            found.extend(page.items);
            let next = match page.next {
                Some(last) => Some(Place { after: Some(last), ..place }),
                None => self.behind(place.status),
            };
            match next {
                Some(next) if found.len() < PAGE => place = next,
                next => return Ok((found, next)),
            }
        }
    }

    fn place(&self) -> Result<Place, Problem> {
        let first = Place { status: self.status.unwrap_or(AlertStatus::New), after: None };
        let cursor = self.cursor.as_deref().map(|cursor| Cursor::read(cursor, &self.asked()));
        Ok(cursor.transpose()?.unwrap_or(first))
    }

    fn alerts_at(&self, Place { status, after }: Place, limit: usize) -> AlertQuery {
        AlertQuery { status: Some(status), policy: self.policy, limit, after }
    }

    /// The beginning of the next status.
    fn behind(&self, status: AlertStatus) -> Option<Place> {
        let mut statuses = AlertStatus::ALL.into_iter().skip_while(|other| *other != status);
        let next = statuses.nth(1).filter(|_| self.status.is_none())?;
        Some(Place { status: next, after: None })
    }

    /// What a cursor holds for.
    fn asked(&self) -> impl Serialize + '_ {
        (self.status, self.policy)
    }

    /// What was asked, as a query again.
    fn query(&self) -> String {
        let pairs = [
            ("status", self.status.map(AlertStatus::name)),
            ("policy", self.policy.map(AlertPolicyId::as_str)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}
