//! Several calls in one request.

use super::{GET, REMOVE, TENANT, blocked, input, refused};
use crate::harness::{Answer, Portal};
use reqwest::Method;
use serde_json::{Value, json};

fn item(id: &str, cmdlet: &str, parameters: &Value) -> Value {
    let url = format!("{TENANT}/InvokeCommand?");
    json!({ "id": id, "method": "POST", "url": url, "body": input(cmdlet, parameters) })
}

async fn send(portal: &Portal, prefer: Option<&str>, requests: &[Value]) -> Answer {
    let mut request = portal.authorized(Method::POST, &format!("{TENANT}/$batch"));
    if let Some(prefer) = prefer {
        request = request.header("prefer", prefer);
    }
    portal.send(request.json(&json!({ "requests": requests }))).await
}

fn statuses(answer: &Answer) -> Vec<(String, u64)> {
    let answer = answer.ok();
    let responses = answer["responses"].as_array().unwrap().iter();
    let status =
        |it: &Value| (it["id"].as_str().unwrap().to_owned(), it["status"].as_u64().unwrap());
    responses.map(status).collect()
}

fn expect(answer: &Answer, expected: &[(&str, u64)]) {
    let expected: Vec<_> =
        expected.iter().map(|(id, status)| ((*id).to_owned(), *status)).collect();
    assert_eq!(statuses(answer), expected);
}

#[tokio::test]
async fn every_call_is_answered_in_its_place_as_if_it_had_come_alone() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let requests = [
        item("a", GET, &json!({})),
        item("b", REMOVE, &json!({ "SenderAddress": "alice@example.org" })),
        item("c", GET, &json!({ "SenderAddress": "nobody@example.org" })),
    ];
    let answer = send(&portal, None, &requests).await;
    expect(&answer, &[("a", 200), ("b", 200), ("c", 200)]);
    let responses = &answer.ok()["responses"];
    assert_eq!(responses[0]["body"]["value"][0]["SenderAddress"], "alice@example.org");
    assert_eq!(responses[1]["body"]["@adminapi.warnings"].as_array().unwrap().len(), 1);
    assert_eq!(responses[2]["body"]["value"], json!([]));
    assert_eq!(portal.user("alice@example.org").await["state"], "unblocking");
}

#[tokio::test]
async fn after_an_error_the_rest_is_run_only_where_that_is_preferred() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let mut requests = [
        item("missing", REMOVE, &json!({ "SenderAddress": "nobody@example.org" })),
        item("alice", REMOVE, &json!({ "SenderAddress": "alice@example.org" })),
    ];
    let stopped = send(&portal, None, &requests).await;
    expect(&stopped, &[("missing", 404), ("alice", 424)]);
    let told = &stopped.ok()["responses"];
    assert_eq!(told[1]["body"]["error"]["code"], "FailedDependency");
    let said = told[0]["body"]["error"]["details"][0]["message"].as_str().unwrap();
    let said: Value = serde_json::from_str(said).unwrap();
    assert_eq!(said["Message"], "nobody@example.org is not blocked.");
    assert_eq!(portal.user("alice@example.org").await["state"], "restricted");

    let answer = send(&portal, Some("odata.continue-on-error=false"), &requests).await;
    expect(&answer, &[("missing", 404), ("alice", 424)]);
    let answer = send(&portal, Some("odata.continue-on-error"), &requests).await;
    expect(&answer, &[("missing", 404), ("alice", 200)]);
    // Some write it to each call.
    requests[0]["headers"] =
        json!({ "Prefer": "odata.maxpagesize = 1000;odata.continue-on-error" });
    expect(&send(&portal, None, &requests).await, &[("missing", 404), ("alice", 200)]);
}

#[tokio::test]
async fn while_the_database_is_away_one_call_waits_for_it_and_not_all_of_them() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let absence = portal.database.take_away().await;
    let remove = |id| item(id, REMOVE, &json!({ "SenderAddress": "alice@example.org" }));
    let requests = [remove("1"), remove("2"), remove("3")];
    let answer = send(&portal, Some("odata.continue-on-error"), &requests).await;
    expect(&answer, &[("1", 503), ("2", 424), ("3", 424)]);
    portal.database.bring_back(absence).await;
}

#[tokio::test]
async fn a_bad_call_fails_alone() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let good = input(GET, &json!({}));
    let call = |id: &str, method: &str, url: &str, body: &Value| json!({ "id": id, "method": method, "url": url, "body": body });
    let (here, nobody) =
        ("InvokeCommand", json!({ "CmdletInput": { "CmdletName": "Get-Mailbox" } }));
    let headers = |mut call: Value, name: &str, value: &str| {
        call["headers"] = json!({ name: value });
        call
    };
    let requests = [
        call("relative", "post", here, &good),
        call(
            "whole",
            "POST",
            "https://outlook.office365.com/adminapi/beta/x/InvokeCommand?",
            &good,
        ),
        call("elsewhere", "POST", "/adminapi/beta/x/Mailbox", &good),
        call("method", "DELETE", here, &good),
        call("get", "GET", here, &good),
        call("cmdlet", "POST", here, &nobody),
        call("body", "POST", here, &json!("no call")),
        json!({ "id": "none", "method": "POST", "url": here }),
        call("query", "POST", "InvokeCommand?$filter=x", &good),
        headers(call("size", "POST", here, &good), "PREFER", "odata.maxpagesize=0"),
        headers(call("format", "POST", here, &good), "x-responseformat", "clixml"),
    ];
    let answer = send(&portal, Some("odata.continue-on-error"), &requests).await;
    expect(
        &answer,
        &[
            ("relative", 200),
            ("whole", 200),
            ("elsewhere", 404),
            ("method", 405),
            ("get", 400),
            ("cmdlet", 400),
            ("body", 400),
            ("none", 400),
            ("query", 400),
            ("size", 400),
            ("format", 400),
        ],
    );
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let remove = item("1", REMOVE, &json!({ "SenderAddress": "alice@example.org" }));
    let many: Vec<_> = (0..21).map(|number| item(&number.to_string(), GET, &json!({}))).collect();
    let mut strange = remove.clone();
    strange["atomicityGroup"] = json!("g");
    for (requests, named) in [
        (vec![], "There are 0 requests, 1 to 20 are taken."),
        (many, "There are 21 requests"),
        (vec![remove.clone(), remove.clone()], "Two requests have the id \"1\"."),
        (vec![remove.clone(), strange], "requests[1].atomicityGroup"),
        (vec![remove.clone(), json!({ "id": 7 })], "requests[1].id"),
        (vec![remove.clone(), json!({ "id": "2" })], "requests[1].method"),
        (vec![remove.clone(), json!([])], "requests[1]"),
    ] {
        let why = refused(&send(&portal, None, &requests).await, 400);
        assert!(why.contains(named), "{why}");
    }
    let body = portal.post(&format!("{TENANT}/$batch"), json!({ "requests": "x" })).await;
    refused(&body, 400);
    assert_eq!(portal.user("alice@example.org").await["state"], "restricted");
}

#[tokio::test]
async fn a_page_in_a_batch_leads_to_the_next_one() {
    let portal = Portal::start().await;
    for name in ["alice", "bob", "carol"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let mut call = item("1", GET, &json!({}));
    call["headers"] = json!({ "Prefer": "odata.maxpagesize = 2;odata.continue-on-error" });
    let first = send(&portal, None, &[call]).await.ok()["responses"][0]["body"].clone();
    let link = first["@odata.nextLink"].as_str().unwrap();
    let alone = portal.send(super::follow(&portal, Method::GET, link)).await.ok();
    assert_eq!(alone["value"][0]["SenderAddress"], "carol@example.org");
    let next = json!({ "id": "2", "method": "GET", "url": link });
    let in_batch = send(&portal, None, &[next]).await.ok()["responses"][0]["body"].clone();
    assert_eq!(in_batch, alone);
    assert_eq!(blocked(&portal).await.len(), 3);
}
