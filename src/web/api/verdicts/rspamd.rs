//! `POST /api/v1/verdicts/rspamd`: what rspamd's `metadata_exporter` sends. It never sends anything
//! again, so whatever can be counted is taken.

use crate::decision::Decider;
use crate::model::organization::Organization;
use crate::model::{MOST_RECIPIENTS_KEPT, Recipients, Report, Source};
use crate::rspamd::{Meaning, Metadata};
use crate::web::error::Problem;
use crate::web::extract::{LARGEST_BODY, Raw, in_turn, shortened};
use crate::web::{Shared, told};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};

/// Tell what rspamd says
///
/// The JSON of its `metadata_exporter`. Whatever can be counted is taken, with any content type, because
/// rspamd sends it once; while the database is away it is kept. Up to 1 MiB.
#[utoipa::path(
    post,
    path = "/api/v1/verdicts/rspamd",
    operation_id = "reportRspamdVerdict",
    tag = "Mail",
    request_body = Metadata,
    responses((status = 204, description = "It is counted, or does not count.")),
)]
pub(crate) async fn rspamd(
    State(app): State<Shared>,
    Raw(body): Raw<LARGEST_BODY>,
) -> Result<StatusCode, Problem> {
    let metadata = in_turn(body, Metadata::parse).await.map_err(|why| {
        Problem::invalid("body", format!("it is no JSON of rspamd: {}", shortened(&why)))
    })?;
    if let Some(report) = report(metadata, &app.decider, app.clock.now()) {
        app.meter.count(report).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The report; nothing for inbound mail and for what comes again. What else cannot be read is left
/// out: a verdict must not be lost for a strange subject.
fn report(metadata: Metadata, decider: &Decider, now: DateTime<Utc>) -> Option<Report> {
    let Meaning::Counts(verdict) = metadata.meaning() else { return None };
    let user = metadata.user.unwrap_or_default();
    let sender = decider.sender(&user);
    let mut report = Report::new(Source::Filter, sender, now);
    report.recipients = recipients(metadata.rcpt, &decider.organization);
    report.queue_id = told::name("qid", metadata.qid).unwrap_or_default();
    report.message_id = told::message_id("message_id", metadata.message_id).unwrap_or_default();
    report.subject = metadata.subject.map(|subject| told::subject(&subject));
    report.client_address = told::client_address("ip", metadata.ip).unwrap_or_default();
    report.verdict = verdict;
    report.score = metadata.score;
    report.symbols = metadata.symbols;
    Some(report)
}

fn recipients(told: Vec<String>, organization: &Organization) -> Recipients {
    let mut recipients = Recipients::default();
    for recipient in told {
        if organization.is_inside(&recipient) {
            recipients.inside += 1;
        } else {
            recipients.outside += 1;
        }
        if recipients.named.len() < MOST_RECIPIENTS_KEPT {
            recipients.named.push(told::recipient(&recipient));
        }
    }
    recipients
}
