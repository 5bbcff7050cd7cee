//! What goes wrong, as Exchange tells it; nothing is changed.

use super::{GET, GET_POLICY, REMOVE, SET_POLICY, TENANT, blocked, input, invoke, refused, thrown};
use crate::harness::{Answer, Portal, eventually};
use reqwest::Method;
use serde_json::json;

const BINDING: &str = "ParameterBindingException";

async fn post_text(portal: &Portal, body: impl Into<reqwest::Body>) -> Answer {
    let request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
    portal.send(request.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn a_cmdlet_that_is_not_here_is_not_found_and_those_that_are_are_named() {
    let portal = Portal::start().await;
    for name in ["Get-Mailbox", "", "Get-BlockedSenderAddress "] {
        let answer = invoke(&portal, name, json!({})).await;
        let why = thrown(&answer, 400, "CommandNotFoundException");
        assert!(why.contains("Get-BlockedSenderAddress, Remove-BlockedSenderAddress"), "{why}");
    }
    invoke(&portal, "get-blockedsenderaddress", json!({})).await.ok();
}

#[tokio::test]
async fn a_parameter_that_is_missing_unknown_or_not_taken_is_named() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    for (cmdlet, parameters, named) in [
        (REMOVE, json!({}), "takes SenderAddress, which is missing"),
        (REMOVE, json!({ "SenderAddress": null }), "SenderAddress is null"),
        (REMOVE, json!({ "SenderAddress": "" }), "SenderAddress is \"\""),
        (REMOVE, json!({ "SenderAddress": ["alice@example.org"] }), "SenderAddress is ["),
        (REMOVE, json!({ "SenderAddress": "a\u{0}@example.org" }), "SenderAddress is"),
        (
            REMOVE,
            json!({ "SenderAddress": "alice@example.org", "Reason": "x".repeat(501) }),
            "Reason is",
        ),
        (REMOVE, json!({ "SenderAddress": "alice@example.org", "Reason": 5 }), "Reason is 5"),
        (
            REMOVE,
            json!({ "SenderAddress": "alice@example.org", "WhatIf": true }),
            "Remove-BlockedSenderAddress has no parameter \"WhatIf\"; it takes SenderAddress, Reason.",
        ),
        // Passed over, it would be everybody.
        (GET, json!({ "SenderAddress": null }), "SenderAddress is null"),
        (GET, json!({ "SenderAddress": "" }), "SenderAddress is \"\""),
        (GET, json!({ "Sender": "alice@example.org" }), "has no parameter \"Sender\""),
        (GET, json!({ "ResultSize": "Unlimited" }), "has no parameter \"ResultSize\""),
        (GET_POLICY, json!({ "Identity": 5 }), "Identity is 5"),
        (SET_POLICY, json!({ "Identity": null }), "Identity is null"),
        (SET_POLICY, json!({ "RecipientLimitPerDay": 10_001 }), "a number from 0 to 10000"),
        (SET_POLICY, json!({ "RecipientLimitPerDay": -1 }), "a number from 0 to 10000"),
        (SET_POLICY, json!({ "RecipientLimitPerDay": "many" }), "RecipientLimitPerDay is \"many\""),
        (SET_POLICY, json!({ "RecipientLimitPerDay": null }), "RecipientLimitPerDay is null"),
        (
            SET_POLICY,
            json!({ "ActionWhenThresholdReached": "Explode" }),
            "it takes BlockUser, BlockUserForToday, Alert.",
        ),
        (SET_POLICY, json!({ "WhatIf": "perhaps" }), "WhatIf is"),
        (SET_POLICY, json!({ "Name": "Other" }), "has no parameter \"Name\""),
    ] {
        let why = thrown(&invoke(&portal, cmdlet, parameters).await, 400, BINDING);
        assert!(why.contains(named), "{cmdlet}: {why}");
    }
    // What every cmdlet takes is no reason to fail, as it is there.
    invoke(&portal, GET, json!({ "ErrorAction": "Stop", "Verbose": true })).await.ok();
    assert_eq!(portal.user("alice@example.org").await["state"], "restricted");
}

#[tokio::test]
async fn a_body_that_is_no_call_is_refused_before_any_cmdlet() {
    let portal = Portal::start().await;
    let call = input(GET, &json!({})).to_string();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let many: Vec<_> = (0..100).map(|number| format!("\"name{number}\":1")).collect();
    let many = many.join(",");
    for (body, named) in [
        ("no json".to_owned(), "body"),
        (String::new(), "CmdletInput"),
        ("[]".to_owned(), "body"),
        (format!("{call} more"), "body"),
        (r#"{"CmdletInput":{}}"#.to_owned(), "CmdletName"),
        (r#"{"CmdletInput":{"CmdletName":5}}"#.to_owned(), "CmdletName"),
        (r#"{"CmdletInput":{"CmdletName":"x"},"Colour":"red"}"#.to_owned(), "Colour"),
        (r#"{"CmdletInput":{"CmdletName":"x","Colour":"red"}}"#.to_owned(), "Colour"),
        (r#"{"CmdletInput":{"CmdletName":"x","Parameters":[]}}"#.to_owned(), "Parameters"),
        (r#"{"CmdletInput":{"CmdletName":"x","Parameters":5}}"#.to_owned(), "Parameters"),
        (
            r#"{"CmdletInput":{"CmdletName":"x","Parameters":{"Reason":"a","REASON":"b"}}}"#.into(),
            "REASON is given twice",
        ),
        (
            format!(r#"{{"CmdletInput":{{"CmdletName":"x","Parameters":{{"Reason":{deep}}}}}}}"#),
            "recursion limit",
        ),
        (
            format!(r#"{{"CmdletInput":{{"CmdletName":"x","Parameters":{{{many}}}}}}}"#),
            "more than 64 parameters",
        ),
    ] {
        let why = refused(&post_text(&portal, body.clone()).await, 400);
        assert!(why.contains(named), "{body}: {why}");
    }
    let large = input(GET, &json!({ "SenderAddress": "x".repeat(1_100_000) })).to_string();
    refused(&post_text(&portal, large).await, 413);
    let text = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
    refused(&portal.send(text.header("content-type", "text/plain").body(call)).await, 415);
}

#[tokio::test]
async fn a_query_or_a_preference_that_is_not_taken_is_refused() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let post = async |query: &str| {
        portal.post(&format!("{TENANT}/InvokeCommand?{query}"), input(GET, &json!({}))).await
    };
    for query in ["$filter=x", "$top=1", "colour=red", "$select=A&$select=B"] {
        refused(&post(query).await, 400);
    }
    for token in ["nonsense", "AAAAAAAAAAAAAAAA", &"A".repeat(5_000), "%00", "\u{e4}"] {
        let why = refused(&post(&format!("$skiptoken={token}")).await, 400);
        assert!(why.contains("@odata.nextLink"), "{why}");
    }
    // A cursor of ours that came with another list.
    portal.restricted("bob@example.org").await;
    let page = portal.get("/api/v1/restricted-users?limit=1&sort=address").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    refused(&post(&format!("$skiptoken={cursor}")).await, 400);
    for (header, value) in [
        ("prefer", "odata.maxpagesize=0"),
        ("prefer", "odata.maxpagesize=-5"),
        ("x-prefer", "odata.maxpagesize=ten"),
        ("x-responseformat", "clixml"),
    ] {
        let request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
        let request = request.header(header, value).json(&input(GET, &json!({})));
        refused(&portal.send(request).await, 400);
    }
}

#[tokio::test]
async fn paths_methods_and_doors_are_told_in_exchanges_shape_too() {
    let portal = Portal::start().await;
    let send = |method: Method, path: &str| portal.send(portal.authorized(method, path));
    refused(&send(Method::POST, "/adminapi/v2.0/tenant/Mailbox").await, 404);
    refused(&send(Method::POST, "/adminapi/beta/tenant/Other").await, 404);
    let answer = send(Method::PUT, &format!("{TENANT}/InvokeCommand")).await;
    refused(&answer, 405);
    assert_eq!(answer.headers["allow"], "POST,GET,HEAD");
    let path = format!("{TENANT}/InvokeCommand");
    let nobody = portal.send(portal.request(Method::POST, &path).body("no json")).await;
    refused(&nobody, 401);
    assert_eq!(nobody.headers["www-authenticate"], "Bearer");
    // The API keeps its own shape.
    portal
        .send(portal.request(Method::GET, "/api/v1/restricted-users"))
        .await
        .problem("signed-out");
}

#[tokio::test]
async fn while_the_database_is_away_a_call_is_answered_so() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let absence = portal.database.take_away().await;
    let removal = json!({ "SenderAddress": "alice@example.org" });
    refused(&invoke(&portal, REMOVE, removal.clone()).await, 503);
    portal.database.bring_back(absence).await;
    eventually("the database is back", async || {
        invoke(&portal, REMOVE, removal.clone()).await.status.is_success()
    })
    .await;
    assert_eq!(blocked(&portal).await, ["alice@example.org"]);
}

#[tokio::test]
async fn any_bytes_are_refused_and_never_a_failure() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    let portal = Portal::start().await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..200);
    for _ in 0..100 {
        let body = bytes.new_tree(&mut runner).unwrap().current();
        let text: String = url::form_urlencoded::byte_serialize(&body).collect();
        refused(&post_text(&portal, body.clone()).await, 400);
        for query in [format!("$skiptoken={text}"), format!("{text}=1"), format!("$select={text}")]
        {
            let path = format!("{TENANT}/InvokeCommand?{query}");
            let answer = portal.post(&path, input(GET, &json!({}))).await;
            assert!([200, 400].contains(&answer.status.as_u16()), "{answer:?}");
        }
        let sender = String::from_utf8_lossy(&body).into_owned();
        for cmdlet in [GET, REMOVE] {
            let answer = invoke(&portal, cmdlet, json!({ "SenderAddress": sender })).await;
            assert!([200, 400, 404].contains(&answer.status.as_u16()), "{answer:?}");
        }
    }
}
