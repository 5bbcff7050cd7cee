//! The examples of the document, which a story of the tests sends one after the other.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, ParameterBuilder};
use utoipa::openapi::{Content, RefOr};

/// A request that goes well, and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    operation: String,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    body: Option<Value>,
    answer: Option<Value>,
}

/// All of them.
pub(super) struct Examples(Vec<Example>);

impl Examples {
    pub(super) fn read() -> Self {
        let examples = include_str!("examples.json");
        Self(serde_json::from_str(examples).expect("a test has read it"))
    }

    /// Adds the example of this operation. Both versions of Exchange's paths have the same.
    pub(super) fn add_to(&self, operation: &mut Operation) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let id = id.strip_suffix("V1").unwrap_or(id);
        let Some(example) = self.0.iter().find(|example| example.operation == id) else { return };
        example.add_to(operation);
    }
}

impl Example {
    fn add_to(&self, operation: &mut Operation) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                let example = self.parameters.get(&parameter.name).cloned();
                let described = ParameterBuilder::from(parameter.clone());
                *parameter = described.example(example).build();
            }
        }
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.values_mut().take(1).for_each(|it| show(it, self.body.as_ref()));
        }
        for (status, answer) in &mut operation.responses.responses {
            if let RefOr::T(answer) = answer
                && status.starts_with('2')
            {
                answer.content.values_mut().take(1).for_each(|it| show(it, self.answer.as_ref()));
            }
        }
    }
}

fn show(content: &mut RefOr<Content>, value: Option<&Value>) {
    if let RefOr::T(content) = content {
        content.example = value.cloned();
    }
}
