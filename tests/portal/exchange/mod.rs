//! Exchange's own shape: the cmdlets as scripts call them.

mod batch;
mod clients;
mod cmdlets;
mod page;
mod pages;
mod policies;
mod refusals;
mod role_groups;

use crate::harness::{Answer, Portal};
use reqwest::Method;
use serde_json::{Value, json};

const TENANT: &str = "/adminapi/beta/00000000-0000-0000-0000-000000000000";
const GET: &str = "Get-BlockedSenderAddress";
const REMOVE: &str = "Remove-BlockedSenderAddress";
const GET_POLICY: &str = "Get-HostedOutboundSpamFilterPolicy";
const SET_POLICY: &str = "Set-HostedOutboundSpamFilterPolicy";

fn input(cmdlet: &str, parameters: &Value) -> Value {
    json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
}

/// Calls a cmdlet as Organization Management.
async fn invoke(portal: &Portal, cmdlet: &str, parameters: Value) -> Answer {
    portal.post(&format!("{TENANT}/InvokeCommand"), input(cmdlet, &parameters)).await
}

/// The addresses that are blocked.
async fn blocked(portal: &Portal) -> Vec<String> {
    let answer = invoke(portal, GET, json!({})).await.ok();
    crate::harness::texts(&answer["value"], "SenderAddress")
}

/// A request to a link as it stands, with what Organization Management has.
fn follow(portal: &Portal, method: Method, link: &str) -> reqwest::RequestBuilder {
    let path = link.strip_prefix(&portal.app.public_url).unwrap();
    portal.authorized(method, path)
}

/// Checks that a cmdlet failed, and answers what it says: JSON inside a string.
fn thrown(answer: &Answer, status: u16, exception: &str) -> String {
    let error = error(answer, status);
    assert_eq!(error["message"], "Error executing cmdlet", "{answer:?}");
    assert_eq!(error["innererror"]["type"], "ODataServiceException");
    let detail = &error["details"][0];
    let told: Value = serde_json::from_str(detail["message"].as_str().unwrap()).unwrap();
    let name = told["TypeName"].as_str().unwrap();
    assert_eq!(name.rsplit('.').next().unwrap(), exception, "{answer:?}");
    told["Message"].as_str().unwrap().to_owned()
}

/// Checks that a request was refused before any cmdlet was run, and answers why.
fn refused(answer: &Answer, status: u16) -> String {
    let error = error(answer, status);
    assert_eq!(error["details"], Value::Null, "{answer:?}");
    assert_eq!(error["innererror"]["message"], error["message"]);
    error["message"].as_str().unwrap().to_owned()
}

fn error(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/json;"), "{answer:?}");
    let error = answer.json()["error"].clone();
    assert_eq!(error["code"], code(status), "{answer:?}");
    error
}

fn code(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        424 => "FailedDependency",
        503 => "ServiceUnavailable",
        other => unreachable!("{other}"),
    }
}
