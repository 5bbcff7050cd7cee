//! `GET /api/v1/decision`: what becomes of one recipient, for mail servers that ask over HTTP.

use super::restricted_users::json;
use crate::decision::Decision;
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// The SASL login of who sends.
    #[param(format = "address")]
    sender: String,
    /// Whom the mail is for.
    #[param(min_length = 1)]
    recipient: String,
}

/// The SMTP reply that fits, in the words of RFC 5321 and RFC 3463.
#[derive(Serialize, ToSchema)]
#[schema(as = Decision)]
struct Answer {
    /// `reject` or `allow`.
    action: &'static str,
    /// The reply code: 550 or 250.
    status: u16,
    /// The enhanced status code.
    enhanced_status: &'static str,
    /// The text of the reply.
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

/// Ask whether a mail is refused
///
/// For mail servers that ask over HTTP. It is answered from memory, the database away or not.
#[utoipa::path(
    get,
    path = "/api/v1/decision",
    operation_id = "decide",
    tag = "Mail",
    params(Question),
    responses((status = 200, description = "The SMTP reply that fits.", body = Answer)),
)]
pub(crate) async fn decision(
    State(app): State<Shared>,
    Query(question): Query<Question>,
) -> Result<Response, Problem> {
    Ok(json(match app.decider.decide(&question.sender, &question.recipient) {
        Decision::Reject => &REJECT,
        Decision::Allow => &ALLOW,
    }))
}
