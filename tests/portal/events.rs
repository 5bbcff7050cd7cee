//! What happens to restrictions, for scripts that follow.

use crate::harness::{Portal, eventually, minutes, texts};
use futures_util::{Stream, StreamExt};
use reqwest::Method;
use restricted_users::operator::RoleGroup;
use serde_json::Value;
use std::pin::Pin;

const ALICE: &str = "alice@example.org";

/// A stream of server-sent events, read as it comes.
struct Following {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
}

impl Following {
    async fn start(portal: &Portal, path: &str, last: Option<&str>) -> Self {
        let token = portal.token(RoleGroup::SecurityReader).await;
        let request = portal.request(Method::GET, path).bearer_auth(token);
        let request = request.header("accept", "text/event-stream");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// The next event: its id, and what it tells. Nothing when the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let (id, data) = (line("id: "), line("data: "));
                let told = id.zip(data).map(|(id, data)| (id.into(), data.parse().unwrap()));
                if told.is_some() {
                    return told;
                }
            } else {
                let bytes = self.bytes.next().await?.ok()?;
                self.text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        }
    }

    async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            let (_, event) = self.next().await.unwrap();
            types.push(event["type"].as_str().unwrap().to_owned());
        }
        types
    }
}

#[tokio::test]
async fn a_script_that_comes_again_and_again_misses_nothing() {
    let portal = Portal::start().await;
    portal.restricted("before@example.org").await;
    let start = portal.get("/api/v1/events").await.ok();
    assert!(start["items"].as_array().unwrap().is_empty());
    let id = portal.restricted(ALICE).await;
    portal.unblock(&id).await;
    portal.pass(minutes(30)).await;

    let (mut types, mut next) = (Vec::new(), start["next"].clone());
    loop {
        let page = portal.get(&format!("/api/v1/events?after={next}&limit=2")).await.ok();
        if page["items"].as_array().unwrap().is_empty() {
            assert_eq!(page["next"], next);
            break;
        }
        let user = &page["items"][0]["restricted_user"];
        assert_eq!((&user["address"], &user["state"]), (&ALICE.into(), &"released".into()));
        types.extend(texts(&page["items"], "type"));
        next = page["next"].clone();
    }
    assert_eq!(types, ["restricted", "unblock_requested", "released"]);
}

#[tokio::test]
async fn a_stream_tells_what_happens_as_it_happens_wherever_it_was_done() {
    let portal = Portal::start().await;
    let other = portal.replica().await;
    portal.restricted("before@example.org").await;
    let mut here = Following::start(&portal, "/api/v1/events", None).await;
    let mut there = Following::start(&other, "/api/v1/events", None).await;
    let id = portal.restricted(ALICE).await;
    other.unblock(&id).await;
    for following in [&mut here, &mut there] {
        assert_eq!(following.types(2).await, ["restricted", "unblock_requested"]);
    }
    portal.pass(minutes(30)).await;
    let (_, event) = here.next().await.unwrap();
    assert_eq!((&event["type"], &event["restricted_user"]["id"]), (&"released".into(), &id.into()));
}

#[tokio::test]
async fn a_stream_that_was_cut_goes_on_where_it_was() {
    let portal = Portal::start().await;
    let mut following = Following::start(&portal, "/api/v1/events?after=0", None).await;
    for number in 0..500 {
        portal.app.restrict(&address(number), "spam", &system()).await.unwrap();
    }
    let (mut last, mut told) = (String::new(), Vec::new());
    for _ in 0..10 {
        let (id, event) = following.next().await.unwrap();
        told.push(event["restricted_user"]["address"].as_str().unwrap().to_owned());
        last = id;
    }
    drop(following);
    let mut again = Following::start(&portal, "/api/v1/events?after=0", Some(&last)).await;
    for _ in 10..500 {
        let (_, event) = again.next().await.unwrap();
        told.push(event["restricted_user"]["address"].as_str().unwrap().to_owned());
    }
    let expected: Vec<_> = (0..500).map(|number| address(number).to_string()).collect();
    assert_eq!(told, expected);
}

fn address(number: usize) -> restricted_users::address::Address {
    restricted_users::address::Address::stored(&format!("user{number}@example.org"))
}

fn system() -> restricted_users::operator::Actor {
    restricted_users::operator::Actor::system()
}

#[tokio::test]
async fn a_stop_ends_streams_at_once() {
    let portal = Portal::start().await;
    let mut following = Following::start(&portal, "/api/v1/events", None).await;
    let (ended, ()) = tokio::join!(following.next(), portal.stop());
    assert!(ended.is_none());
}

#[tokio::test]
async fn what_cannot_be_followed_is_told_in_a_sentence() {
    let portal = Portal::start().await;
    portal.restricted(ALICE).await;
    portal.get("/api/v1/events?after=9").await.invalid("after");
    portal.get("/api/v1/events?after=-1").await.invalid("after");
    portal.get("/api/v1/events?after=0&limit=0").await.invalid("limit");
    portal.get("/api/v1/events?since=1").await.problem("invalid");
    let token = portal.token(RoleGroup::GlobalReader).await;
    let request = portal.request(Method::GET, "/api/v1/events").bearer_auth(&token);
    let request = request.header("accept", "text/event-stream").header("last-event-id", "x");
    portal.send(request).await.invalid("Last-Event-ID");
}

/// 1,000 are asked for; so many descriptors a gate need not have.
fn followers() -> usize {
    std::env::var("EVENT_STREAMS").map_or(50, |count| count.parse().unwrap())
}

#[tokio::test]
async fn an_event_reaches_everybody_who_follows() {
    let portal = Portal::start().await;
    let mut all = Vec::new();
    for _ in 0..followers() {
        all.push(Following::start(&portal, "/api/v1/events", None).await);
    }
    portal.restricted(ALICE).await;
    for following in &mut all {
        assert_eq!(following.types(1).await, ["restricted"]);
    }
    drop(all);
    eventually("nobody follows any more", async || {
        portal.restricted(&format!("{}@example.org", uuid::Uuid::now_v7())).await;
        portal.app.feed.followers() == 0
    })
    .await;
}
