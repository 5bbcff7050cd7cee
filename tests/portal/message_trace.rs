//! The message trace: what was submitted, for scripts and on its page.

use crate::harness::{Answer, Portal, minutes, texts};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const CAROL: &str = "carol@example.org";

/// Tells of messages as a script would, all submitted now.
async fn tell(portal: &Portal, messages: Value) {
    let answer = portal.post("/api/v1/outbound-messages", messages).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// The subjects that a query finds, newest first.
async fn found(portal: &Portal, query: &str) -> Vec<String> {
    texts(&portal.get(&format!("/api/v1/messages?{query}")).await.ok()["items"], "subject")
}

async fn page(portal: &Portal, path: &str) -> Answer {
    let session = portal.session(RoleGroup::SecurityReader).await;
    portal.send(portal.request(Method::GET, path).header("cookie", session)).await
}

/// One message an hour, the last one now.
async fn three_messages(portal: &Portal) {
    let begin = portal.clock.now();
    for (hour, message) in [
        json!({ "sender": ALICE, "recipients": [BOB], "subject": "one", "verdict": "clean",
                "queue_id": "AAA1" }),
        json!({ "sender": ALICE, "recipients": ["Dan_1@Remote.example"], "subject": "two",
                "verdict": "spam", "score": 12.5, "queue_id": "AAA2" }),
        json!({ "sender": CAROL, "recipients": [BOB, ALICE], "subject": "three",
                "queue_id": "AAA3" }),
    ]
    .into_iter()
    .enumerate()
    {
        portal
            .clock
            .advance(begin + minutes(60 * i64::try_from(hour).unwrap()) - portal.clock.now());
        tell(portal, message).await;
    }
}

#[tokio::test]
async fn a_query_finds_by_sender_recipient_queue_id_time_and_verdict() {
    let portal = Portal::start().await;
    three_messages(&portal).await;
    for (query, subjects) in [
        ("", vec!["three", "two", "one"]),
        ("sender=ALICE", vec!["two", "one"]),
        ("recipient=BOB@remote.example", vec!["three", "one"]),
        ("recipient=dan_1@remote.example", vec!["two"]),
        ("recipient=danx1@remote.example", vec![]),
        ("recipient=remote.example", vec![]),
        ("queue_id=AAA2", vec!["two"]),
        ("queue_id=aaa2", vec![]),
        ("queue_id=AAA2&sender=carol", vec![]),
        ("since=2026-11-23T11:00:00Z", vec!["three", "two"]),
        ("until=2026-11-23T12:00:00%2B01:00", vec!["one"]),
        ("since=2026-11-23T10:30:00Z&until=2026-11-23T12:00:00Z", vec!["two"]),
        ("verdict=spam", vec!["two"]),
        ("verdict=clean", vec!["one"]),
        ("sender=alice&verdict=spam&recipient=dan_1@remote.example", vec!["two"]),
        ("sender=nobody", vec![]),
    ] {
        assert_eq!(found(&portal, query).await, subjects, "{query}");
    }
}

#[tokio::test]
async fn paging_reaches_each_message_once_while_others_come() {
    let portal = Portal::start().await;
    let numbers: Vec<Value> = (0..25)
        .map(
            |number| json!({ "sender": ALICE, "recipients": [BOB], "subject": number.to_string() }),
        )
        .collect();
    tell(&portal, json!(numbers)).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/messages?sender=alice&limit=10{cursor}");
        let page = portal.get(&path).await.ok();
        seen.extend(texts(&page["items"], "subject"));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        tell(&portal, json!({ "sender": ALICE, "recipients": [BOB], "subject": "later" })).await;
    }
    let expected: Vec<String> = (0..25).rev().map(|number| number.to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_query_that_is_not_what_is_taken_names_its_parameter() {
    let portal = Portal::start().await;
    three_messages(&portal).await;
    let first = portal.get("/api/v1/messages?limit=1").await.ok();
    let cursor = format!("limit=1&verdict=spam&cursor={}", first["next_cursor"].as_str().unwrap());
    let long = format!("recipient={}", "a".repeat(321));
    for (query, field) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("verdict=ham", "verdict"),
        ("recipient=a%00b", "recipient"),
        (&long, "recipient"),
        ("queue_id=%00", "queue_id"),
        ("since=yesterday", "since"),
        ("since=%2B12026-11-23T10:00:00Z", "since"),
        ("until=%2B262142-12-31T23:59:59.999999999Z", "until"),
        ("until=-0001-01-01T00:00:00Z", "until"),
        ("cursor=nonsense", "cursor"),
        ("cursor=AAAAAAAAAAAAAAAA", "cursor"),
        (&cursor, "cursor"),
    ] {
        portal.get(&format!("/api/v1/messages?{query}")).await.invalid(field);
    }
}

#[tokio::test]
async fn who_writes_to_nobody_is_looked_for_page_by_page_and_found() {
    let portal = Portal::start().await;
    many_messages_after_one_to_dan(&portal).await;
    let first = portal.get("/api/v1/messages?recipient=dan@remote.example").await.ok();
    assert_eq!(first["items"], json!([]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/api/v1/messages?recipient=dan@remote.example&cursor={cursor}");
    let second = portal.get(&path).await.ok();
    assert_eq!(texts(&second["items"], "queue_id"), ["DAN"]);
    assert_eq!(second["next_cursor"], Value::Null);

    let shown = page(&portal, "/ui/messagetrace?recipient=dan@remote.example").await.text;
    assert!(shown.contains("Look further back") && shown.contains("0</span> shown"), "{shown}");
}

/// As many as are looked at for one page, and twenty more.
async fn many_messages_after_one_to_dan(portal: &Portal) {
    const SQLITE: &str = "WITH RECURSIVE numbers (x) AS
          (SELECT 0 UNION ALL SELECT x + 1 FROM numbers WHERE x < 20020)
        INSERT INTO messages
        SELECT UNHEX('0199aa' || PRINTF('%06x', x) || '70008000000000000000'),
               '2025-10-03T10:00:00+00:00', 'carol@example.org', 'api',
               CASE x WHEN 0 THEN '[\"dan@remote.example\"]' ELSE '[\"bob@remote.example\"]' END,
               0, 1, 0, CASE x WHEN 0 THEN 'DAN' END, NULL, NULL, NULL, NULL, NULL, '[]'
          FROM numbers";
    const POSTGRES: &str = "INSERT INTO messages
        SELECT CAST('0199aa' || LPAD(TO_HEX(x), 6, '0') || '70008000000000000000' AS UUID),
               '2025-10-03T10:00:00+00:00', 'carol@example.org', 'api',
               CASE x WHEN 0 THEN '[\"dan@remote.example\"]' ELSE '[\"bob@remote.example\"]' END,
               0, 1, 0, CASE x WHEN 0 THEN 'DAN' END, NULL, NULL, NULL, NULL, NULL, '[]'
          FROM GENERATE_SERIES(0, 20020) AS x";
    let database = &portal.database;
    let statement = if database.is_postgres() { POSTGRES } else { SQLITE };
    database.try_execute(statement).await.unwrap();
}

#[tokio::test]
async fn the_page_shows_what_its_address_asks_for() {
    let portal = Portal::start().await;
    three_messages(&portal).await;
    for (query, subjects) in [
        ("", vec!["three", "two", "one"]),
        ("?sender=+alice+&recipient=&verdict=", vec!["two", "one"]),
        ("?verdict=spam", vec!["two"]),
        ("?queue_id=AAA3", vec!["three"]),
        ("?recipient=Alice@example.org", vec!["three"]),
        ("?since=2026-11-23T11:00&until=2026-11-23T11:01:30.5", vec!["two"]),
        ("?sender=nobody", vec![]),
    ] {
        for path in ["/ui/messagetrace", "/ui/messagetrace/rows"] {
            let page = page(&portal, &format!("{path}{query}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            let cells = page.text.split("data-label=\"Subject\"><span><bdi>").skip(1);
            let shown: Vec<_> = cells.map(|cell| cell.split('<').next().unwrap()).collect();
            assert_eq!(shown, subjects, "{path}{query}: {page:?}");
        }
    }
    let filtered =
        page(&portal, "/ui/messagetrace?sender=nobody&since=2026-11-23T11:00").await.text;
    for told in ["No message matches.", "value=\"nobody\"", "value=\"2026-11-23T11:00\""] {
        assert!(filtered.contains(told), "{told}: {filtered}");
    }
}

#[tokio::test]
async fn the_page_of_a_portal_that_watched_nothing_says_what_to_do() {
    let portal = Portal::start().await;
    let page = page(&portal, "/ui/messagetrace").await.text;
    assert!(page.contains("No message was watched yet."), "{page}");
}

#[tokio::test]
async fn load_more_reaches_every_message_once() {
    let portal = Portal::start().await;
    let message = json!({ "sender": ALICE, "recipients": [BOB], "verdict": "clean" });
    tell(&portal, json!(vec![message; 120])).await;
    let session = portal.session(RoleGroup::GlobalReader).await;
    let mut path = "/ui/messagetrace/rows?sender=alice&verdict=clean".to_owned();
    let mut seen = BTreeSet::new();
    for count in [50, 50, 20] {
        let request = portal.request(Method::GET, &path).header("cookie", &session);
        let page = portal.send(request).await.text;
        let ids = page.split("id=\"message-").skip(1);
        let ids: Vec<_> = ids.map(|it| it.split('"').next().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), count, "{page}");
        seen.extend(ids);
        let next = page.split("data-get=\"").nth(1).unwrap_or_default();
        path = next.split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!((seen.len(), path.as_str()), (120, ""));
}

#[tokio::test]
async fn a_filter_that_is_not_what_is_taken_names_its_field() {
    let portal = Portal::start().await;
    for (query, field) in [
        ("colour=red", "colour"),
        ("recipient=%00", "recipient"),
        ("since=yesterday", "since"),
        ("until=2026-11-23", "until"),
        ("until=%2B12026-11-23T10:00", "until"),
        ("verdict=ham", "verdict"),
        ("cursor=nonsense", "cursor"),
        ("limit=10", "limit"),
    ] {
        for path in ["/ui/messagetrace", "/ui/messagetrace/rows"] {
            page(&portal, &format!("{path}?{query}")).await.invalid(field);
        }
    }
}
