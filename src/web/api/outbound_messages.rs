//! `POST /api/v1/outbound-messages`: what senders submitted, told by a mail server or a script.

use super::restricted_users::json;
use crate::outbound::{MOST_RECIPIENTS_KEPT, Recipients, Report, Source, Verdict};
use crate::web::Shared;
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::{OneOrMany, shortened};
use crate::web::told;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Messages of one request.
const MOST: usize = 1_000;
/// Recipients of one message.
const MOST_RECIPIENTS: usize = 50_000;
/// How long ago a message may have been submitted; the windows look back no longer.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// How far a clock may be ahead of ours.
const NEWEST: TimeDelta = TimeDelta::minutes(5);

/// A message as it is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    sender: String,
    recipients: Vec<String>,
    at: Option<DateTime<Utc>>,
    queue_id: Option<String>,
    message_id: Option<String>,
    subject: Option<String>,
    client_address: Option<String>,
    verdict: Option<Verdict>,
    score: Option<f64>,
}

#[derive(Serialize)]
struct Answer {
    accepted: usize,
    duplicates: usize,
}

pub(crate) async fn tell(
    State(app): State<Shared>,
    OneOrMany { items, is_list }: OneOrMany<Told>,
) -> Result<Response, Problem> {
    if items.len() > MOST {
        let detail = format!("it has {} messages, at most {MOST} are taken", items.len());
        return Err(Problem::invalid("body", detail));
    }
    let now = app.clock.now();
    let (mut reports, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, message) in items.into_iter().enumerate() {
        let field = if is_list { format!("[{index}].") } else { String::new() };
        match message.report(&app, now) {
            Ok(report) => reports.push(report),
            Err((name, detail)) => {
                problems.push(FieldProblem { field: format!("{field}{name}"), detail });
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problem::Invalid(problems));
    }
    let news = app.meter.count_all(reports).await.map_err(|_| Problem::Away)?;
    let accepted = news.iter().filter(|new| **new).count();
    let answer = Answer { accepted, duplicates: news.len() - accepted };
    Ok((StatusCode::ACCEPTED, json(&answer)).into_response())
}

type Bad = (String, String);

impl Told {
    fn report(self, app: &Shared, now: DateTime<Utc>) -> Result<Report, Bad> {
        let sender = app.organization().sender(&self.sender).map_err(|why| {
            let detail = format!("{:?} is no mail address: {why}", shortened(&self.sender));
            ("sender".to_owned(), detail)
        })?;
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

fn recipients(told: Vec<String>, app: &Shared) -> Result<Recipients, Bad> {
    if told.is_empty() || told.len() > MOST_RECIPIENTS {
        let detail = format!("it has {}, but it takes 1 to {MOST_RECIPIENTS}", told.len());
        return Err(("recipients".into(), detail));
    }
    let mut recipients = Recipients::default();
    for (index, recipient) in told.into_iter().enumerate() {
        // Only whether it is inside matters, and a mail server may have taken anything; but it is
        // shown, so it is kept to one line of a decent length.
        app.organization().sender(&recipient).map_err(|why| {
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
