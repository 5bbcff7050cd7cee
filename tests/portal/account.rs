//! The own account: password, sessions, and passkeys as far as no authenticator is needed.

use crate::browser::{Browser, OLIVIA, PASSWORD, add_olivia};
use crate::harness::{Portal, minutes};
use restricted_users::model::operator::RoleGroup;
use std::collections::HashSet;

const NEW_PASSWORD: &str = "velvet canyon tall lamp";

async fn olivia(portal: &Portal) -> Browser<'_> {
    olivia_with(portal, PASSWORD).await
}

async fn olivia_with<'a>(portal: &'a Portal, password: &str) -> Browser<'a> {
    let browser = Browser::new(portal);
    browser.sign_in(password).await;
    assert!(browser.is_signed_in().await);
    browser
}

async fn start() -> Portal {
    let portal = Portal::start().await;
    add_olivia(&portal, RoleGroup::GlobalReader).await;
    portal
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_ends_all_other_sessions() {
    let portal = start().await;
    let (browser, other) = (olivia(&portal).await, olivia(&portal).await);
    let change = async |old, new| {
        browser.post("/ui/account/password", &[("old", old), ("password", new)]).await
    };
    change("not the password", NEW_PASSWORD).await.invalid("old");
    for bad in
        ["short", "password1234", "olivia is my name", "Example Org velvet", "Restricted Users 7"]
    {
        change(PASSWORD, bad).await.invalid("password");
    }
    assert_eq!(change(PASSWORD, NEW_PASSWORD).await.status, 200);
    assert!(browser.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    assert_eq!(Browser::new(&portal).sign_in(PASSWORD).await.status, 401);
    assert_eq!(Browser::new(&portal).sign_in(NEW_PASSWORD).await.status, 303);
    assert!(portal.audited(OLIVIA).await.contains(&"PasswordChanged".to_owned()));
}

#[tokio::test]
async fn who_sits_down_at_an_open_session_cannot_guess_the_password_there() {
    let portal = start().await;
    let browser = olivia(&portal).await;
    let guess = async |old| {
        browser.post("/ui/account/password", &[("old", old), ("password", NEW_PASSWORD)]).await
    };
    for _ in 0..5 {
        guess("not the password").await.invalid("old");
    }
    guess(PASSWORD).await.problem("too-many-requests");
    portal.pass(minutes(1)).await;
    assert_eq!(guess(PASSWORD).await.status, 200);
}

/// The id of a session that the page offers to end.
fn another_session(page: &str) -> &str {
    let before = page.split_once("/end\"").unwrap_or_else(|| panic!("no other: {page}")).0;
    before.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn sessions_are_listed_with_browser_and_address_and_end_one_by_one_or_together() {
    let portal = start().await;
    let browser = olivia(&portal).await;
    let page = browser.account().await;
    assert!(page.contains("Firefox on Linux") && page.contains("from 127.0.0.1"), "{page}");
    assert!(page.contains("this session") && !page.contains("End all others"), "{page}");

    let (second, third) = (olivia(&portal).await, olivia(&portal).await);
    let page = second.account().await;
    let ended = another_session(&page);
    let path = format!("/ui/account/sessions/{ended}/end");
    browser.post(&path, &[("password", "not the password")]).await.invalid("password");
    assert_eq!(browser.post(&path, &[("password", PASSWORD)]).await.status, 200);
    let left =
        [browser.is_signed_in().await, second.is_signed_in().await, third.is_signed_in().await];
    assert_eq!(left.iter().filter(|is_left| !**is_left).count(), 1, "{left:?}");

    let browser = olivia(&portal).await;
    let end_others = async |password| {
        browser.post("/ui/account/sessions/end-others", &[("password", password)]).await
    };
    end_others("not the password").await.invalid("password");
    assert_eq!(end_others(PASSWORD).await.status, 200);
    assert!(browser.is_signed_in().await);
    assert!(!second.is_signed_in().await && !third.is_signed_in().await);
    assert!(portal.audited(OLIVIA).await.contains(&"SessionRevoked".to_owned()));
}

#[tokio::test]
async fn the_audit_log_tells_in_which_session_something_was_done() {
    let portal = start().await;
    let browser = olivia(&portal).await;
    browser.post("/ui/account/password", &[("old", PASSWORD), ("password", NEW_PASSWORD)]).await;
    olivia_with(&portal, NEW_PASSWORD).await;
    portal.restricted("alice@example.org").await;
    let records = portal.get("/api/v1/audit").await.ok()["items"].clone();
    let session_of = |action: &str| {
        let record = records.as_array().unwrap().iter().rfind(|record| record["action"] == action);
        record.expect(action)["session"].clone()
    };
    assert!(session_of("SignedIn").is_string());
    assert_eq!(session_of("PasswordChanged"), session_of("SignedIn"));
    assert!(session_of("Listed").is_null(), "a token is known by its name");
    let signed_in = records.as_array().unwrap().iter().filter(|one| one["action"] == "SignedIn");
    let sessions: HashSet<_> = signed_in.map(|record| record["session"].to_string()).collect();
    assert_eq!(sessions.len(), 2);
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let portal = start().await;
    let browser = olivia(&portal).await;
    let other = portal.session(RoleGroup::OrganizationManagement).await;
    olivia(&portal).await;
    let page = browser.account().await;
    let id = another_session(&page);
    let request = portal.request(reqwest::Method::POST, &format!("/ui/account/sessions/{id}/end"));
    portal.send(request.header("origin", &portal.url).header("cookie", other)).await;
    assert_eq!(browser.account().await, page);
}

#[tokio::test]
async fn where_the_portal_has_no_name_the_page_says_why_there_are_no_passkeys() {
    let portal = Portal::with(&[("public_url", "https://192.0.2.1")]).await;
    add_olivia(&portal, RoleGroup::GlobalReader).await;
    let account = olivia(&portal).await.account().await;
    assert!(account.contains("this portal is reached by an IP address"), "{account}");
    assert!(!account.contains("Add a passkey"), "{account}");
    let page = portal.send(portal.request(reqwest::Method::GET, "/")).await.text;
    assert!(!page.contains("Use a passkey"), "{page}");
    let asked = Browser::new(&portal).post("/sign-in/passkey/challenge", &[]).await;
    asked.problem("not-found");
}

#[tokio::test]
async fn a_passkey_that_nobody_asked_for_or_that_is_nobodys_signs_nobody_in() {
    let portal = start().await;
    let browser = Browser::new(&portal);
    let credential = r#"{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{
        "authenticatorData":"AAAA","clientDataJSON":"AAAA","signature":"AAAA","userHandle":"AAAA"}}"#;
    let forged = [("credential", credential)];
    assert_eq!(browser.post("/sign-in/passkey", &forged).await.status, 401);
    let options = browser.post("/sign-in/passkey/challenge", &[]).await.ok();
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], serde_json::json!([]), "it names nobody");
    assert_eq!(browser.post("/sign-in/passkey", &forged).await.status, 401);
    assert_eq!(browser.post("/sign-in/passkey", &[("credential", "no JSON")]).await.status, 401);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn who_comes_from_an_identity_provider_has_no_second_factor_here() {
    let portal = Portal::with(&[("require_mfa", "true")]).await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let get = async |path| {
        portal.send(portal.request(reqwest::Method::GET, path).header("cookie", &session)).await
    };
    assert_eq!(get("/ui/restrictedusers").await.status, 200);
    let path = "/ui/account/sessions/end-others";
    assert_eq!(portal.form(path, &session, &[]).await.status, 200, "there is no password to give");
    let page = get("/ui/account").await.text;
    assert!(page.contains("identity provider") && !page.contains("name=\"password\""), "{page}");
}
