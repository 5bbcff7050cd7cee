//! The pages about alerts, and the days at the head of the restricted users. How they look and behave
//! is tested in a real browser.

use crate::audit_chain;
use crate::harness::{Answer, Portal, eventually, minutes};
use crate::program::result_of;
use chrono::TimeDelta;
use reqwest::Method;
use restricted_users::courier;
use restricted_users::model::operator::RoleGroup;
use restricted_users::store::{AlertQuery, Channel};
use serde_json::{Value, json};

const MAIL: [(&str, &str); 3] = [
    // Nobody listens there.
    ("smtp_url", "smtp://127.0.0.1:9"),
    ("alert_from", "alerts@example.org"),
    ("alert_recipients", "security@example.org"),
];

async fn page(portal: &Portal, path: &str) -> Answer {
    page_for(portal, RoleGroup::OrganizationManagement, path).await
}

async fn page_for(portal: &Portal, role: RoleGroup, path: &str) -> Answer {
    let session = portal.session(role).await;
    let page = portal.send(portal.request(Method::GET, path).header("cookie", session)).await;
    assert_eq!(page.status, 200, "{page:?}");
    page
}

async fn press(portal: &Portal, path: &str, fields: &[(&str, &str)]) -> Answer {
    let session = portal.session(RoleGroup::SecurityAdministrator).await;
    portal.form(path, &session, fields).await
}

/// The only alert.
async fn alert(portal: &Portal) -> Value {
    portal.get("/api/v1/alerts").await.ok()["items"][0].clone()
}

async fn fly_out(portal: &Portal) -> String {
    format!("/ui/alerts/{}", alert(portal).await["id"].as_str().unwrap())
}

/// The text of an element with an id, tags and all, up to the end of its line.
fn element<'a>(page: &'a Answer, id: &str) -> &'a str {
    let at = page.text.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("{id}: {page:?}"));
    page.text[at..].lines().next().unwrap()
}

#[tokio::test]
async fn what_is_new_comes_first_and_what_is_resolved_last() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(portal.restricted(&format!("{name}@example.org")).await);
    }
    portal.unblock(&ids[2]).await;
    let alerts = portal.get("/api/v1/alerts").await.ok();
    let two = format!("/api/v1/alerts/{}", alerts["items"][1]["id"].as_str().unwrap());
    portal.patch(&two, json!({ "status": "in_progress" })).await.ok();

    let list = page(&portal, "/ui/alerts").await.text;
    let places = ["one@", "two@", "three@"].map(|name| list.find(name).unwrap());
    assert!(places.is_sorted(), "{places:?} {list}");
    assert!(list.contains(&format!("#/restrictedusers/{}", ids[0])), "{list}");
    let resolved = page(&portal, "/ui/alerts?status=resolved").await.text;
    assert!(resolved.contains("three@") && !resolved.contains("one@"), "{resolved}");
    let other = page(&portal, "/ui/alerts?policy=sending-limit").await.text;
    assert!(other.contains("No alert matches."), "{other}");
}

#[tokio::test]
async fn further_pages_go_on_from_what_is_new_to_what_is_resolved() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let released = portal.restricted("released@example.org").await;
    portal.unblock(&released).await;
    for number in 0..55 {
        portal.restricted(&format!("user{number:02}@example.org")).await;
    }
    let first = page(&portal, "/ui/alerts").await.text;
    assert_eq!(first.matches("<tr id=\"alert-").count(), 50);
    let next = first.split("data-get=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = page(&portal, &next.replace("&#38;", "&")).await.text;
    assert_eq!(second.matches("<tr id=\"alert-").count(), 6);
    assert!(second.contains("released@") && second.contains("that is all"), "{second}");
}

#[tokio::test]
async fn a_page_without_alerts_says_that_all_is_calm() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    assert!(page(&portal, "/ui/alerts").await.text.contains("All is calm."));
    let alice = portal.restricted("alice@example.org").await;
    assert!(!page(&portal, "/ui/alerts").await.text.contains("All is calm"));
    portal.unblock(&alice).await;
    assert!(page(&portal, "/ui/alerts").await.text.contains("every alert is resolved"));
}

#[tokio::test]
async fn an_alert_is_taken_commented_resolved_and_opened_again_in_its_fly_out() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let path = fly_out(&portal).await;

    let taken = press(&portal, &path, &[("act", "take"), ("comment", "On it")]).await;
    assert!(taken.text.contains("<dialog") && taken.text.contains("you work on it"), "{taken:?}");
    assert_eq!(alert(&portal).await["status"], "in_progress");
    assert_eq!(alert(&portal).await["comments"][0]["text"], "On it");
    assert!(!element(&taken, "nav-alerts").contains("badge"), "{taken:?}");

    let other = page(&portal, &path).await.text;
    assert!(other.contains("works on it") && other.contains("Take it over"), "{other}");
    press(&portal, &path, &[("act", "comment")]).await.invalid("comment");
    let resolved = press(&portal, &path, &[("act", "resolve")]).await.text;
    assert!(resolved.contains("is resolved") && !resolved.contains("<dialog"), "{resolved}");
    press(&portal, &path, &[("act", "reopen")]).await;
    let alert = alert(&portal).await;
    assert_eq!((&alert["status"], &alert["assigned_to"]), (&json!("new"), &Value::Null));
    press(&portal, &path, &[("act", "delete")]).await.invalid("act");
}

#[tokio::test]
async fn the_badge_counts_new_alerts_and_is_told_with_every_change() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let badge = async || element(&page(&portal, "/ui/alerts/badge").await, "bar-alerts").to_owned();
    assert!(badge().await.contains("No new alerts"));
    let fields = [("address", "alice@example.org"), ("reason", "spam")];
    let restricted = portal.form("/ui/restrictedusers", &session, &fields).await;
    assert!(element(&restricted, "nav-alerts").contains(">1<"), "{restricted:?}");
    assert!(badge().await.contains("1 new alert\""));
    let frame = portal.send(portal.request(Method::GET, "/").header("cookie", &session)).await;
    assert!(element(&frame, "bar-alerts").contains("1 new alert\""), "{frame:?}");
    let unblock = "/ui/restrictedusers/alice@example.org/unblock";
    let released = portal.form(unblock, &session, &[]).await;
    assert!(!element(&released, "nav-alerts").contains('1'), "{released:?}");
    assert!(badge().await.contains("No new alerts"));
}

#[tokio::test]
async fn readers_see_everything_and_no_button() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let path = fly_out(&portal).await;
    let seen = page_for(&portal, RoleGroup::SecurityReader, &path).await.text;
    assert!(seen.contains("alice@example.org") && !seen.contains("name=\"act\""), "{seen}");
    let policies = page_for(&portal, RoleGroup::SecurityReader, "/ui/alertpolicies").await.text;
    assert!(policies.contains("User restricted from sending email"), "{policies}");
    assert!(!policies.contains("/edit\"") && !policies.contains("/test\""), "{policies}");
}

#[tokio::test]
async fn html_in_a_reason_a_comment_and_a_problem_is_shown_as_text() {
    let portal = Portal::with(&MAIL).await;
    let reason = "<script>alert(1)</script>";
    let body = json!({ "address": "\"<i>x\"@example.org", "reason": reason });
    portal.post("/api/v1/restricted-users", body).await.ok();
    let path = fly_out(&portal).await;
    press(&portal, &path, &[("act", "take"), ("comment", "<b>bold</b>")]).await;
    eventually("an attempt fails", async || {
        page(&portal, &path).await.text.contains("Next attempt")
    })
    .await;
    let failed = "UPDATE deliveries
                     SET problem = '<img src=x>\u{202e}', given_up_at = created_at, due_at = NULL";
    portal.database.try_execute(failed).await.unwrap();
    let user = "/ui/restrictedusers/\"%3Ci%3Ex\"@example.org";
    for path in ["/ui/alerts", &path, user] {
        let text = page(&portal, path).await.text;
        assert!(text.contains("&#60;i&#62;x"), "{path}: {text}");
        for tag in ["<script", "<i>", "<b>", "<img", "\u{202e}"] {
            assert!(!text.contains(tag), "{path}: {tag} {text}");
        }
    }
}

/// Moves on until the delivery of the only notice is given up.
async fn give_up(portal: &Portal) {
    courier::gather_due(&portal.app).await.unwrap();
    eventually("the delivery is given up", async || {
        portal.clock.advance(minutes(30));
        courier::deliver_due(&portal.app, Channel::Mail).await.unwrap();
        let since = portal.clock.now() - TimeDelta::days(1);
        !portal.app.store.given_up(since, 1).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_told_of_from_the_first_attempt_until_it_is_given_up() {
    let portal = Portal::with(&MAIL).await;
    portal.restricted("alice@example.org").await;
    let path = fly_out(&portal).await;
    let told = async |what: &str| page(&portal, &path).await.text.contains(what);
    eventually("an attempt fails", async || {
        told("security@example.org").await && told("Next attempt").await
    })
    .await;
    let query = AlertQuery { limit: 1, ..AlertQuery::default() };
    let alerts = portal.app.store.alerts(&query).await.unwrap();
    let notice = alerts.items[0].notice_id.unwrap();
    let alone = page(&portal, &format!("/ui/alerts/deliveries/{notice}")).await.text;
    assert!(alone.trim_start().starts_with(&format!("<div id=\"deliveries-{notice}\"")), "{alone}");

    give_up(&portal).await;
    assert!(told("Given up").await && told("after 24 hours of attempts").await);
    let list = page(&portal, "/ui/alerts").await.text;
    assert!(list.contains("Not everybody was told"), "{list}");
    assert!(list.contains("<strong>security@example.org</strong> by mail"), "{list}");
    portal.clock.advance(TimeDelta::days(8));
    assert!(!page(&portal, "/ui/alerts").await.text.contains("Not everybody was told"));
}

#[tokio::test]
async fn without_a_way_out_the_pages_say_that_alerts_stand_in_the_portal_alone() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    for path in ["/ui/alerts", "/ui/alertpolicies", &fly_out(&portal).await] {
        let text = page(&portal, path).await.text;
        assert!(text.contains("lerts stand in this portal alone"), "{path}: {text}");
        assert!(text.contains("smtp_url") && text.contains("alert_webhooks"), "{path}: {text}");
    }
    let tried = press(&portal, "/ui/alertpolicies/user-restricted/test", &[]).await.text;
    assert!(tried.contains("goes nowhere"), "{tried}");
    let portal = Portal::with(&MAIL).await;
    for path in ["/ui/alerts", "/ui/alertpolicies"] {
        let text = page(&portal, path).await.text;
        assert!(!text.contains("in this portal alone"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_policy_is_changed_with_the_form_and_says_who_is_told_now() {
    let portal = Portal::with(&MAIL[..2]).await;
    let manager =
        json!({ "address": "olivia@example.org", "role_group": "organization_management" });
    portal.post("/api/v1/operators", manager).await.ok();
    let policies = page(&portal, "/ui/alertpolicies").await.text;
    assert!(policies.contains("By default: Organization Management"), "{policies}");
    assert!(policies.contains("olivia@example.org"), "{policies}");

    let path = "/ui/alertpolicies/user-restricted";
    let fields = [
        ("severity", "low"),
        ("recipients", "a@example.org\r\nb@example.org"),
        ("daily_limit", ""),
    ];
    let saved = press(&portal, path, &fields).await.text;
    assert!(saved.contains("It is off and raises no alert"), "{saved}");
    let policy = portal.get("/api/v1/alert-policies/user-restricted").await.ok();
    assert_eq!(policy["recipients"], json!(["a@example.org", "b@example.org"]));
    assert_eq!((&policy["enabled"], &policy["daily_limit"]), (&json!(false), &Value::Null));
    assert_eq!(
        audit_chain::checked(&portal.app.store).await.last().unwrap()["action"],
        "AlertPolicyChanged"
    );

    for (recipients, limit, field) in
        [("alice", "1", "recipients"), ("", "0", "daily_limit"), ("", "many", "daily_limit")]
    {
        let fields = [("severity", "low"), ("recipients", recipients), ("daily_limit", limit)];
        press(&portal, path, &fields).await.invalid(field);
    }
}

#[tokio::test]
async fn a_test_alert_says_to_how_many_places_it_goes_and_raises_none() {
    let portal = Portal::with(&MAIL).await;
    let path = "/ui/alertpolicies/user-restricted/test";
    let question = page(&portal, path).await.text;
    assert!(question.contains("security@example.org"), "{question}");
    let sent = press(&portal, path, &[]).await.text;
    assert!(sent.contains("It goes to 1 place,"), "{sent}");
    assert!(sent.contains("security@example.org") && sent.contains("On its way"), "{sent}");
    assert_eq!(alert(&portal).await, Value::Null);
}

#[tokio::test]
async fn a_users_page_leads_to_the_open_alerts() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let alice = portal.restricted("alice@example.org").await;
    let link = format!("#/alerts/{}", alert(&portal).await["id"].as_str().unwrap());
    let path = format!("/ui/restrictedusers/{alice}");
    assert!(page(&portal, &path).await.text.contains(&link));
    portal.unblock(&alice).await;
    assert!(!page(&portal, &path).await.text.contains(&link));
}

#[tokio::test]
async fn the_head_of_the_list_counts_restrictions_by_day_over_all_replicas_without_imports() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    portal.restricted("first@example.org").await;
    portal.clock.advance(TimeDelta::days(1));
    for name in ["alice", "bob"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    for _ in 0..5 {
        replica.sends_spam("carol@example.org").await;
    }
    assert_eq!(replica.user("carol@example.org").await["state"], "restricted");
    // A change of a restriction is no new one.
    portal.unblock("alice@example.org").await;
    portal.cancel_unblock("alice@example.org").await.ok();
    let file = portal.database.folder.path().join("export.csv");
    std::fs::write(&file, "SenderAddress\nimported@example.org\n").unwrap();
    let imported = result_of(&portal.database, &["import", file.to_str().unwrap()]);
    assert_eq!(imported, "1 imported, 0 skipped, 0 bad\n");
    for portal in [&portal, &replica] {
        let list = page(portal, "/ui/restrictedusers").await.text;
        assert!(list.contains("4 in all, at most 3 on a day"), "{list}");
        assert!(list.contains("<th scope=\"row\">2026-11-24</th><td>3</td>"), "{list}");
        assert!(list.contains("<th scope=\"row\">2026-11-23</th><td>1</td>"), "{list}");
    }
    portal.clock.advance(TimeDelta::days(29));
    let list = page(&portal, "/ui/restrictedusers").await.text;
    assert!(list.contains("3 in all, at most 3 on a day"), "{list}");
}

#[tokio::test]
async fn an_installation_that_was_there_before_knows_its_days_too() {
    let portal = Portal::start().await;
    for name in ["alice", "bob"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let before = "DROP TABLE restricted_days; DELETE FROM _sqlx_migrations WHERE version = 9";
    portal.database.try_execute(before).await.unwrap();
    let updated = portal.replica().await;
    let list = page(&updated, "/ui/restrictedusers").await.text;
    assert!(list.contains("<th scope=\"row\">2026-11-23</th><td>2</td>"), "{list}");
}

#[tokio::test]
async fn an_alert_that_is_older_than_what_is_kept_of_its_notice_says_so() {
    let portal = Portal::with(&MAIL).await;
    portal.restricted("alice@example.org").await;
    let path = fly_out(&portal).await;
    eventually("it is told", async || {
        page(&portal, &path).await.text.contains("security@example.org")
    })
    .await;
    let forget = "DELETE FROM deliveries; DELETE FROM notices";
    portal.database.try_execute(forget).await.unwrap();
    let text = page(&portal, &path).await.text;
    assert!(text.contains("so long ago that it is no longer kept"), "{text}");
}
