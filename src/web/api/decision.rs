//! `GET /api/v1/decision`: what becomes of one recipient, for mail servers that ask over HTTP.

use super::restricted_users::json;
use crate::decision::Decision;
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    sender: String,
    recipient: String,
}

/// The SMTP reply that fits, in the words of RFC 5321 and RFC 3463.
#[derive(Serialize)]
struct Answer {
    action: &'static str,
    status: u16,
    enhanced_status: &'static str,
    message: &'static str,
}

const REJECT: Answer = Answer {
    action: "reject",
    status: 550,
    enhanced_status: "5.1.8",
    message: "Access denied, bad outbound sender",
};
const ALLOW: Answer =
    Answer { action: "allow", status: 250, enhanced_status: "2.1.0", message: "OK" };

pub(crate) async fn decision(
    State(app): State<Shared>,
    Query(question): Query<Question>,
) -> Result<Response, Problem> {
    app.organization()
        .sender(&question.sender)
        .map_err(|why| Problem::invalid("sender", why.to_string()))?;
    Ok(json(match app.decider.decide(&question.sender, &question.recipient) {
        Decision::Reject => &REJECT,
        Decision::Allow => &ALLOW,
    }))
}
