//! What the portal sends to browsers. How it looks and behaves there is tested in a real one.

use crate::harness::{Answer, BAD_OUTBOUND_SENDER, Portal};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;

async fn page(portal: &Portal, path: &str, role: RoleGroup) -> Answer {
    let session = portal.session(role).await;
    portal.send(portal.request(Method::GET, path).header("cookie", session)).await
}

#[tokio::test]
async fn html_in_a_reason_and_an_address_is_shown_as_text() {
    let portal = Portal::start().await;
    let body = json!({ "address": "\"<i>x\"@example.org", "reason": "<script>alert(1)</script>" });
    let id = portal.post("/api/v1/restricted-users", body).await.ok()["id"].clone();
    let id = id.as_str().unwrap();
    for path in [
        "/ui/restrictedusers".to_owned(),
        "/ui/restrictedusers/rows".to_owned(),
        format!("/ui/restrictedusers/{id}"),
        format!("/ui/restrictedusers/{id}/unblock"),
    ] {
        let page = page(&portal, &path, RoleGroup::OrganizationManagement).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.text.contains("&#60;i&#62;x"), "{path}: {}", page.text);
        assert!(!page.text.contains("<script") && !page.text.contains("<i>"), "{path}");
    }
}

#[tokio::test]
async fn old_links_lead_to_the_page_behind_the_hash_and_nowhere_else() {
    let portal = Portal::start().await;
    for (path, location) in [
        ("/?hash=/restrictedusers", "/#/restrictedusers"),
        ("/?hash=%2Frestrictedusers%2Fa-1", "/#/restrictedusers/a-1"),
        ("/?hash=/outboundspam", "/#/outboundspam"),
        ("/?hash=/nothing", "/#/restrictedusers"),
        ("/?hash=/restrictedusersx", "/#/restrictedusers"),
        ("/?hash=//evil.example", "/#/restrictedusers"),
        ("/?hash=/restrictedusers%0d%0aSet-Cookie:x", "/#/restrictedusers"),
    ] {
        let answer = portal.send(portal.request(Method::GET, path)).await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.headers["location"], location, "{path}");
    }
}

#[tokio::test]
async fn every_answer_forbids_what_the_portal_does_not_need_and_files_are_kept_for_ever() {
    let portal = Portal::start().await;
    let frame = portal.send(portal.request(Method::GET, "/")).await;
    let script = frame.text.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    for (path, caching) in [
        ("/", "no-store"),
        ("/ui/restrictedusers", "no-store"),
        ("/api/v1/audit", "no-store"),
        ("/nothing", "no-store"),
        (script, "public, max-age=31536000, immutable"),
    ] {
        let answer = portal.send(portal.request(Method::GET, path)).await;
        let header = |name| answer.headers[name].to_str().unwrap();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("x-frame-options"), "DENY");
        assert!(header("permissions-policy").contains("camera=()"));
        assert_eq!(header("cache-control"), caching, "{path}");
    }
    assert!(script.starts_with("/static/"), "{script}");
    let other = portal.send(portal.request(Method::GET, "/static/0000/portal.js")).await;
    other.problem("not-found");
}

#[tokio::test]
async fn who_may_only_look_sees_no_action() {
    let portal = Portal::start().await;
    let id = portal.restricted("alice@example.org").await;
    for (role, sees) in [(RoleGroup::SecurityAdministrator, true), (RoleGroup::GlobalReader, false)]
    {
        for path in ["/ui/restrictedusers".to_owned(), format!("/ui/restrictedusers/{id}")] {
            let page = page(&portal, &path, role).await.text;
            assert_eq!(page.contains("/unblock\""), sees, "{role} {path}: {page}");
        }
        let list = page(&portal, "/ui/restrictedusers", role).await.text;
        assert_eq!(list.contains("Restrict a user"), sees, "{role}: {list}");
    }
}

async fn list(portal: &Portal) -> String {
    page(portal, "/ui/restrictedusers", RoleGroup::GlobalReader).await.text
}

#[tokio::test]
async fn while_no_mail_server_has_asked_the_list_shows_where_to_ask_and_that_mail_is_to_flow() {
    let portal = Portal::start().await;
    let address = &portal.app.config.policy_listen[0];
    assert!(!address.to_string().ends_with(":0"), "{address}");
    let check =
        format!("check_policy_service {{ inet:{address}, timeout=5s, default_action=DUNNO }}");
    let lines = format!(
        "smtpd_sender_restrictions =\n    {check},\n    permit_sasl_authenticated\n\
         smtpd_end_of_data_restrictions =\n    {check}\n"
    );
    let shown = list(&portal).await;
    assert!(shown.contains(&lines), "{shown}");

    portal.policy_answer("alice@example.org", "bob@remote.example").await;
    assert!(!list(&portal).await.contains("check_policy_service"));
}

#[tokio::test]
async fn the_list_says_that_nobody_tells_what_is_spam_until_somebody_does() {
    const SILENCE: &str = "No spam filter has reported a verdict for the last ";
    let portal = Portal::start().await;
    assert!(!list(&portal).await.contains(SILENCE));
    for queue_id in ["4F2B1C0A1", "4F2B1C0A2"] {
        portal.sends_as("alice@example.org", queue_id, &["bob@remote.example"]).await;
    }
    let shown = list(&portal).await;
    assert!(shown.contains(&format!("{SILENCE}2 messages: only recipient limits")), "{shown}");

    portal.rspamd("alice@example.org", "4F2B1C0A2", "no action").await;
    assert!(!list(&portal).await.contains(SILENCE));
}

#[tokio::test]
async fn without_domains_of_ours_no_page_claims_that_mail_inside_flows() {
    let portal = Portal::with(&[("organization_domains", "")]).await;
    let alice = portal.restricted("alice@example.org").await;
    let carol = "carol@example.org";
    assert_eq!(portal.policy_answer("alice@example.org", carol).await, BAD_OUTBOUND_SENDER);
    let shown = list(&portal).await;
    assert!(shown.contains("<code>organization_domains</code> is empty"), "{shown}");
    for path in [
        "/ui/restrictedusers".into(),
        format!("/ui/restrictedusers/{alice}"),
        "/ui/restrictedusers/restrict".into(),
    ] {
        let page = page(&portal, &path, RoleGroup::SecurityAdministrator).await.text;
        assert!(page.contains("receive") && !page.contains("inside still flows"), "{page}");
    }
}
