//! The list of restricted users: filters, orders, pages.

use crate::harness::{Portal, minutes, texts};
use chrono::{DateTime, TimeDelta, Utc};
use restricted_users::model::address::Address;
use restricted_users::model::reason::Cause;
use restricted_users::store::ImportRow;
use serde_json::Value;

async fn portal_with(count: usize) -> Portal {
    let portal = Portal::start().await;
    for number in 0..count {
        portal.restricted(&format!("user{number:03}@example.org")).await;
        portal.pass(TimeDelta::seconds(1)).await;
    }
    portal
}

async fn list(portal: &Portal, query: &str) -> Value {
    portal.get(&format!("/api/v1/restricted-users?{query}")).await.ok()
}

/// Follows the cursors to the end.
async fn walk(portal: &Portal, query: &str) -> Vec<String> {
    let mut page = list(portal, query).await;
    let mut addresses = texts(&page["items"], "address");
    while let Some(cursor) = page["next_cursor"].as_str() {
        page = list(portal, &format!("{query}&cursor={cursor}")).await;
        addresses.extend(texts(&page["items"], "address"));
    }
    addresses
}

#[tokio::test]
async fn every_order_reaches_everybody_once_through_its_pages() {
    let portal = portal_with(23).await;
    let ascending: Vec<_> = (0..23).map(|number| format!("user{number:03}@example.org")).collect();
    let descending: Vec<_> = ascending.iter().rev().cloned().collect();
    for (sort, expected) in [
        ("restricted_at", &ascending),
        ("-restricted_at", &descending),
        ("address", &ascending),
        ("-address", &descending),
    ] {
        for state in ["active", "all", "restricted"] {
            let query = format!("sort={sort}&state={state}&limit=5");
            assert_eq!(&walk(&portal, &query).await, expected, "{query}");
        }
    }
    let page = list(&portal, "limit=5").await;
    assert_eq!(page["total"], 23);
    assert_eq!(page["items"][0]["address"], "user022@example.org");
}

#[tokio::test]
async fn paging_neither_repeats_nor_skips_who_stays() {
    let portal = portal_with(12).await;
    let page = list(&portal, "sort=address&limit=5").await;
    let mut seen = texts(&page["items"], "address");
    let cursor = page["next_cursor"].as_str().unwrap();
    portal.restricted("aaron@example.org").await;
    portal.unblock("user002@example.org").await;
    portal.pass(minutes(30)).await;
    let rest = list(&portal, &format!("sort=address&limit=50&cursor={cursor}")).await;
    seen.extend(texts(&rest["items"], "address"));
    let expected: Vec<_> = (0..12).map(|number| format!("user{number:03}@example.org")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_state_shows_who_is_in_it() {
    let portal = portal_with(3).await;
    portal.unblock("user000@example.org").await;
    portal.pass(minutes(30)).await;
    portal.unblock("user001@example.org").await;
    for (state, expected) in [
        ("restricted", vec!["user002@example.org"]),
        ("unblocking", vec!["user001@example.org"]),
        ("released", vec!["user000@example.org"]),
        ("active", vec!["user001@example.org", "user002@example.org"]),
        ("all", vec!["user000@example.org", "user001@example.org", "user002@example.org"]),
    ] {
        for sort in ["restricted_at", "address"] {
            let page = list(&portal, &format!("state={state}&sort={sort}")).await;
            assert_eq!(texts(&page["items"], "address"), expected, "{state} {sort}");
            assert_eq!(page["total"], expected.len());
        }
    }
    assert_eq!(list(&portal, "cause=manual&state=all").await["total"], 3);
    assert_eq!(list(&portal, "cause=outbound_spam&state=all").await["total"], 0);
}

#[tokio::test]
async fn a_search_is_the_beginning_of_the_address_or_of_its_domain() {
    let portal = Portal::start().await;
    for address in [
        "alice@example.org",
        "albert@example.net",
        "Zoë@example.org",
        "bob@sub.example.org",
        "al%_x@example.org",
    ] {
        portal.restricted(address).await;
    }
    for (search, expected) in [
        ("AL", vec!["al%25_x@example.org", "albert@example.net", "alice@example.org"]),
        ("alice@", vec!["alice@example.org"]),
        ("zo%C3%AB", vec!["zoë@example.org"]),
        ("al%25_", vec!["al%25_x@example.org"]),
        ("al_", vec![]),
        ("@example.o", vec!["al%25_x@example.org", "alice@example.org", "zoë@example.org"]),
        (
            "@example.",
            vec![
                "al%25_x@example.org",
                "albert@example.net",
                "alice@example.org",
                "zoë@example.org",
            ],
        ),
        ("@sub", vec!["bob@sub.example.org"]),
        ("example", vec![]),
    ] {
        let expected: Vec<_> = expected.iter().map(|text| text.replace("%25", "%")).collect();
        let page = list(&portal, &format!("search={search}")).await;
        assert_eq!(texts(&page["items"], "address"), expected, "{search}");
        assert_eq!(page["total"], expected.len(), "{search}");
        let walked = walk(&portal, &format!("search={search}&limit=1&sort=-address")).await;
        assert_eq!(walked, expected.iter().rev().cloned().collect::<Vec<_>>(), "{search}");
    }
}

/// An entry of an export: a user that was restricted `number` milliseconds before `now`.
fn row(number: usize, now: DateTime<Utc>) -> ImportRow {
    let domain = if number.is_multiple_of(5) { "five" } else { "other" };
    ImportRow {
        address: Address::stored(&format!("user{number:05}@{domain}.example.org")),
        cause: Cause::Imported,
        reason: String::new(),
        created: Some(now - TimeDelta::milliseconds(i64::try_from(number).unwrap())),
        changed: None,
        temporary: false,
    }
}

#[tokio::test]
async fn by_time_every_state_is_whole_and_in_order_among_many_of_another() {
    let portal = Portal::start().await;
    let now = portal.clock.now();
    let day_block = |number: usize| number.is_multiple_of(2);
    let rows: Vec<_> = (0..2_400)
        .map(|number| ImportRow { temporary: day_block(number), ..row(number, now) })
        .collect();
    portal.app.store.import(&rows, now).await.unwrap();
    portal.pass(TimeDelta::days(1)).await;
    for (state, expected) in [("active", false), ("released", true)] {
        let numbers = (0..2_400).filter(|number| day_block(*number) == expected);
        let newest_first: Vec<_> = numbers.map(|number| rows[number].address.to_string()).collect();
        let mut walked = walk(&portal, &format!("state={state}&limit=200")).await;
        assert_eq!(walked, newest_first, "{state}");
        walked = walk(&portal, &format!("state={state}&limit=200&sort=restricted_at")).await;
        assert!(walked.iter().eq(newest_first.iter().rev()), "{state}, oldest first");
    }
    assert_eq!(walk(&portal, "state=all&limit=200").await.len(), 2_400);
}

#[tokio::test]
async fn beyond_ten_thousand_the_total_is_unknown_and_pages_go_on() {
    let portal = Portal::start().await;
    let now = portal.clock.now();
    let rows: Vec<_> = (0..12_600).map(|number| row(number, now)).collect();
    assert_eq!(portal.app.store.import(&rows, now).await.unwrap().imported, rows.len());
    assert_eq!(list(&portal, "limit=1").await["total"], Value::Null);
    // Of many domains those of the others are passed over, few are sorted; both answer the same.
    for (search, count) in [("@", 12_600), ("@o", 10_080)] {
        let found = walk(&portal, &format!("search={search}&limit=200")).await;
        assert_eq!(found.len(), count);
        assert!(found.is_sorted());
    }
    let other = walk(&portal, "search=@other&limit=200").await;
    assert_eq!(other.len(), 10_080);
    assert!(other.is_sorted());
    let five = walk(&portal, "search=@five&limit=200").await;
    assert_eq!(five.len(), 2_520);
    assert!(five.is_sorted());
    assert_eq!(list(&portal, "search=@five").await["total"], 2_520);
}
