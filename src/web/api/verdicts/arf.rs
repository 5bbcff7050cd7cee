//! `POST /api/v1/verdicts/arf`: a feedback report of a mailbox provider (RFC 5965). Anybody could
//! write one, so only what names a message of ours counts.

use crate::feedback_report::{FeedbackReport, FeedbackType};
use crate::outbound::{Message, Report, Source, Verdict};
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::extract::Raw;
use crate::web::told;
use axum::extract::State;
use axum::http::StatusCode;

/// Tell what somebody who got a message says
///
/// A feedback report (RFC 5965) as a mailbox provider mails it: the whole mail, with any content type.
/// It counts where it names a message that was counted here. Up to 10 MiB.
#[utoipa::path(
    post,
    path = "/api/v1/verdicts/arf",
    operation_id = "reportFeedback",
    tag = "Mail",
    request_body(content = String, content_type = "message/rfc822"),
    responses((status = 204, description = "It is counted, or changes nothing.")),
)]
pub(crate) async fn arf(State(app): State<Shared>, Raw(body): Raw) -> Result<StatusCode, Problem> {
    let feedback = FeedbackReport::parse(&body)
        .map_err(|why| Problem::invalid("body", format!("it is no feedback report: {why}")))?;
    let message = find(&app, &feedback).await?.ok_or(Problem::UnknownMessage)?;
    if let Some(verdict) = verdict(feedback.feedback_type) {
        let mut report = Report::new(Source::Feedback, message.sender, message.at);
        report.id = message.id;
        report.verdict = Some(verdict);
        app.meter.count_again(report).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn verdict(feedback_type: FeedbackType) -> Option<Verdict> {
    match feedback_type {
        FeedbackType::Spam => Some(Verdict::Spam),
        FeedbackType::NotSpam => Some(Verdict::Clean),
        FeedbackType::Other => None,
    }
}

/// Our message that the report is about: by a queue id of ours, which outsiders hardly guess, else
/// by its Message-ID where the report also names one of its outside recipients.
async fn find(app: &Shared, feedback: &FeedbackReport) -> Result<Option<Message>, Problem> {
    let message = app.store.message_with_queue_id(&feedback.queue_ids).await?;
    if message.is_some() {
        return Ok(message);
    }
    let Some(message_id) = &feedback.message_id else { return Ok(None) };
    for sender in &feedback.senders {
        let Ok(sender) = app.organization().sender(sender) else { continue };
        let found = app.store.message_with_message_id(&sender, told::bare(message_id)).await?;
        if let Some(message) = found.filter(|message| names_a_recipient(app, message, feedback)) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

fn names_a_recipient(app: &Shared, message: &Message, feedback: &FeedbackReport) -> bool {
    let ours = app.organization();
    let outside = message.recipients.named.iter().filter(|one| !ours.is_inside(one));
    let outside: Vec<_> = outside.filter_map(|one| ours.sender(one).ok()).collect();
    feedback
        .recipients
        .iter()
        .filter_map(|one| ours.sender(one).ok())
        .any(|one| outside.contains(&one))
}
