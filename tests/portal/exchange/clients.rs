//! Clients that others wrote, as they send their requests.

use super::{GET, GET_POLICY, REMOVE, blocked, input};
use crate::harness::{Answer, Portal, texts};
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Read;

const TENANT: &str = "b8c5e1f0-2f53-4ea0-9d2b-1d6a6f6b8c11";

async fn portal_with(names: &[&str]) -> Portal {
    let portal = Portal::start().await;
    for name in names {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    portal
}

/// A multi-tenant console: posts the same body to each link until there is none.
struct Console<'a> {
    portal: &'a Portal,
    page: &'static str,
}

impl Console<'_> {
    async fn post(&self, link: &str, body: &Value) -> Answer {
        let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
        let request = self
            .portal
            .authorized(Method::POST, link)
            .header("content-type", "application/json; charset=utf-8")
            .header("prefer", self.page)
            .header("x-anchormailbox", anchor);
        self.portal.send(request.body(body.to_string())).await
    }

    async fn all(&self, body: &Value) -> Vec<Value> {
        let mut link = format!("/adminapi/beta/{TENANT}/InvokeCommand");
        let mut found = Vec::new();
        loop {
            let page = self.post(&link, body).await.ok();
            found.extend(page["value"].as_array().unwrap().clone());
            let Some(next) = page["@odata.nextLink"].as_str() else { return found };
            link = next.strip_prefix(&self.portal.app.public_url).unwrap().to_owned();
        }
    }

    async fn batch(&self, bodies: &[Value]) -> Value {
        let url = format!("https://outlook.office365.com/adminapi/beta/{TENANT}/InvokeCommand?");
        let requests: Vec<_> = bodies
            .iter()
            .map(|body| {
                json!({
                    "id": uuid::Uuid::now_v7(), "method": "POST", "url": url, "body": body,
                    "headers": {
                        "Accept": "application/json; odata.metadata=minimal",
                        "Accept-Encoding": "gzip",
                        "Authorization": "Bearer of the one who sends the batch",
                        "Content-Type": "application/json; charset=utf-8",
                        "parameter-based-routing": "true",
                        "Prefer": "odata.maxpagesize = 1000;odata.continue-on-error",
                        "X-CmdletName": body["CmdletInput"]["CmdletName"],
                        "X-AnchorMailbox": format!("APP:SystemMailbox@{TENANT}"),
                    },
                })
            })
            .collect();
        let link = format!("/adminapi/beta/{TENANT}/$batch");
        self.post(&link, &json!({ "requests": requests })).await.ok()
    }
}

#[tokio::test]
async fn a_console_posts_the_same_body_to_every_link() {
    let portal = portal_with(&["alice", "bob", "carol", "dave", "erin"]).await;
    let console = Console { portal: &portal, page: "odata.maxpagesize=2" };
    let found = json!(console.all(&input(GET, &json!({}))).await);
    let expected =
        ["alice", "bob", "carol", "dave", "erin"].map(|name| format!("{name}@example.org"));
    assert_eq!(texts(&found, "SenderAddress"), expected);
    let policy = console.all(&input(GET_POLICY, &json!({}))).await;
    assert_eq!(policy[0]["Name"], "Default");
}

#[tokio::test]
async fn a_console_unblocks_many_in_one_batch() {
    let portal = portal_with(&["alice", "bob"]).await;
    let console = Console { portal: &portal, page: "odata.maxpagesize=1000" };
    let names = ["alice", "nobody", "bob"];
    let removals =
        names.map(|name| input(REMOVE, &json!({ "SenderAddress": format!("{name}@example.org") })));
    let answer = console.batch(&removals).await;
    let responses = answer["responses"].as_array().unwrap();
    assert!(responses[0]["body"]["error"].is_null());
    // Where it looks for the words of a failure.
    let told = responses[1]["body"]["error"]["details"][0]["message"].as_str().unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["Message"], "nobody@example.org is not blocked.");
    assert!(responses[2]["body"]["error"].is_null());
    for name in ["alice", "bob"] {
        assert_eq!(portal.user(&format!("{name}@example.org")).await["state"], "unblocking");
    }
}

#[tokio::test]
async fn a_module_follows_links_with_get() {
    let portal = portal_with(&["alice", "bob", "carol", "dave", "erin"]).await;
    let path = format!("/adminapi/beta/{TENANT}/InvokeCommand?%24select=SenderAddress");
    let headers = |request: reqwest::RequestBuilder| {
        request
            .header("accept", "application/json")
            .header("accept-encoding", "gzip, deflate, br")
            .header("accept-language", "en-US")
            .header("x-anchormailbox", format!("TID:{TENANT}"))
            .header("x-cmdletname", GET)
            .header("x-responseformat", "json")
            .header("x-serializationlevel", "Partial")
            .header("x-clientapplication", "ExoManagementModule")
            .header("x-clientmoduleversion", "3.10.0")
            .header("warningaction", "")
            .header("connection-id", uuid::Uuid::now_v7().to_string())
            .header("client-request-id", uuid::Uuid::now_v7().to_string())
    };
    let first = headers(portal.authorized(Method::POST, &path));
    let first = first.header("prefer", "odata.maxpagesize=2").json(&input(GET, &json!({})));
    let answer = send_unpacked(first).await;
    assert_eq!(answer.headers["preference-applied"], "odata.maxpagesize=2");
    let mut page = answer.ok();
    let mut found = texts(&page["value"], "SenderAddress");
    let mut pages = 1;
    while let Some(link) = page["@odata.nextLink"].as_str() {
        page = send_unpacked(headers(super::follow(&portal, Method::GET, link))).await.ok();
        assert_eq!(page["value"][0].as_object().unwrap().len(), 1, "$select goes on: {page}");
        found.extend(texts(&page["value"], "SenderAddress"));
        pages += 1;
    }
    assert_eq!((found, pages), (blocked(&portal).await, 3));
}

#[tokio::test]
async fn an_extractor_says_what_it_prefers_in_a_header_of_its_own() {
    let portal = portal_with(&["alice", "bob", "carol"]).await;
    let kind = "application/json;odata.metadata=minimal;odata.streaming=true;";
    let anchor = format!("UPN:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
    let request = portal
        .authorized(Method::POST, &format!("/adminapi/beta/{TENANT}/InvokeCommand"))
        .header("content-type", kind)
        .header("x-prefer", "odata.maxpagesize=2")
        .header("x-anchormailbox", anchor)
        .header("x-responseformat", "json")
        .header("x-serializationlevel", "Partial")
        .header("warningaction", "")
        .header("connection-id", uuid::Uuid::now_v7().to_string());
    let page = portal.send(request.body(input(GET, &json!({})).to_string())).await.ok();
    assert_eq!(texts(&page["value"], "SenderAddress"), ["alice@example.org", "bob@example.org"]);
    assert!(page["@odata.nextLink"].is_string());
}

#[tokio::test]
async fn a_module_that_wants_clixml_is_told_what_is_answered() {
    let portal = portal_with(&["alice"]).await;
    let request = portal
        .authorized(Method::POST, &format!("/adminapi/beta/{TENANT}/InvokeCommand"))
        .header("x-responseformat", "clixml")
        .header("x-clientapplication", "ExoManagementModule");
    let answer = portal.send(request.json(&input(GET, &json!({})))).await;
    assert!(super::refused(&answer, 400).contains("json alone is answered"));
}

/// What the client of the stories does not do: it unpacks the answer.
async fn send_unpacked(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    assert_eq!(headers["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    let mut text = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    Answer { status, headers, text }
}
