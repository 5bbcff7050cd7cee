//! How an operation fails: on its own, and as all of its kind do.

use crate::rate_limit::Allowance;
use crate::web::error::Problem;
use crate::web::exchange::Refusal;
use crate::web::extract::LARGEST_BODY;
use crate::web::routes::{OpenTo, Route, is_answered_once};
use axum::http::StatusCode;
use chrono::DateTime;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{
    Components, ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};

/// Adds every failure that the operation has to its answers.
pub(super) fn tell(
    operation: &mut Operation,
    route: &Route,
    own: Vec<Problem>,
    components: &mut Components,
) {
    let shape = Shape::of(route);
    let mut problems = own;
    common(operation, route, &mut problems);
    let mut by_status: BTreeMap<StatusCode, Vec<Problem>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(shape.status(&problem)).or_default().push(problem);
    }
    let answers = &mut operation.responses.responses;
    for (status, problems) in by_status {
        let name = shape.name(&problems);
        answers.insert(status.as_str().into(), Ref::from_response_name(&name).into());
        components.responses.entry(name).or_insert_with(|| shape.response(&problems).into());
    }
    let timed_out = StatusCode::REQUEST_TIMEOUT.as_str().to_owned();
    answers.insert(timed_out, Ref::from_response_name("TimedOut").into());
}

/// What all operations of a kind have in common.
fn common(operation: &Operation, route: &Route, problems: &mut Vec<Problem>) {
    if let OpenTo::Who(permission) = route.open_to {
        let forbidden = Problem::Forbidden("Your role group does not allow this.");
        let now = DateTime::UNIX_EPOCH;
        let allowance = Allowance::after(i64::MAX, 100, now);
        let failed = Problem::Unwritten(io::Error::other("it failed"));
        problems.extend([Problem::SignedOut, forbidden, Problem::RateLimited(allowance), failed]);
        problems.push(Problem::Away);
        if is_answered_once(&route.method, &route.path, permission) {
            problems.extend([Problem::InProgress, Problem::KeyReused]);
        }
    }
    let has_body = operation.request_body.is_some();
    if has_body {
        if !problems.iter().any(|problem| matches!(problem, Problem::TooLarge { .. })) {
            problems.push(Problem::TooLarge { limit: LARGEST_BODY });
        }
        // What filters and providers send is taken with any type.
        if !route.path.starts_with("/api/v1/verdicts/") {
            problems.push(Problem::UnsupportedMediaType);
        }
    }
    if has_body || has_query(operation) || route.path.starts_with("/api/v1/") {
        problems.push(Problem::invalid("reason", "it has 501 characters, 1 to 500 are taken"));
    }
}

/// Whether it takes parameters in the query.
pub(crate) fn has_query(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    })
}

/// How failures are told.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Problem,
    Exchange,
}

impl Shape {
    fn of(route: &Route) -> Self {
        if route.path.starts_with("/adminapi/") { Self::Exchange } else { Self::Problem }
    }

    fn status(self, problem: &Problem) -> StatusCode {
        match self {
            Self::Problem => problem.status(),
            Self::Exchange => Refusal::from_problem(problem).status(),
        }
    }

    /// A name of which there is one for each set of problems.
    fn name(self, problems: &[Problem]) -> String {
        let names: Vec<_> = problems.iter().map(name).collect();
        let prefix = if self == Self::Exchange { "Cmdlet-" } else { "" };
        format!("{prefix}{}", names.join("-or-"))
    }

    fn response(self, problems: &[Problem]) -> Response {
        let sentences: Vec<_> = problems.iter().map(|problem| self.sentence(problem)).collect();
        let (kind, schema) = match self {
            Self::Problem => ("application/problem+json", "Problem"),
            Self::Exchange => ("application/json", "CmdletFailure"),
        };
        let examples = problems.iter().map(|problem| {
            (name(problem), ExampleBuilder::new().value(Some(self.example(problem))).build())
        });
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        let content = content.examples_from_iter(examples).build();
        let mut response = ResponseBuilder::new().description(sentences.join("\n\n"));
        if problems.iter().any(|problem| problem.retry_after().is_some()) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer);
            let header = HeaderBuilder::new().schema(Some(seconds));
            let what = "In how many seconds the same may go well.";
            response = response.header("Retry-After", header.description(Some(what)).build());
        }
        response.content(kind, content).build()
    }

    fn sentence(self, problem: &Problem) -> String {
        let (slug, _, title) = problem.kind();
        match self {
            Self::Problem => format!("`{slug}`: {}", problem.detail()),
            Self::Exchange => format!("{title}."),
        }
    }

    fn example(self, problem: &Problem) -> Value {
        match self {
            Self::Problem => json!(problem.document()),
            Self::Exchange => json!(Refusal::from_problem(problem).body()),
        }
    }
}

/// The name of its variant, with the limit where it has one of its own.
fn name(problem: &Problem) -> String {
    match problem {
        Problem::TooLarge { limit } if *limit != LARGEST_BODY => format!("TooLarge{limit}"),
        Problem::Unwritten(_) => "Internal".into(),
        problem => {
            let text = format!("{problem:?}");
            text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().into()
        }
    }
}
