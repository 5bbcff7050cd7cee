//! The page of the audit log, and the same as a file.

use crate::harness::{Answer, Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;

struct Reader<'a> {
    portal: &'a Portal,
    session: String,
}

impl Reader<'_> {
    async fn get(&self, path: &str) -> Answer {
        let request = self.portal.request(Method::GET, path).header("cookie", &self.session);
        self.portal.send(request).await
    }

    /// How many records a filter shows.
    async fn count(&self, filter: &str) -> usize {
        let answer = self.get(&format!("/ui/auditlog/rows?{filter}")).await;
        assert_eq!(answer.status, 200, "{filter}: {answer:?}");
        answer.text.matches("id=\"record-").count()
    }
}

async fn reader(portal: &Portal) -> Reader<'_> {
    Reader { portal, session: portal.session(RoleGroup::GlobalReader).await }
}

#[tokio::test]
async fn the_page_tells_who_did_what_to_whom_and_where_the_log_ends() {
    let portal = Portal::start().await;
    let reader = reader(&portal).await;
    let alice = portal.restricted("alice@example.org").await;
    portal.unblock(&alice).await;
    let page = reader.get("/ui/auditlog").await.text;
    for told in ["alice@example.org", "Unblock requested", "with an API token, from 127.0.0.1"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let last = portal.app.store.last_audit_record().await.unwrap();
    assert!(page.contains(&format!("{}:{}</code>", last.number, last.hash)), "{page}");
}

#[tokio::test]
async fn a_filter_narrows_by_how_names_begin_by_action_and_by_day() {
    let portal = Portal::start().await;
    let reader = reader(&portal).await;
    for name in ["alice", "alan", "bob"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    portal.pass(minutes(24 * 60)).await;
    portal.restricted("carol@example.org").await;
    let later = self::reader(&portal).await;
    assert_eq!(reader.get("/ui/auditlog").await.status, 401, "signed out by now");
    for (filter, count) in [
        ("address=AL&action=Listed", 2),
        ("address=al%25", 0),
        ("actor=organization&action=Listed", 4),
        ("actor=nobody", 0),
        ("action=Listed", 4),
        ("action=Listed&from=2026-11-24", 1),
        ("action=Listed&to=2026-11-23", 3),
        ("action=Listed&from=2026-11-23&to=2026-11-24", 4),
    ] {
        assert_eq!(later.count(filter).await, count, "{filter}");
    }
    let nothing = later.get("/ui/auditlog/rows?actor=nobody").await.text;
    assert!(nothing.contains("No record matches."), "{nothing}");
    later.get("/ui/auditlog/rows?from=9999-12-32").await.invalid("from");
    later.get("/ui/auditlog/rows?to=%2B12026-11-24").await.invalid("to");
}

#[tokio::test]
async fn load_more_reaches_every_record_once_and_the_file_holds_what_the_filter_shows() {
    let portal = Portal::start().await;
    let reader = reader(&portal).await;
    for number in 0..120 {
        portal.restricted(&format!("user{number:03}@example.org")).await;
    }
    let mut path = "/ui/auditlog/rows?action=Listed".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = reader.get(&path).await.text;
        let records = page.split("id=\"record-").skip(1);
        seen.extend(records.map(|it| it.split('"').next().unwrap().parse::<i64>().unwrap()));
        let Some(next) = page.split("data-get=\"").nth(1) else { break };
        path = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!(seen.len(), 120);
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");

    let page = reader.get("/ui/auditlog/rows?address=user00&action=Listed").await.text;
    assert!(
        page.contains("/ui/auditlog/export?address=user00&#38;action=Listed&amp;format=csv"),
        "{page}"
    );
    let csv = reader.get("/ui/auditlog/export?address=user00&action=Listed&format=csv").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), 1 + 10);
    let lines = reader.get("/ui/auditlog/export?address=user00&action=Listed&format=jsonl").await;
    assert_eq!(lines.text.lines().count(), 10);
}

#[tokio::test]
async fn html_in_a_record_is_shown_as_text() {
    let portal = Portal::start().await;
    let body = serde_json::json!({ "address": "\"<i>x\"@example.org", "reason": "<script>" });
    portal.post("/api/v1/restricted-users", body).await.ok();
    let page = reader(&portal).await.get("/ui/auditlog").await.text;
    assert!(!page.contains("<script>") && !page.contains("<i>"), "{page}");
}
