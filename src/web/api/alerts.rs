//! `/api/v1/alerts`: what admins were told about, and working on it.

use super::restricted_users::json;
use crate::model::alert::{Alert, AlertChange, AlertPolicyId, AlertStatus, Comment};
use crate::store::AlertQuery;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::cursor::Cursor;
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::{Json, Query, shortened};
use crate::web::named::AlertNamed;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Alerts of one page, and how many when the query does not say.
const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;

/// The parameters as they come.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertParameters {
    /// How far somebody has come with them.
    status: Option<AlertStatus>,
    /// What raised them.
    policy: Option<AlertPolicyId>,
    /// The most entries of the answer; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next_cursor` of the answer before, to the same query.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// A page of alerts.
#[derive(Serialize, ToSchema)]
#[schema(as = Alerts)]
struct List {
    /// Those of this page.
    items: Vec<Alert>,
    /// Sent back as `cursor` it leads to the next page; null on the last.
    next_cursor: Option<String>,
}

/// List alerts
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    operation_id = "listAlerts",
    tag = "Alerts",
    params(AlertParameters),
    responses((status = 200, description = "A page of them.", body = List)),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    Query(parameters): Query<AlertParameters>,
) -> Result<Response, Problem> {
    let page = app.store.alerts(&parameters.query()?).await?;
    let next_cursor = page.next.map(|last| Cursor::write(&last, &parameters.asked()));
    Ok(json(&List { items: page.items, next_cursor }))
}

impl AlertParameters {
    fn query(&self) -> Result<AlertQuery, Problem> {
        let cursor = self.cursor.as_deref().map(|cursor| Cursor::read(cursor, &self.asked()));
        Ok(AlertQuery {
            status: self.status,
            policy: self.policy,
            limit: self.limit()?,
            after: cursor.transpose()?,
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if PAGE.contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("it is {limit}, but it takes {} to {}", PAGE.start(), PAGE.end());
        Err(Problem::invalid("limit", detail))
    }

    /// What a cursor holds for.
    fn asked(&self) -> impl Serialize + '_ {
        (self.status, self.policy)
    }
}

/// Read an alert
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    operation_id = "getAlert",
    tag = "Alerts",
    params(AlertNamed),
    responses((status = 200, description = "The alert.", body = Alert)),
)]
pub(crate) async fn alert(
    State(app): State<Shared>,
    AlertNamed(id): AlertNamed,
) -> Result<Response, Problem> {
    Ok(json(&find_alert(&app, id).await?))
}

/// The alert with this id.
pub(crate) async fn find_alert(app: &Shared, id: Uuid) -> Result<Alert, Problem> {
    app.store.alert(id).await?.ok_or(Problem::NoSuchAlert)
}

/// A change as it comes. What is absent stays; `assigned_to` may be null, for nobody.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertChange)]
#[expect(clippy::option_option, reason = "absent, null and an address are three things here")]
pub(crate) struct Work {
    /// How far somebody has come with it.
    pub(crate) status: Option<AlertStatus>,
    /// Who works on it, an operator's address; null for nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = "operator")]
    pub(crate) assigned_to: Option<Option<String>>,
    /// What is to be added to its comments.
    #[schema(min_length = 1, max_length = 2000)]
    pub(crate) comment: Option<String>,
}

/// Tells null from what is absent.
#[expect(clippy::option_option, reason = "absent, null and an address are three things here")]
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Work on an alert
///
/// What is left out stays.
#[utoipa::path(
    patch,
    path = "/api/v1/alerts/{id}",
    operation_id = "changeAlert",
    tag = "Alerts",
    params(AlertNamed),
    responses((status = 200, description = "The alert as it is now.", body = Alert)),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertNamed(id): AlertNamed,
    Json(work): Json<Work>,
) -> Result<Response, Problem> {
    Ok(json(&work.on(&app, &caller, id).await?))
}

impl Work {
    /// Does as asked, for script and page alike.
    pub(crate) async fn on(
        self,
        app: &Shared,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Alert, Problem> {
        let mut problems = Vec::new();
        let assigned_to = match self.assigned_to {
            Some(Some(address)) => Some(operator(app, &address).await?.unwrap_or_else(|problem| {
                problems.push(problem);
                None
            })),
            other => other,
        };
        problems.extend(self.comment.as_deref().and_then(wrong_with_comment));
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        let change = AlertChange { status: self.status, assigned_to, comment: self.comment };
        let changed = app.store.change_alert(id, change, &caller.actor, app.clock.now()).await?;
        changed.ok_or(Problem::NoSuchAlert)
    }
}

/// The operator whom `address` names, as the store writes it.
async fn operator(
    app: &Shared,
    address: &str,
) -> Result<Result<Option<String>, FieldProblem>, Problem> {
    let known = match app.organization().operator(address) {
        Ok(address) => app.store.operator(&address).await?,
        Err(_) => None,
    };
    Ok(known.map(|operator| Some(operator.address)).ok_or_else(|| {
        let detail = format!("{:?} is no operator's address", shortened(address));
        FieldProblem { field: "assigned_to".into(), detail }
    }))
}

fn wrong_with_comment(comment: &str) -> Option<FieldProblem> {
    let problem = |detail| Some(FieldProblem { field: "comment".into(), detail });
    let (length, most) = (comment.chars().count(), Comment::LONGEST);
    if comment.contains('\0') {
        problem("it holds a NUL character".into())
    } else if length > most {
        problem(format!("it has {length} characters, 1 to {most} are taken"))
    } else if comment.trim().is_empty() {
        problem(format!("it is empty, 1 to {most} characters are taken"))
    } else {
        None
    }
}
