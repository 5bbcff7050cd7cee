//! The OpenAPI document: it tells of every route of the API, of everything in it, and the truth.

mod examples;

use crate::harness::Portal;
use crate::routes::{ROUTES, may};
use restricted_users::model::operator::RoleGroup;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation of the document.
pub struct Operation {
    pub method: String,
    pub path: String,
    pub value: Value,
}

impl Operation {
    pub fn id(&self) -> &str {
        self.value["operationId"].as_str().unwrap()
    }

    /// The status of the answer when all goes well.
    pub fn success(&self) -> (u16, &Value) {
        let answers = self.value["responses"].as_object().unwrap();
        let (status, answer) = answers.iter().find(|(status, _)| status.starts_with('2')).unwrap();
        (status.parse().unwrap(), answer)
    }
}

pub async fn document(portal: &Portal) -> Value {
    let answer = portal.send(portal.request(reqwest::Method::GET, "/api/openapi.json")).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.ok()
}

pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let operation = |method: &str| {
            let (method, path) = (method.to_uppercase(), path.clone());
            item.get(method.to_lowercase()).cloned().map(|value| Operation { method, path, value })
        };
        METHODS.into_iter().filter_map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_for_scripts_is_described_with_whom_it_lets_pass_and_no_other() {
    let portal = Portal::start().await;
    let document = document(&portal).await;
    assert_eq!(document["openapi"], "3.1.0");
    let is_for_scripts = |path: &str| {
        ["/api/", "/adminapi/", "/healthz", "/readyz", "/metrics"]
            .iter()
            .any(|it| path.starts_with(it))
    };
    let routes = ROUTES.iter().filter(|(_, path, _)| is_for_scripts(path));
    let routes: BTreeSet<_> = routes
        .map(|(method, path, who)| {
            let roles =
                RoleGroup::ALL.into_iter().filter(|role| *who != "anybody" && may(*role, who));
            (method.to_string(), path.to_string(), roles.map(RoleGroup::slug).collect::<Vec<_>>())
        })
        .collect();
    let described = operations(&document).into_iter().map(|Operation { method, path, value }| {
        let roles = value["x-role-groups"].as_array().into_iter().flatten();
        let roles = roles.map(|role| role.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(roles.is_empty(), value.get("security").is_none() || path == "/metrics");
        (method, path, roles)
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), routes);
    for role in RoleGroup::ALL {
        let introduction = document["info"]["description"].as_str().unwrap();
        assert!(introduction.contains(&format!("**{role}**")), "{role}");
    }
}

#[tokio::test]
async fn every_parameter_field_and_answer_says_what_it_is() {
    let document = document(&Portal::start().await).await;
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        assert!(ids.insert(operation.id().to_owned()), "{} twice", operation.id());
        says_what_it_is(&operation.value, operation.id());
        assert!(operation.value["summary"].is_string(), "{}", operation.id());
        let is_its_subject = |tag: &Value| tag["name"] == operation.value["tags"][0];
        assert!(document["tags"].as_array().unwrap().iter().any(is_its_subject));
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            says_what_it_is(resolved(&document, parameter), operation.id());
        }
        for (status, answer) in operation.value["responses"].as_object().unwrap() {
            let what = format!("{} {status}", operation.id());
            says_what_it_is(resolved(&document, answer), &what);
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        says_what_it_is(schema, name);
        let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
        for schema in parts.iter().chain([schema]) {
            for (field, schema) in schema["properties"].as_object().unwrap_or(&Map::new()) {
                says_what_it_is(schema, &format!("{name}.{field}"));
            }
        }
    }
}

#[tokio::test]
async fn every_reference_leads_to_something() {
    let document = document(&Portal::start().await).await;
    let mut left = vec![&document];
    let mut seen = 0;
    while let Some(value) = left.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference}");
            seen += 1;
        }
        left.extend(value.as_object().into_iter().flat_map(Map::values));
        left.extend(value.as_array().into_iter().flatten());
    }
    assert_ne!(seen, 0);
}

fn says_what_it_is(value: &Value, what: &str) {
    let text = value["description"].as_str().unwrap_or_default();
    assert!(!text.is_empty(), "{what} is not described: {value}");
    assert!(!text.contains("[`"), "{what} has a link of rustdoc: {text}");
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}
