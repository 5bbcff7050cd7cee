//! What went wrong, told as Exchange tells it: what people read is JSON inside a string where a
//! cmdlet failed, and a plain message where none was run.

use super::answer::{JSON, raw, text};
use crate::web::error::{Problem, ProblemDetail};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Under which addresses failures are told so.
const ROOT: &str = "/adminapi/";

/// What Exchange says in `message` wherever a cmdlet failed.
const CMDLET_FAILED: &str = "Error executing cmdlet";

/// Why a call is not answered as asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    /// The type of the exception that such a cmdlet throws; none where no cmdlet was run.
    exception: Option<&'static str>,
}

impl Refusal {
    /// The request cannot be understood.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The role group does not allow this cmdlet.
    pub(super) fn not_allowed(cmdlet: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("Your role group does not allow {cmdlet}."))
    }

    /// The cmdlet throws `exception`.
    pub(super) fn thrown(exception: &'static str, message: impl Into<String>) -> Self {
        Self { exception: Some(exception), ..Self::bad_request(message) }
    }

    /// A parameter is missing, unknown, or has a value that is not taken.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::thrown("System.Management.Automation.ParameterBindingException", message)
    }

    /// The cmdlet finds nothing that it could change.
    pub(super) fn object_not_found(message: impl Into<String>) -> Self {
        let exception = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
        Self { status: StatusCode::NOT_FOUND, ..Self::thrown(exception, message) }
    }

    /// The state of things does not allow it.
    pub(super) fn invalid_operation(message: impl Into<String>) -> Self {
        Self::thrown("System.InvalidOperationException", message)
    }

    /// No cmdlet was run, for the reason that this status stands for.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), exception: None }
    }

    /// A problem as Exchange would tell it.
    pub(crate) fn from_problem(problem: &Problem) -> Self {
        Self::of_problem(problem.status(), problem.detail())
    }

    fn of_problem(status: StatusCode, message: String) -> Self {
        let status = match status {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Box<RawValue> {
        let failure = Failure {
            // Exchange's codes are the names of statuses, written together.
            code: self.status.canonical_reason().unwrap_or("Unknown").replace(' ', ""),
            message: self.headline(),
            details: self.exception.map(|exception| [self.detail(exception)]),
            inner: Inner { message: self.headline(), kind: "ODataServiceException" },
        };
        raw(&Body { error: failure })
    }

    fn headline(&self) -> &str {
        if self.exception.is_some() { CMDLET_FAILED } else { &self.message }
    }

    fn detail(&self, type_name: &'static str) -> Detail {
        let message = &self.message;
        let thrown = Thrown { message, type_name, stack_trace: None, inner_error: None };
        Detail { code: "Context", target: "", message: text(&thrown) }
    }
}

/// Why a call was not answered as asked, as Exchange says it.
// Its fields are in Exchange's order.
#[derive(Serialize, ToSchema)]
#[schema(as = CmdletFailure)]
pub(crate) struct Body<'a> {
    /// What went wrong.
    error: Failure<'a>,
}

/// What went wrong with a call.
#[derive(Serialize, ToSchema)]
#[schema(as = CmdletError)]
struct Failure<'a> {
    /// The name of the status, written together.
    code: String,
    /// `Error executing cmdlet`, or what is wrong where no cmdlet was run.
    message: &'a str,
    /// What the cmdlet said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Vec<Detail>)]
    details: Option<[Detail; 1]>,
    /// The same again.
    #[serde(rename = "innererror")]
    inner: Inner<'a>,
}

/// What a cmdlet said.
#[derive(Serialize, ToSchema)]
#[schema(as = CmdletErrorDetail)]
struct Detail {
    /// `Context`.
    code: &'static str,
    /// Empty.
    target: &'static str,
    /// JSON inside a string: its `Message` is for people, its `TypeName` names the exception.
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Thrown<'a> {
    message: &'a str,
    type_name: &'static str,
    stack_trace: Option<&'a str>,
    inner_error: Option<&'a str>,
}

/// What went wrong, once more.
#[derive(Serialize, ToSchema)]
#[schema(as = CmdletInnerError)]
struct Inner<'a> {
    /// As outside.
    message: &'a str,
    /// `ODataServiceException`.
    #[serde(rename = "type")]
    kind: &'static str,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        problem.log();
        Self::from_problem(&problem)
    }
}

impl From<crate::store::StoreError> for Refusal {
    fn from(error: crate::store::StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, JSON)];
        (self.status, kind, text(&self.body())).into_response()
    }
}

/// Whether failures under this path are told so.
pub(crate) fn is_at(path: &str) -> bool {
    path.starts_with(ROOT)
}

/// Tells what was refused before a cmdlet was reached, at the door or while the body was read.
pub(crate) fn in_exchanges_shape(response: Response) -> Response {
    match response.extensions().get() {
        Some(ProblemDetail(detail)) => {
            let refusal = Refusal::of_problem(response.status(), detail.clone());
            let (mut parts, _) = response.into_parts();
            // The door's own headers stay, such as `WWW-Authenticate` and `Allow`.
            parts.headers.remove(header::CONTENT_TYPE);
            parts.headers.remove(header::CONTENT_LENGTH);
            let mut told = refusal.into_response();
            told.headers_mut().extend(parts.headers);
            told
        }
        _ => response,
    }
}
