//! `POST /api/v1/verdicts/arf`: a feedback report of a mailbox provider (RFC 5965). Anybody could
//! write one, so only what names a message of ours counts.

use crate::feedback_report::{FeedbackReport, FeedbackType};
use crate::model::{Message, Report, Source, Verdict};
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::extract::{LARGEST_REPORT, Raw, in_turn};
use crate::web::told;
use axum::extract::State;
use axum::http::StatusCode;

/// Tell what somebody who got a message says
///
/// A feedback report (RFC 5965) as a mailbox provider mails it: the whole mail, with any content type.
/// It counts where it names a message that was counted here, by a queue id or by its Message-ID, and
/// where neither its `Original-Rcpt-To` nor else its `Original-Mail-From` contradicts that. Up to 10 MiB.
#[utoipa::path(
    post,
    path = "/api/v1/verdicts/arf",
    operation_id = "reportFeedback",
    tag = "Mail",
    request_body(content = String, content_type = "message/rfc822"),
    responses((status = 204, description = "It is counted, or changes nothing.")),
)]
pub(crate) async fn arf(
    State(app): State<Shared>,
    Raw(body): Raw<LARGEST_REPORT>,
) -> Result<StatusCode, Problem> {
    let feedback = in_turn(body, FeedbackReport::parse)
        .await
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

/// Our message that the report is about: the newest that is known by a queue id and that nothing the
/// provider wrote contradicts, else by its Message-ID where the provider names one of its recipients.
async fn find(app: &Shared, feedback: &FeedbackReport) -> Result<Option<Message>, Problem> {
    let named = app.store.messages_with_queue_ids(queue_ids(feedback)).await?;
    let fits = named.into_iter().find(|message| nothing_contradicts(app, message, feedback));
    if fits.is_some() {
        return Ok(fits);
    }
    let Some(message_id) = &feedback.message_id else { return Ok(None) };
    for sender in feedback.senders.iter().chain(&feedback.author) {
        let sender = app.organization().sender(sender);
        let found = app.store.message_with_message_id(&sender, told::bare(message_id)).await?;
        if let Some(message) = found.filter(|message| names_a_recipient(app, message, feedback)) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// Every recipient of a message reads our queue id, and can quote it in a message of another sender.
/// Where the provider wrote nothing that would show this, only the hops that it saw itself count.
fn queue_ids(feedback: &FeedbackReport) -> &[String] {
    const HOPS: usize = 2;
    let ids = &feedback.queue_ids[..];
    let provider_tells = !feedback.recipients.is_empty() || !feedback.senders.is_empty();
    if provider_tells { ids } else { &ids[..ids.len().min(HOPS)] }
}

fn nothing_contradicts(app: &Shared, message: &Message, feedback: &FeedbackReport) -> bool {
    if !feedback.recipients.is_empty() {
        return names_a_recipient(app, message, feedback);
    }
    let ours = app.organization();
    let mut senders = feedback.senders.iter().map(|one| ours.sender(one));
    feedback.senders.is_empty() || senders.any(|sender| sender == message.sender)
}

fn names_a_recipient(app: &Shared, message: &Message, feedback: &FeedbackReport) -> bool {
    let ours = app.organization();
    let outside = message.recipients.named.iter().filter(|one| !ours.is_inside(one));
    let outside: Vec<_> = outside.map(|one| ours.sender(one)).collect();
    feedback.recipients.iter().map(|one| ours.sender(one)).any(|one| outside.contains(&one))
}
