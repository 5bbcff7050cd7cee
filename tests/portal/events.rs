//! What happens to restrictions, for scripts that follow.

use crate::harness::{Portal, eventually, minutes, texts};
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use reqwest::{Method, RequestBuilder};
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};
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
        Self::read(match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        })
        .await
    }

    async fn read(request: RequestBuilder) -> Self {
        let request = request.header("accept", "text/event-stream");
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

fn address(number: usize) -> restricted_users::model::address::Address {
    restricted_users::model::address::Address::stored(&format!("user{number}@example.org"))
}

fn system() -> restricted_users::model::operator::Actor {
    restricted_users::model::operator::Actor::system()
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

const EVENTS: &str = "/api/v1/events";

#[tokio::test]
async fn a_stream_ends_with_its_token_before_it_tells_anything_more() {
    let portal = Portal::start().await;
    let token =
        portal.post("/api/v1/tokens", json!({ "name": "rd", "role_group": "security_reader" }));
    let token = token.await.ok()["token"].as_str().unwrap().to_owned();
    let mut following =
        Following::read(portal.request(Method::GET, EVENTS).bearer_auth(token)).await;
    portal.restricted(ALICE).await;
    assert_eq!(following.types(1).await, ["restricted"]);
    assert_eq!(portal.delete("/api/v1/tokens/rd").await.status, 204);
    portal.restricted("bob@example.org").await;
    assert!(following.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires_and_within_a_second_where_another_process_revokes_it()
{
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    let token = async |name: &str| {
        let expires_at = portal.clock.now() + TimeDelta::days(1);
        let new =
            json!({ "name": name, "role_group": "security_reader", "expires_at": expires_at });
        portal.post("/api/v1/tokens", new).await.ok()["token"].as_str().unwrap().to_owned()
    };
    let (revoked, expires) = (token("revoked").await, token("expires").await);
    let follow = |token: &str| {
        let request = portal.request(Method::GET, EVENTS).bearer_auth(token);
        Following::read(request)
    };
    let (mut first, mut second) = (follow(&revoked).await, follow(&expires).await);
    replica.delete("/api/v1/tokens/revoked").await;
    portal.clock.advance(TimeDelta::seconds(1));
    portal.restricted(ALICE).await;
    assert!(first.next().await.is_none());
    assert_eq!(second.types(1).await, ["restricted"]);
    portal.clock.advance(TimeDelta::days(1));
    portal.restricted("bob@example.org").await;
    assert!(second.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_within_a_second_of_its_session_and_keeps_none_alive() {
    let portal = Portal::start().await;
    let follow = |cookie: &str| {
        Following::read(portal.request(Method::GET, EVENTS).header("cookie", cookie))
    };
    let (ended, idle) = (
        portal.session(RoleGroup::SecurityReader).await,
        portal.session(RoleGroup::SecurityReader).await,
    );
    let (mut first, mut second) = (follow(&ended).await, follow(&idle).await);
    assert_eq!(portal.form("/sign-out", &ended, &[]).await.status, 303);
    portal.clock.advance(TimeDelta::seconds(1));
    portal.restricted(ALICE).await;
    assert!(first.next().await.is_none());
    assert_eq!(second.types(1).await, ["restricted"]);
    for half_hour in ["bob@example.org", "carol@example.org"] {
        portal.clock.advance(minutes(29));
        portal.restricted(half_hour).await;
        assert_eq!(second.types(1).await, ["restricted"]);
    }
    portal.clock.advance(minutes(2));
    portal.restricted("dave@example.org").await;
    assert!(second.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_within_a_second_of_the_removal_of_its_operator() {
    let portal = Portal::start().await;
    let cookie = portal.session(RoleGroup::SecurityReader).await;
    let request = portal.request(Method::GET, EVENTS).header("cookie", &cookie);
    let mut following = Following::read(request).await;
    let operators = portal.app.store.operators().await.unwrap();
    let path = format!("/api/v1/operators/{}", operators[0].address);
    assert_eq!(portal.delete(&path).await.status, 204);
    portal.clock.advance(TimeDelta::seconds(1));
    portal.restricted(ALICE).await;
    assert!(following.next().await.is_none());
}

#[tokio::test]
async fn a_token_has_twenty_streams_at_once() {
    let portal = Portal::start().await;
    let token = portal.token(RoleGroup::SecurityReader).await;
    let request = || portal.request(Method::GET, EVENTS).bearer_auth(&token);
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Following::read(request()).await);
    }
    let one_more = async || portal.send(request().header("accept", "text/event-stream")).await;
    let detail = one_more().await.problem("too-many-requests");
    assert!(detail.contains("20 streams"), "{detail}");
    // What is no stream is answered, and so are others.
    portal.send(request()).await.ok();
    Following::start(&portal, EVENTS, None).await;
    open.pop();
    portal.restricted(ALICE).await;
    let stream = || request().header("accept", "text/event-stream").send();
    eventually("a place is free", async || stream().await.unwrap().status() == 200).await;
}
