//! The examples of the document, sent one after the other to a service that has just begun.

use super::{Operation, document, operations};
use crate::harness::{Answer, Portal};
use reqwest::Method;
use restricted_users::bookkeeper;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the document takes its examples from. With `UPDATE_EXAMPLES` set it is written anew.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/openapi/examples.json");

#[tokio::test]
async fn every_example_is_answered_as_the_document_says() {
    let portal = Portal::with(&[("public_url", "https://restricted-users.example.org")]).await;
    let token = token_of_the_service_desk(&portal).await;
    let document = document(&portal).await;
    let operations: BTreeMap<_, _> =
        operations(&document).into_iter().map(|it| (it.id().to_owned(), it)).collect();
    let mut examples: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let mut left: BTreeSet<_> = operations.keys().filter(|id| !id.ends_with("V1")).collect();
    // The answers are the document itself.
    left.retain(|id| !["getDocument", "readDocument"].contains(&id.as_str()));
    let mut known = BTreeMap::new();
    for example in &mut examples {
        let id = example["operation"].as_str().unwrap().to_owned();
        let operation = operations.get(&id).unwrap_or_else(|| panic!("no operation {id}"));
        left.remove(&id);
        if !is_written_anew() {
            is_shown(operation, example);
        }
        let sent = renamed(example, &known);
        // By itself it does so every second, that is before some answers and after others.
        bookkeeper::write_token_uses(&portal.app).await.unwrap();
        let answer = send(&portal, &token, operation, &sent).await;
        let (status, documented) = operation.success();
        assert_eq!(answer.status, status, "{id}: {answer:?}");
        has_documented_type(&answer, documented);
        if is_written_anew() {
            *example = sent;
            known.extend(keep(example, &answer));
        } else {
            compare(&id, example, &answer, &mut known);
        }
    }
    assert_eq!(left, BTreeSet::new(), "operations without an example");
    if is_written_anew() {
        std::fs::write(FILE, serde_json::to_string_pretty(&examples).unwrap() + "\n").unwrap();
    }
}

/// The only token there is, so that the examples tell of nothing else.
async fn token_of_the_service_desk(portal: &Portal) -> String {
    let new = json!({ "name": "Service desk", "role_group": "organization_management" });
    let token = portal.post("/api/v1/tokens", new).await.ok()["token"].as_str().unwrap().to_owned();
    let tokens = portal.get("/api/v1/tokens").await.ok();
    let others = tokens["items"].as_array().unwrap().iter();
    for other in others.filter(|other| other["name"] != "Service desk") {
        let path = format!("/api/v1/tokens/{}", other["name"].as_str().unwrap());
        let revoke = portal.request(Method::DELETE, &path).bearer_auth(&token);
        assert_eq!(portal.send(revoke).await.status, 204);
    }
    token
}

/// Whether the document shows the example where readers and programs look for it.
fn is_shown(operation: &Operation, example: &Value) {
    let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
    for (name, value) in example["parameters"].as_object().into_iter().flatten() {
        let parameter = parameters.iter().find(|it| it["name"] == **name);
        let parameter = parameter.unwrap_or_else(|| panic!("no parameter {name}"));
        assert_eq!(&parameter["example"], value, "{name}");
    }
    let first = |content: &Value| content.as_object()?.values().next()?.get("example").cloned();
    let body = &operation.value["requestBody"]["content"];
    assert_eq!(body.is_object(), example.get("body").is_some(), "{example}");
    assert_eq!(first(body), example.get("body").cloned());
    assert_eq!(first(&operation.success().1["content"]), example.get("answer").cloned());
}

async fn send(portal: &Portal, token: &str, operation: &Operation, example: &Value) -> Answer {
    let mut path = operation.path.clone();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let mut headers = Vec::new();
    let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
    for (name, value) in example["parameters"].as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        match parameters.iter().find(|it| it["name"] == **name).unwrap()["in"].as_str().unwrap() {
            "path" => path = path.replace(&format!("{{{name}}}"), &value),
            "query" => drop(query.append_pair(name, &value)),
            _ => headers.push((name.clone(), value)),
        }
    }
    let path = format!("{path}?{}", query.finish());
    let mut request = portal.request(operation.method.parse().unwrap(), &path).bearer_auth(token);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request = match &example["body"] {
        Value::Null => request,
        Value::String(text) => request.header("content-type", "message/rfc822").body(text.clone()),
        body => request.json(body),
    };
    portal.send(request).await
}

fn has_documented_type(answer: &Answer, documented: &Value) {
    let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap());
    let kind = kind.map(|kind| kind.split(';').next().unwrap());
    let first = documented["content"].as_object().and_then(|content| content.keys().next());
    assert_eq!(kind, first.map(String::as_str), "{answer:?}");
}

fn told(answer: &Answer) -> Option<Value> {
    let text = Some(&answer.text).filter(|text| !text.is_empty())?;
    Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
}

fn is_written_anew() -> bool {
    std::env::var_os("UPDATE_EXAMPLES").is_some()
}

/// Keeps an answer as the example's, and how it calls what is made by chance.
fn keep(example: &mut Value, answer: &Answer) -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    if example["operation"] != "readMetrics"
        && let Some(value) = told(answer)
    {
        let before = std::mem::replace(&mut example["answer"], value);
        names_by_chance("", &before, &example["answer"], &mut known);
    }
    known
}

/// How an answer calls what another one called otherwise.
fn names_by_chance(at: &str, before: &Value, now: &Value, known: &mut BTreeMap<String, String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for (name, value) in before {
                names_by_chance(name, value, &now[name], known);
            }
        }
        (Value::Array(before), Value::Array(now)) => {
            before
                .iter()
                .zip(now)
                .for_each(|(before, now)| names_by_chance(at, before, now, known));
        }
        (Value::String(before), Value::String(now)) if is_chance(at) => {
            known.insert(before.clone(), now.clone());
        }
        _ => {}
    }
}

/// Compares an answer with the one in the document. What is made by chance differs; it is known from
/// then on by what the document calls it.
fn compare(id: &str, example: &Value, answer: &Answer, known: &mut BTreeMap<String, String>) {
    if id == "readMetrics" {
        let names =
            example["answer"].as_str().unwrap().lines().filter(|line| !line.starts_with('#'));
        for name in names.map(|line| line.split(' ').next().unwrap()) {
            assert!(answer.text.contains(name), "{name}");
        }
        return;
    }
    let (shown, told) = (example.get("answer").cloned().unwrap_or_default(), told(answer));
    same(id, &shown, &told.unwrap_or_default(), known);
}

fn same(at: &str, shown: &Value, told: &Value, known: &mut BTreeMap<String, String>) {
    match (shown, told) {
        (Value::Object(shown), Value::Object(told)) => {
            assert!(shown.keys().eq(told.keys()), "{at}: {shown:?} {told:?}");
            for (name, value) in shown {
                same(&format!("{at}.{name}"), value, &told[name], known);
            }
        }
        (Value::Array(shown), Value::Array(told)) => {
            assert_eq!(shown.len(), told.len(), "{at}");
            shown.iter().zip(told).for_each(|(shown, told)| same(at, shown, told, known));
        }
        (Value::String(shown), Value::String(told)) if is_chance(at) => {
            assert_eq!(shown.len(), told.len(), "{at}: {shown} {told}");
            known.insert(shown.clone(), told.clone());
        }
        _ => assert_eq!(shown, told, "{at}"),
    }
}

/// Ids, hashes and secrets.
fn is_chance(at: &str) -> bool {
    let field = at.rsplit('.').next().unwrap();
    ["id", "hash", "token", "one_time_link", "restricted_user_id"].contains(&field)
}

/// The example with what the document calls by another name.
fn renamed(example: &Value, known: &BTreeMap<String, String>) -> Value {
    let mut text = example.to_string();
    for (shown, told) in known.iter().filter(|(shown, _)| shown.len() > 20) {
        text = text.replace(shown, told);
    }
    serde_json::from_str(&text).unwrap()
}
