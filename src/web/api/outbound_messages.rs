//! `POST /api/v1/outbound-messages`: what senders submitted, told by a mail server or a script.

use super::restricted_users::json;
use crate::model::{MOST_RECIPIENTS_KEPT, Recipients, Report, Source, Verdict};
use crate::web::Shared;
use crate::web::at_most::AtMost;
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::{JsonBytes, LARGEST_LIST, MOST_ITEMS, OneOrMany, in_turn, shortened};
use crate::web::told;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::openapi::{ArrayBuilder, OneOfBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Recipients of one message.
const MOST_RECIPIENTS: usize = 50_000;
/// How long ago a message may have been submitted; the windows look back no longer.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// How far a clock may be ahead of ours.
const NEWEST: TimeDelta = TimeDelta::minutes(5);

/// A message as it is told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OutboundMessage)]
pub(crate) struct Told {
    /// The login of who submitted it.
    #[schema(format = "address")]
    sender: String,
    /// The recipients of the envelope.
    #[schema(min_items = 1, max_items = 50000)]
    #[schema(value_type = Vec<String>)]
    recipients: AtMost<String, MOST_RECIPIENTS>,
    /// When it was submitted, between 24 hours ago and 5 minutes ahead; now where it is left out.
    at: Option<DateTime<Utc>>,
    /// How the mail server calls it. A message is known by this and its sender for 7 days.
    queue_id: Option<String>,
    /// Its Message-ID.
    message_id: Option<String>,
    /// Its subject, of which 200 characters are kept.
    subject: Option<String>,
    /// The IP address that it was submitted from.
    client_address: Option<String>,
    /// What a filter says of it.
    verdict: Option<Verdict>,
    /// How sure the filter is.
    score: Option<f64>,
}

/// What `OneOrMany` reads.
struct OutboundMessages;

impl ToSchema for OutboundMessages {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Told::name().into(), Told::schema()));
        Told::schemas(schemas);
    }
}

impl PartialSchema for OutboundMessages {
    fn schema() -> RefOr<Schema> {
        let one = Ref::from_schema_name(Told::name());
        let many = ArrayBuilder::new().items(one.clone()).max_items(Some(MOST_ITEMS));
        let what = "A message, or a list of messages.";
        OneOfBuilder::new().description(Some(what)).item(one).item(many).into()
    }
}

/// What became of the messages.
#[derive(Serialize, ToSchema)]
#[schema(as = Accepted)]
struct Answer {
    /// How many were new or gained a verdict.
    accepted: usize,
    /// How many changed nothing.
    duplicates: usize,
}

/// Tell of outbound messages
///
/// They are counted, and whoever crosses a line with one is restricted before this is answered; it is
/// answered once it is durable. One bad message refuses the whole list. Up to 16 MiB.
#[utoipa::path(
    post,
    path = "/api/v1/outbound-messages",
    operation_id = "reportMessages",
    tag = "Mail",
    request_body = OutboundMessages,
    responses((status = 202, description = "They are counted.", body = Answer)),
)]
pub(crate) async fn tell(
    State(app): State<Shared>,
    JsonBytes(body): JsonBytes<LARGEST_LIST>,
) -> Result<Response, Problem> {
    let reader = Arc::clone(&app);
    let reports = in_turn(body, move |body| reports(OneOrMany::read(body)?, &reader)).await?;
    let news = app.meter.count_all(reports).await?;
    let accepted = news.iter().filter(|new| **new).count();
    let answer = Answer { accepted, duplicates: news.len() - accepted };
    Ok((StatusCode::ACCEPTED, json(&answer)).into_response())
}

fn reports(told: OneOrMany<Told>, app: &Shared) -> Result<Vec<Report>, Problem> {
    let OneOrMany { items, is_list } = told;
    let items = items.all().map_err(|count| {
        let detail = format!("it has {count} messages, at most {MOST_ITEMS} are taken");
        Problem::invalid("body", detail)
    })?;
    let now = app.clock.now();
    let (mut reports, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, message) in items.into_iter().enumerate() {
        let field = if is_list { format!("[{index}].") } else { String::new() };
        match message.report(app, now) {
            Ok(report) => reports.push(report),
            Err((name, detail)) => {
                problems.push(FieldProblem { field: format!("{field}{name}"), detail });
            }
        }
    }
    if problems.is_empty() { Ok(reports) } else { Err(Problem::Invalid(problems)) }
}

type Bad = (String, String);

impl Told {
    fn report(self, app: &Shared, now: DateTime<Utc>) -> Result<Report, Bad> {
        if self.sender.trim().is_empty() {
            return Err(("sender".into(), "it is empty, but it takes a login".into()));
        }
        let sender = app.decider.sender(&self.sender);
        let mut report = Report::new(Source::Api, sender, at(self.at, now)?);
        report.recipients = recipients(self.recipients, app)?;
        report.queue_id = told::name("queue_id", self.queue_id)?;
        report.message_id = told::message_id("message_id", self.message_id)?;
        report.subject = self.subject.map(|subject| told::subject(&subject));
        report.client_address = told::client_address("client_address", self.client_address)?;
        report.verdict = self.verdict;
        report.score = self.score;
        Ok(report)
    }
}

fn at(told: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Bad> {
    let at = told.unwrap_or(now);
    if (now - OLDEST..=now + NEWEST).contains(&at) {
        return Ok(chrono::SubsecRound::trunc_subsecs(at, 6));
    }
    let detail = format!("it is {at}, but it takes a time from 24 hours ago to 5 minutes ahead");
    Err(("at".into(), detail))
}

fn recipients(told: AtMost<String, MOST_RECIPIENTS>, app: &Shared) -> Result<Recipients, Bad> {
    let told = told.all().and_then(|all| if all.is_empty() { Err(0) } else { Ok(all) });
    let told = told.map_err(|count| {
        let detail = format!("it has {count}, but it takes 1 to {MOST_RECIPIENTS}");
        ("recipients".to_owned(), detail)
    })?;
    let mut recipients = Recipients::default();
    for (index, recipient) in told.into_iter().enumerate() {
        // Only whether it is inside matters, and a mail server may have taken anything; but it is
        // shown, so it is kept to one line of a decent length.
        app.organization().address(&recipient).map_err(|why| {
            let detail = format!("{:?} is no mail address: {why}", shortened(&recipient));
            (format!("recipients[{index}]"), detail)
        })?;
        if app.organization().is_inside(&recipient) {
            recipients.inside += 1;
        } else {
            recipients.outside += 1;
        }
        if recipients.named.len() < MOST_RECIPIENTS_KEPT {
            recipients.named.push(recipient);
        }
    }
    Ok(recipients)
}
