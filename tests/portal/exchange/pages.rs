//! A long answer, page by page, while entries come and go.

use super::{GET, GET_POLICY, TENANT, follow, input, invoke, refused};
use crate::harness::{Portal, texts};
use reqwest::Method;
use restricted_users::model::address::Address;
use restricted_users::model::operator::Actor;
use restricted_users::model::reason::Cause;
use restricted_users::store::ImportRow;
use serde_json::{Value, json};
use std::collections::HashSet;

/// `EXCHANGE_WALK=100000` walks through as many as an installation may have; `benches/walk.rs`
/// measures how long that takes.
fn count() -> usize {
    std::env::var("EXCHANGE_WALK").map_or(3_000, |count| count.parse().unwrap())
}

fn row(number: usize) -> ImportRow {
    ImportRow {
        address: Address::stored(&format!("user{number:06}@example.org")),
        cause: Cause::Imported,
        reason: String::new(),
        created: None,
        changed: None,
        temporary: false,
    }
}

/// One of both ways to follow a link.
async fn next(portal: &Portal, link: &str, by: &Method) -> Value {
    let request = follow(portal, by.clone(), link);
    let request = if by == Method::POST { request.json(&input(GET, &json!({}))) } else { request };
    portal.send(request).await.ok()
}

#[tokio::test]
async fn a_walk_of_many_pages_meets_everybody_who_stays_once_while_others_come_and_go() {
    let (portal, size) = (Portal::with(&[("propagation_delay", "0s")]).await, count() / 30);
    let rows: Vec<_> = (0..count()).map(row).collect();
    portal.app.store.import(&rows, portal.clock.now()).await.unwrap();
    portal.app.store.settle().await.unwrap();
    for by in [Method::POST, Method::GET] {
        let mut pages = 1;
        let request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
        let request = request.header("prefer", format!("odata.maxpagesize={size}"));
        let mut page = portal.send(request.json(&input(GET, &json!({})))).await.ok();
        let mut seen = texts(&page["value"], "SenderAddress");
        let (mut gone, mut come) = (HashSet::new(), HashSet::new());
        while let Some(link) = page["@odata.nextLink"].as_str() {
            // One before and one behind where the walk is go, and so many come.
            for number in [7 * pages, count() - 7 * pages] {
                let leaver = format!("user{number:06}@example.org");
                portal.unblock(&leaver).await;
                let comer = format!("user{number:06}a{by}@example.org").to_lowercase();
                portal.restricted(&comer).await;
                gone.insert(leaver);
                come.insert(comer);
            }
            page = next(&portal, link, &by).await;
            seen.extend(texts(&page["value"], "SenderAddress"));
            pages += 1;
        }
        assert!(pages >= 30, "{pages}");
        assert!(seen.is_sorted_by(|one, other| one < other), "nobody twice, all in order");
        let seen: HashSet<_> = seen.into_iter().collect();
        for address in rows.iter().map(|row| row.address.as_str()) {
            assert!(seen.contains(address) || gone.contains(address), "{address} is missing");
        }
        for comer in &come {
            portal.unblock(comer).await;
        }
        for leaver in &gone {
            portal.restricted(leaver).await;
        }
    }
}

#[tokio::test]
async fn a_page_has_as_many_as_are_preferred_and_never_more_than_a_thousand() {
    let portal = Portal::start().await;
    let rows: Vec<_> = (0..1_001).map(row).collect();
    portal.app.store.import(&rows, portal.clock.now()).await.unwrap();
    for (prefer, expected, applied) in [
        (None, 1_000, None),
        (Some("odata.maxpagesize=10"), 10, Some("odata.maxpagesize=10")),
        (Some("odata.maxpagesize=5000"), 1_000, Some("odata.maxpagesize=1000")),
        (Some("return=minimal"), 1_000, None),
    ] {
        let mut request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        let answer = portal.send(request.json(&input(GET, &json!({})))).await;
        let told = answer.headers.get("preference-applied").map(|value| value.to_str().unwrap());
        assert_eq!(told, applied, "{prefer:?}");
        assert_eq!(answer.ok()["value"].as_array().unwrap().len(), expected, "{prefer:?}");
    }
}

#[tokio::test]
async fn a_link_is_good_for_its_own_call_alone_and_keeps_its_size() {
    let portal = Portal::start().await;
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
    let request = request.header("prefer", "odata.maxpagesize=2").json(&input(GET, &json!({})));
    let page = portal.send(request).await.ok();
    let link = page["@odata.nextLink"].as_str().unwrap();
    let by_get = next(&portal, link, &Method::GET).await;
    assert_eq!(texts(&by_get["value"], "SenderAddress"), ["carol@example.org", "dave@example.org"]);
    assert_eq!(by_get, next(&portal, link, &Method::POST).await);
    let larger = follow(&portal, Method::GET, link).header("prefer", "odata.maxpagesize=9");
    let larger = portal.send(larger).await.ok();
    assert_eq!(larger["value"].as_array().unwrap().len(), 3);
    assert_eq!(larger["@odata.nextLink"], Value::Null);

    for call in [
        input(GET, &json!({ "SenderAddress": "erin@example.org" })),
        input(GET_POLICY, &json!({})),
        input(super::REMOVE, &json!({ "SenderAddress": "erin@example.org" })),
    ] {
        let request = follow(&portal, Method::POST, link).json(&call);
        let why = refused(&portal.send(request).await, 400);
        assert!(why.contains("@odata.nextLink"), "{why}");
    }
    assert_eq!(portal.user("erin@example.org").await["state"], "restricted");
    let bare = portal.authorized(Method::GET, &format!("{TENANT}/InvokeCommand"));
    assert!(refused(&portal.send(bare).await, 400).contains("$skiptoken is missing"));
}

#[tokio::test]
async fn who_is_restricted_anew_during_a_walk_is_met_once() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    for name in ["alice", "bob", "carol"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let request = portal.authorized(Method::POST, &format!("{TENANT}/InvokeCommand"));
    let request = request.header("prefer", "odata.maxpagesize=2").json(&input(GET, &json!({})));
    let page = portal.send(request).await.ok();
    let actor = Actor::command_line();
    for name in ["alice@example.org", "bob@example.org"] {
        portal.unblock(name).await;
        let address = Address::stored(name);
        assert!(portal.app.restrict(&address, "again", &actor).await.unwrap().is_some());
    }
    let link = page["@odata.nextLink"].as_str().unwrap();
    let rest = next(&portal, link, &Method::GET).await;
    assert_eq!(texts(&rest["value"], "SenderAddress"), ["carol@example.org"]);
    assert_eq!(invoke(&portal, GET, json!({})).await.ok()["value"].as_array().unwrap().len(), 3);
}
