//! `/api/docs`: the document as a page to read, which needs nothing from elsewhere.

mod kind;
mod operation;

use super::open_api;
use crate::web::portal::address_of;
use crate::web::{Shared, all_routes};
use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kind::{Field, fields};
use operation::{Operation, pretty};
use pulldown_cmark::{Parser, html};
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// Read this document as a page
///
/// HTML, for people.
#[utoipa::path(
    get,
    path = "/api/docs",
    operation_id = "readDocument",
    tag = "This document",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub(super) async fn page(State(app): State<Shared>) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let document = open_api(all_routes(&app).into_descriptions());
        let document = serde_json::to_value(&document).expect("a document is text and numbers");
        Page::of(&document).render().expect("templates only write text, which cannot fail")
    });
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, Bytes::from_static(page.as_bytes())).into_response()
}

#[derive(Template)]
#[template(path = "api_docs/page.html")]
struct Page {
    css: String,
    icon: String,
    version: String,
    introduction: String,
    groups: Vec<Group>,
    failures: Vec<Failure>,
    types: Vec<Type>,
}

/// The operations about one subject.
struct Group {
    name: String,
    text: String,
    operations: Vec<Operation>,
}

/// A way to fail that operations have in common.
struct Failure {
    name: String,
    text: String,
    examples: Vec<String>,
}

/// What bodies are made of.
struct Type {
    name: String,
    text: String,
    values: Vec<String>,
    fields: Vec<Field>,
}

impl Page {
    fn of(document: &Value) -> Self {
        let components = &document["components"];
        Self {
            css: address_of("portal.css"),
            icon: address_of("icon.svg"),
            version: text_of(&document["info"]["version"]),
            introduction: marked(&document["info"]["description"]),
            groups: groups(document),
            failures: entries(&components["responses"]).map(Failure::of).collect(),
            types: entries(&components["schemas"]).map(Type::of).collect(),
        }
    }
}

fn groups(document: &Value) -> Vec<Group> {
    let group = |tag: &Value| Group {
        name: text_of(&tag["name"]),
        text: marked(&tag["description"]),
        operations: operations(document, &tag["name"]),
    };
    document["tags"].as_array().into_iter().flatten().map(group).collect()
}

/// The operations about a subject, those that look before those that change.
fn operations(document: &Value, tag: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in entries(&document["paths"]) {
        for method in ["get", "post", "put", "patch", "delete"] {
            let value = &item[method];
            if value["tags"][0] == *tag {
                operations.push(Operation::of(document, method, path, value));
            }
        }
    }
    operations
}

impl Failure {
    fn of((name, response): (&String, &Value)) -> Self {
        let contents = entries(&response["content"]).flat_map(|(_, it)| entries(&it["examples"]));
        Self {
            name: name.clone(),
            text: marked(&response["description"]),
            examples: contents.map(|(_, example)| pretty(&example["value"])).collect(),
        }
    }
}

impl Type {
    fn of((name, schema): (&String, &Value)) -> Self {
        let values = schema["enum"].as_array().into_iter().flatten();
        Self {
            name: name.clone(),
            text: marked(&schema["description"]),
            values: values.map(text_of).collect(),
            fields: fields(schema),
        }
    }
}

impl Group {
    /// What leads to it on the page.
    fn anchor(&self) -> String {
        self.name.to_lowercase().replace([' ', '\''], "-")
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A description, which is Markdown of ours, as HTML.
fn marked(value: &Value) -> String {
    let mut text = String::new();
    html::push_html(&mut text, Parser::new(value.as_str().unwrap_or_default()));
    text
}
