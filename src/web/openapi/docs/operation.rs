//! An operation as the page shows it.

use super::kind::{Field, Kind};
use super::{entries, marked, text_of};
use serde_json::Value;

/// An operation.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) text: String,
    pub(super) parameters: Vec<Field>,
    pub(super) bodies: Vec<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) failures: Vec<(String, String)>,
}

/// A body of a request or an answer.
pub(super) struct Body {
    pub(super) media_type: String,
    pub(super) kind: Kind,
    pub(super) example: Option<String>,
}

/// An answer when all goes well, or the like.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) text: String,
    pub(super) bodies: Vec<Body>,
}

impl Operation {
    pub(super) fn of(document: &Value, method: &str, path: &str, value: &Value) -> Self {
        let parameters = value["parameters"].as_array().into_iter().flatten();
        let (shared, own): (Vec<_>, Vec<_>) =
            entries(&value["responses"]).partition(|(_, answer)| answer["$ref"].is_string());
        Self {
            id: text_of(&value["operationId"]),
            method: method.to_uppercase(),
            path: path.into(),
            summary: text_of(&value["summary"]),
            text: marked(&value["description"]),
            parameters: parameters.map(|it| Field::of_parameter(found(document, it))).collect(),
            bodies: bodies(&value["requestBody"]["content"]),
            answers: own.into_iter().map(Answer::of).collect(),
            failures: shared
                .into_iter()
                .filter_map(|(status, answer)| Some((status.clone(), last(&answer["$ref"])?)))
                .collect(),
        }
    }
}

impl Answer {
    fn of((status, answer): (&String, &Value)) -> Self {
        let text = marked(&answer["description"]);
        Self { status: status.clone(), text, bodies: bodies(&answer["content"]) }
    }
}

fn bodies(contents: &Value) -> Vec<Body> {
    let body = |(media_type, content): (&String, &Value)| Body {
        media_type: media_type.clone(),
        kind: Kind::of(&content["schema"]),
        example: content.get("example").map(pretty),
    };
    entries(contents).map(body).collect()
}

/// What a reference leads to.
fn found<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let place = value["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(value)
}

fn last(reference: &Value) -> Option<String> {
    reference.as_str()?.rsplit('/').next().map(ToOwned::to_owned)
}

/// An example as people read it.
pub(super) fn pretty(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        value => format!("{value:#}"),
    }
}
