//! What a value is, in words.

use super::{entries, marked, text_of};
use serde_json::Value;

/// What a value is: words around the name of a type that is told of elsewhere on the page.
#[derive(Default)]
pub(super) struct Kind {
    pub(super) before: String,
    pub(super) name: Option<String>,
    pub(super) after: String,
}

impl Kind {
    pub(super) fn of(schema: &Value) -> Self {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().map(ToOwned::to_owned);
            return Self { name, ..Self::default() };
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return Self::one_of(alternatives);
        }
        let words = [words(&schema["type"]), format(schema), range(schema)].concat();
        if schema["items"].is_object() {
            let one = Self::of(&schema["items"]);
            let before = format!("list of {}", one.before);
            return Self { before, after: one.after + &range(schema), ..one };
        }
        Self { before: words, ..Self::default() }
    }

    fn one_of(alternatives: &[Value]) -> Self {
        let is_null = |schema: &Value| schema["type"] == "null";
        let mut kinds = alternatives.iter().filter(|schema| !is_null(schema)).map(Self::of);
        let mut kind = kinds.next().unwrap_or_default();
        if kinds.next().is_some() {
            kind.after += " or a list of them";
        }
        if alternatives.iter().any(is_null) {
            kind.after += " or null";
        }
        kind
    }
}

fn words(kind: &Value) -> String {
    match kind {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().map(text_of).collect::<Vec<_>>().join(" or "),
        _ => "any value".into(),
    }
}

/// Formats that tell people something; the number of bits of a number is not among them.
fn format(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => ", a time (RFC 3339)".into(),
        Some("uuid") => ", a UUID".into(),
        _ => String::new(),
    }
}

fn range(schema: &Value) -> String {
    let ends = [("minimum", "maximum", ""), ("minLength", "maxLength", " characters")];
    let ends = ends.into_iter().chain([("minItems", "maxItems", " entries")]);
    let told = ends.filter_map(|(least, most, of_what)| {
        match (schema[least].as_i64(), schema[most].as_i64()) {
            (Some(least), Some(most)) => Some(format!(", {least} to {most}{of_what}")),
            (Some(least), None) => Some(format!(", at least {least}{of_what}")),
            (None, Some(most)) => Some(format!(", at most {most}{of_what}")),
            (None, None) => None,
        }
    });
    told.collect()
}

/// A field of a body, or a parameter.
pub(super) struct Field {
    pub(super) name: String,
    /// Where a parameter stands; empty for a field.
    pub(super) place: String,
    pub(super) is_required: bool,
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Field {
    pub(super) fn of_parameter(parameter: &Value) -> Self {
        Self {
            name: text_of(&parameter["name"]),
            place: text_of(&parameter["in"]),
            is_required: parameter["required"] == true,
            kind: Kind::of(&parameter["schema"]),
            text: marked(&parameter["description"]),
        }
    }
}

/// The fields of an object, those of its parts among them.
pub(super) fn fields(schema: &Value) -> Vec<Field> {
    let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
    let of = |part| entries(&Value::clone(part)["properties"]).map(|it| field(part, it)).collect();
    parts.flat_map(|part: &Value| -> Vec<Field> { of(part) }).collect()
}

fn field(object: &Value, (name, schema): (&String, &Value)) -> Field {
    let required = object["required"].as_array();
    Field {
        name: name.clone(),
        place: String::new(),
        is_required: required.is_some_and(|names| names.iter().any(|it| it == name)),
        kind: Kind::of(schema),
        text: marked(&schema["description"]),
    }
}
