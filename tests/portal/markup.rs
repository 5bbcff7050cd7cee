//! What anybody wrote is text on every page. This walks the list of routes, and the forms that its pages
//! hold, so that a new page is looked at as well.

use crate::harness::{Answer, Portal, eventually};
use crate::routes::ROUTES;
use reqwest::Method;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::SecretHash;
use restricted_users::store::{AlertQuery, NewSession, TokenRecord};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use url::form_urlencoded::byte_serialize;

const MARKUP: &str = "<xss'\"><xss\"'>";
/// The same as an address, between quotes.
const ADDRESS: &str = "\"<xss'>\"@example.org";
/// What a page holds where some of it got through, or where the policy would forbid what is ours.
const TRACES: [&str; 6] = ["<xss", "xss'", "xss\"", "<script>", " style=", "javascript:"];

const SETTINGS: [(&str, &str); 5] = [
    ("organization_name", MARKUP),
    ("help_url", "https://help.example/?<xss'\"><xss\"'>"),
    // Nobody listens there.
    ("smtp_url", "smtp://127.0.0.1:9"),
    ("alert_from", "alerts@example.org"),
    ("alert_recipients", "security@example.org"),
];

/// Writes it wherever somebody may write something. Answers what stands for the parts of paths that vary.
async fn written_everywhere(portal: &Portal, session: &str) -> Vec<String> {
    let message = json!({
        "sender": ADDRESS, "recipients": ["\"<xss'>\"@remote.example"], "queue_id": MARKUP,
        "message_id": format!("a{MARKUP}b"), "subject": MARKUP,
    });
    portal.post("/api/v1/outbound-messages", message).await.ok();
    let verdict = json!({
        "user": ADDRESS, "qid": MARKUP, "action": "reject", "subject": MARKUP,
        "rcpt": [MARKUP], "symbols": [{ "name": MARKUP, "score": 9 }],
    });
    assert_eq!(portal.post("/api/v1/verdicts/rspamd", verdict).await.status, 204);
    let user = json!({ "address": ADDRESS, "reason": MARKUP });
    let user = portal.post("/api/v1/restricted-users", user).await.ok();
    let unblock = format!("/api/v1/restricted-users/{}/unblock", text(&user["id"]));
    portal.post(&unblock, json!({ "comment": MARKUP })).await.ok();
    let policy = json!({ "name": MARKUP, "from": [ADDRESS] });
    let policy = portal.post("/api/v1/outbound-spam-policies", policy).await.ok();
    let operator = json!({ "address": ADDRESS, "role_group": "global_reader" });
    portal.post("/api/v1/operators", operator).await.ok();
    add_token_and_browser(portal, session).await;
    let alerts = portal.get("/api/v1/alerts").await.ok();
    let alert = text(&alerts["items"][0]["id"]);
    portal.patch(&format!("/api/v1/alerts/{alert}"), json!({ "comment": MARKUP })).await.ok();
    let words = [&text(&user["id"]), &text(&policy["id"]), &alert, &notice(portal).await];
    let words = words.into_iter().map(String::as_str);
    let words = words.chain([ADDRESS, MARKUP, "user-restricted", "text"]);
    words.map(|word| byte_serialize(word.as_bytes()).collect()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What only the store takes as it is: a token's name, and another browser of whoever looks at the pages.
async fn add_token_and_browser(portal: &Portal, session: &str) {
    let (store, now, actor) = (&portal.app.store, portal.clock.now(), Actor::command_line());
    let (name, role_group) = (MARKUP.to_owned(), RoleGroup::GlobalReader);
    let token = TokenRecord { name, role_group, created_at: now, expires_at: None };
    assert!(store.add_token(&token, &SecretHash::of("token"), &actor).await.unwrap());
    let secret = SecretHash::of(session.split('=').nth(1).unwrap());
    let operator = store.session(&secret, now).await.unwrap().unwrap().operator_id;
    let secret = &SecretHash::of("session");
    let new = NewSession { secret, operator, browser: Some(MARKUP), with: MARKUP };
    store.begin_session(new, &actor, now).await.unwrap();
}

/// The id of what was sent about the only alert.
async fn notice(portal: &Portal) -> String {
    let query = AlertQuery { limit: 1, ..AlertQuery::default() };
    let id = async || portal.app.store.alerts(&query).await.unwrap().items[0].notice_id;
    eventually("the alert is sent", async || id().await.is_some()).await;
    id().await.unwrap().to_string()
}

/// Pages and fragments of the portal.
fn portal_paths(of: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let routes = ROUTES.iter().filter(move |(method, path, _)| {
        *method == of && ["/ui/", "/sign-"].iter().any(|begin| path.starts_with(begin))
    });
    routes.map(|(_, path, who)| (*path, *who))
}

/// A path with each word for the part that varies.
fn filled(path: &str, words: &[String]) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let after = rest.split_once('}').unwrap().1;
    words.iter().map(|word| format!("{before}{word}{after}")).collect()
}

/// The forms of a page: where they go, and the names of their fields.
fn forms(page: &str) -> Vec<(String, Vec<String>)> {
    let value = |rest: &str| rest.split('"').next().unwrap().to_owned();
    let forms = page.split("<form ").skip(1).map(|form| form.split("</form>").next().unwrap());
    let forms = forms.filter_map(|form| {
        let action = value(form.split_once("action=\"")?.1);
        Some((action, form.split(" name=\"").skip(1).map(value).collect()))
    });
    forms.collect()
}

fn check(answer: &Answer, what: &str) {
    let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap());
    if kind.is_some_and(|kind| kind.starts_with("text/html")) {
        for trace in TRACES {
            assert!(!answer.text.contains(trace), "{what}: {trace}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn nothing_that_anybody_wrote_is_markup_on_any_page() {
    let portal = Portal::with(&SETTINGS).await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let words = written_everywhere(&portal, &session).await;
    let get = async |path: &str| {
        let answer =
            portal.send(portal.request(Method::GET, path).header("cookie", &session)).await;
        check(&answer, path);
        answer
    };
    let (mut all_forms, mut shown) = (BTreeSet::new(), 0);
    for (path, who) in portal_paths("GET").chain([("/", "anybody"), ("/api/docs", "anybody")]) {
        let mut is_there = who == "anybody";
        for path in filled(path, &words) {
            let page = get(&path).await;
            is_there |= page.status == 200;
            shown += u32::from(page.text.contains("&#60;xss"));
            all_forms.extend(forms(&page.text));
        }
        assert!(is_there, "{path} is nowhere: add what stands in its braces to the words");
    }
    assert!(shown > 20, "it is on {shown} pages alone");
    let names: BTreeSet<_> = all_forms.iter().flat_map(|(_, names)| names.clone()).collect();
    for (path, _) in portal_paths("GET").filter(|(path, _)| !path.contains('{')) {
        for name in &names {
            let word: String = byte_serialize(MARKUP.as_bytes()).collect();
            get(&format!("{path}?{name}={word}")).await;
        }
    }
    for (path, _) in portal_paths("POST") {
        let all = || names.iter().cloned().collect();
        all_forms.extend(filled(path, &words).into_iter().map(|path| (path, all())));
    }
    for (path, names) in all_forms {
        let session = portal.session(RoleGroup::OrganizationManagement).await;
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), MARKUP)).collect();
        check(&portal.form(&path, &session, &fields).await, &format!("{path} {names:?}"));
    }
}
