//! What went wrong, told as a problem document (RFC 9457).

use crate::export::ExportError;
use crate::meter::Away;
use crate::model::restriction::Restriction;
use crate::rate_limit::Allowance;
use crate::store::StoreError;
use crate::turns::Full;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::error::Error;
use utoipa::ToSchema;

/// In how many seconds somebody who waits to sign in finds a place.
pub(crate) const BUSY_FOR: i64 = 3;

const DISK_FULL: &str =
    "The disk of the database is full. Nothing was changed; make room, and try again.";

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) enum Problem {
    SignedOut,
    Forbidden(&'static str),
    NotFound,
    MethodNotAllowed,
    /// The request names no host, more than one, or something that is none.
    BadHost,
    /// A change in the portal under a name that is not ours; this is the public URL.
    UnknownHost(String),
    AlreadyRestricted,
    NotRestricted,
    UnblockLimit,
    NoSuchOperator,
    NoPassword,
    OperatorExists,
    LastOperator,
    NoSuchToken,
    TokenExists,
    NoSuchPolicy,
    NoSuchAlert,
    PolicyExists,
    DefaultPolicy,
    PolicyChanged,
    TooLarge {
        limit: usize,
    },
    UnsupportedMediaType,
    /// The `Idempotency-Key` stands for another request.
    KeyReused,
    /// The request with this `Idempotency-Key` is being done.
    InProgress,
    LinkUsedUp,
    TooManyRequests(&'static str),
    /// As many wait for a password to be hashed as may.
    Busy,
    /// The token has sent too many this minute.
    RateLimited(Allowance),
    Invalid(Vec<FieldProblem>),
    Internal(StoreError),
    Unwritten(std::io::Error),
    Unavailable(StoreError),
    /// The meter has no database; it has told so itself.
    Away,
    /// The same, and it is because the disk is full.
    DiskFull,
    UnknownMessage,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field, such as `address` or `[17].sender`, the query parameter or the header; `body` and
    /// `query` are the whole.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

/// What a response tells in words, for those who tell it in another shape.
#[derive(Debug, Clone)]
pub(crate) struct ProblemDetail(pub(crate) String);

/// Why a request was not answered as asked (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// `/problems/` and a word that scripts can go by.
    r#type: String,
    /// The type in words for people.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time, and what to do about it.
    detail: String,
    /// The fields that cannot be used; with `/problems/invalid` alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

impl Problem {
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem { field: field.into(), detail: detail.into() }])
    }

    /// The problem in words, without its source.
    pub(crate) fn document(&self) -> Document {
        let (slug, status, title) = self.kind();
        Document {
            r#type: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: self.detail(),
            errors: match self {
                Self::Invalid(errors) => errors.clone(),
                _ => Vec::new(),
            },
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind().1
    }

    pub(crate) fn kind(&self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::SignedOut => ("signed-out", S::UNAUTHORIZED, "Not signed in"),
            Self::Forbidden(_) => ("forbidden", S::FORBIDDEN, "Not allowed"),
            Self::NotFound => ("not-found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", S::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            Self::BadHost | Self::UnknownHost(_) => ("bad-host", S::BAD_REQUEST, "Bad host"),
            Self::AlreadyRestricted => ("already-restricted", S::CONFLICT, "Already restricted"),
            Self::NotRestricted => ("not-restricted", S::CONFLICT, "Not restricted"),
            Self::UnblockLimit => ("unblock-limit", S::CONFLICT, "Unblocked too often"),
            Self::NoSuchOperator => ("not-found", S::NOT_FOUND, "No such operator"),
            Self::NoPassword => ("not-found", S::NOT_FOUND, "No password"),
            Self::OperatorExists => ("operator-exists", S::CONFLICT, "An operator already"),
            Self::LastOperator => ("last-operator", S::CONFLICT, "The last operator in charge"),
            Self::NoSuchToken => ("not-found", S::NOT_FOUND, "No such token"),
            Self::TokenExists => ("token-exists", S::CONFLICT, "The name is taken"),
            Self::NoSuchPolicy => ("not-found", S::NOT_FOUND, "No such policy"),
            Self::NoSuchAlert => ("not-found", S::NOT_FOUND, "No such alert"),
            Self::PolicyExists => ("policy-exists", S::CONFLICT, "The name is taken"),
            Self::DefaultPolicy => ("default-policy", S::CONFLICT, "The default policy"),
            Self::PolicyChanged => ("policy-changed", S::CONFLICT, "Changed meanwhile"),
            Self::TooLarge { .. } => ("too-large", S::PAYLOAD_TOO_LARGE, "Too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::KeyReused => {
                ("idempotency-key-reused", S::UNPROCESSABLE_ENTITY, "Key of another request")
            }
            Self::InProgress => ("in-progress", S::CONFLICT, "Still under way"),
            Self::LinkUsedUp => ("not-found", S::NOT_FOUND, "This link is used up"),
            Self::TooManyRequests(_) => {
                ("too-many-requests", S::TOO_MANY_REQUESTS, "Too many attempts")
            }
            Self::RateLimited(_) => {
                ("too-many-requests", S::TOO_MANY_REQUESTS, "Too many requests")
            }
            Self::Invalid(_) => ("invalid", S::UNPROCESSABLE_ENTITY, "Invalid input"),
            Self::Internal(_) | Self::Unwritten(_) => {
                ("internal", S::INTERNAL_SERVER_ERROR, "Internal failure")
            }
            Self::UnknownMessage => ("invalid", S::UNPROCESSABLE_ENTITY, "No message of ours"),
            Self::Busy => ("unavailable", S::SERVICE_UNAVAILABLE, "Too many at once"),
            Self::Unavailable(_) | Self::Away | Self::DiskFull => {
                ("unavailable", S::SERVICE_UNAVAILABLE, "Database away")
            }
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::SignedOut => {
                "Sign in, or send a token that is good as `Authorization: Bearer TOKEN`.".into()
            }
            Self::Forbidden(why) | Self::TooManyRequests(why) => (*why).into(),
            Self::NotFound => "There is nothing here. The link may be incomplete, or name a user who was never restricted.".into(),
            Self::MethodNotAllowed => "This address does not take this method; `Allow` says which.".into(),
            Self::BadHost => "A request names its host once, in `Host`.".into(),
            Self::UnknownHost(public_url) => format!(
                "The portal is not known by this name. Go to {public_url}, or set `public_url` to the address that you use."
            ),
            Self::AlreadyRestricted => "This user is restricted already.".into(),
            Self::NotRestricted => "This restriction has ended; nothing is left to unblock.".into(),
            Self::UnblockLimit => "This user was unblocked too often in the last 30 days. Find out why the \
                                   account keeps sending spam, then ask somebody in Organization Management to \
                                   unblock it."
                .into(),
            Self::NoPassword => "This operator signs in with the identity provider and has no password here.".into(),
            Self::NoSuchOperator => "This address is no operator's. Somebody may have removed it.".into(),
            Self::OperatorExists => "This address is an operator's already. Make a new one-time link for it, or \
                                     change its role group."
                .into(),
            Self::LastOperator => "This is the last operator in Organization Management. Without it nobody could manage \
                                   operators and tokens: give that role group to somebody else with a password first."
                .into(),
            Self::NoSuchToken => "There is no token of this name. Somebody may have revoked it.".into(),
            Self::TokenExists => "There is a token of this name already. Take another name, or revoke that one first.".into(),
            Self::NoSuchPolicy => "There is no such policy. Somebody may have deleted it.".into(),
            Self::NoSuchAlert => "There is no such alert. The link may be incomplete.".into(),
            Self::PolicyExists => "There is a policy of this name already. Take another name.".into(),
            Self::DefaultPolicy => "The default policy judges everybody whom no other policy is for. It can be changed, but \
                                    neither moved nor deleted; to restrict nobody by it, put it in shadow."
                .into(),
            Self::PolicyChanged => "Somebody changed this policy meanwhile. Look at it again.".into(),
            Self::TooLarge { limit } => format!("The body is larger than the {limit} bytes that are taken."),
            Self::UnsupportedMediaType => "Send the body as `Content-Type: application/json`.".into(),
            Self::KeyReused => "This token sent another request with this `Idempotency-Key` within 24 hours. Take a new key for \
                                each request, and the same one to send the same request again."
                .into(),
            Self::InProgress => "The request with this `Idempotency-Key` is still under way. Send it again in a moment to get \
                                 its answer."
                .into(),
            Self::RateLimited(Allowance { limit, seconds_left, .. }) => format!(
                "This token may send {limit} requests a minute. Go on in {seconds_left} s, as `Retry-After` says."
            ),
            Self::LinkUsedUp => "This link was used, has expired, or was replaced by a newer one. If you set your password \
                                 with it, sign in. Otherwise ask for a new link: Organization Management, or whoever \
                                 runs this service."
                .into(),
            Self::Invalid(errors) => errors
                .iter()
                .map(|error| format!("{}: {}.", error.field, error.detail))
                .collect::<Vec<_>>()
                .join(" "),
            Self::Internal(_) | Self::Unwritten(_) => "The service failed; its log says why.".into(),
            Self::UnknownMessage => {
                "The report names no message that was counted here: none of its last 7 days has this queue id, \
                 or this Message-ID with the recipient that the report names."
                    .into()
            }
            Self::Busy => {
                "Too many people are signing in at this moment. Try again in a few seconds.".into()
            }
            Self::DiskFull => DISK_FULL.into(),
            Self::Unavailable(error) if error.is_disk_full() => DISK_FULL.into(),
            Self::Unavailable(_) | Self::Away => {
                "The database does not answer. Nothing was changed; try again in a moment.".into()
            }
        }
    }

    /// In how many seconds the same may go well.
    pub(crate) fn retry_after(&self) -> Option<i64> {
        match self {
            Self::InProgress => Some(1),
            Self::Busy => Some(BUSY_FOR),
            Self::RateLimited(allowance) => Some(allowance.seconds_left),
            _ => None,
        }
    }

    /// A failure of the service is logged where it is answered, and nowhere else.
    pub(crate) fn log(&self) {
        match self {
            Self::Internal(error) => tracing::error!(error = error.source(), "a request failed"),
            Self::Unwritten(error) => tracing::error!(%error, "an export failed"),
            Self::Unavailable(error) => {
                tracing::warn!(error = error.source(), "a request found no database");
            }
            _ => {}
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let document = self.document();
        let body = serde_json::to_vec(&document).expect("a document is text and numbers");
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status(), [(header::CONTENT_TYPE, kind)], body).into_response();
        response.extensions_mut().insert(ProblemDetail(document.detail));
        if matches!(self, Self::SignedOut) {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self::Busy
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_outage() { Self::Unavailable(error) } else { Self::Internal(error) }
    }
}

impl From<Away> for Problem {
    fn from(away: Away) -> Self {
        if away.disk_full { Self::DiskFull } else { Self::Away }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Write(error) => Self::Unwritten(error),
        }
    }
}

/// What became of an unblock, or its problem.
pub(crate) fn unblocked(outcome: crate::store::Unblocked) -> Result<Restriction, Problem> {
    use crate::store::Unblocked::{Done, LimitReached, NotRestricted, Unknown};
    match outcome {
        Done(restriction, _) => Ok(*restriction),
        Unknown => Err(Problem::NotFound),
        NotRestricted => Err(Problem::NotRestricted),
        LimitReached => Err(Problem::UnblockLimit),
    }
}
