//! One-time codes and recovery codes: setting up, signing in, losing the phone.

use crate::browser::{Browser, OLIVIA, PASSWORD, add_olivia};
use crate::harness::Portal;
use crate::phone::{enrol, olivia, recovery_codes};
use chrono::TimeDelta;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};

#[tokio::test]
async fn codes_count_only_after_one_was_shown_and_then_the_password_alone_is_not_enough() {
    let portal = Portal::start().await;
    let first = olivia(&portal).await;
    first.post("/ui/account/codes", &[("password", "not the password")]).await.invalid("password");
    first.post("/ui/account/codes", &[("password", PASSWORD)]).await;
    first.post("/ui/account/codes/confirm", &[("code", "000000")]).await.invalid("code");
    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    assert!(browser.is_signed_in().await, "nothing was confirmed yet");

    let (phone, _) = enrol(&portal, &first).await;
    let listed = portal.get("/api/v1/operators").await.ok();
    assert_eq!(listed["items"][0]["second_factor"], "one-time codes");
    let browser = Browser::new(&portal);
    let half = browser.sign_in(PASSWORD).await;
    assert_eq!(half.headers["location"], "/");
    assert!(!browser.is_signed_in().await);
    let page = browser.get("/").await.text;
    assert!(page.contains("Code of your authenticator app") && page.contains(OLIVIA), "{page}");

    let right = browser.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert_eq!((right.status.as_u16(), &right.headers["location"]), (303, &"/".parse().unwrap()));
    assert!(browser.is_signed_in().await);
    let told = portal.audited(OLIVIA).await;
    assert_eq!(told[told.len() - 2..], ["SecondFactorAdded", "SignedIn"]);
}

#[tokio::test]
async fn no_code_is_good_twice_not_even_the_one_that_turned_codes_on() {
    let portal = Portal::start().await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let try_code = async |code: String| {
        let browser = Browser::new(&portal);
        browser.sign_in(PASSWORD).await;
        browser.post("/sign-in/code", &[("code", &code)]).await;
        browser.is_signed_in().await
    };
    assert!(!try_code(phone.code()).await, "it was shown when codes were turned on");
    let code = phone.next_code();
    assert!(try_code(code.clone()).await);
    assert!(!try_code(code).await);
    let late = phone.next_code();
    portal.clock.advance(TimeDelta::seconds(30));
    assert!(try_code(late).await, "a step late is on time");
    let too_late = phone.next_code();
    portal.clock.advance(TimeDelta::seconds(60));
    assert!(!try_code(too_late).await);
}

#[tokio::test]
async fn a_recovery_code_stands_in_once_and_new_ones_void_the_old() {
    let portal = Portal::start().await;
    let first = olivia(&portal).await;
    let (_, codes) = enrol(&portal, &first).await;
    assert_eq!(codes.len(), 10);
    let try_code = async |code: &str| {
        let browser = Browser::new(&portal);
        browser.sign_in(PASSWORD).await;
        browser.post("/sign-in/recovery-code", &[("code", code)]).await;
        browser.is_signed_in().await
    };
    assert!(try_code(&codes[0].to_uppercase()).await);
    assert!(!try_code(&codes[0]).await, "it is used");
    assert!(first.account().await.contains("9 of 10 left"));
    assert!(portal.audited(OLIVIA).await.contains(&"RecoveryCodeUsed".to_owned()));

    let page = first.post("/ui/account/recovery-codes", &[("password", PASSWORD)]).await;
    let newer = recovery_codes(&page.text);
    assert!(!try_code(&codes[1]).await, "it is void");
    assert!(try_code(&newer[0]).await);
    assert!(!first.account().await.contains(&newer[1]), "codes are shown once");
}

#[tokio::test]
async fn who_sits_down_at_a_half_set_up_app_gets_few_guesses_at_its_code() {
    let portal = Portal::start().await;
    let browser = olivia(&portal).await;
    browser.post("/ui/account/codes", &[("password", PASSWORD)]).await;
    let guess = async || browser.post("/ui/account/codes/confirm", &[("code", "000000")]).await;
    for _ in 0..5 {
        guess().await.invalid("code");
    }
    guess().await.problem("too-many-requests");
}

#[tokio::test]
async fn removing_codes_takes_the_password_and_takes_the_recovery_codes_along() {
    let portal = Portal::start().await;
    let browser = olivia(&portal).await;
    let (_, codes) = enrol(&portal, &browser).await;
    let remove =
        async |password| browser.post("/ui/account/codes/remove", &[("password", password)]).await;
    remove("not the password").await.invalid("password");
    assert_eq!(remove(PASSWORD).await.status, 200);
    assert!(!browser.account().await.contains("of 10 left"));
    assert!(portal.audited(OLIVIA).await.contains(&"SecondFactorRemoved".to_owned()));
    let other = Browser::new(&portal);
    other.sign_in(PASSWORD).await;
    assert!(other.is_signed_in().await);
    let (_, newer) = enrol(&portal, &browser).await;
    assert_ne!(codes, newer);
}

#[tokio::test]
async fn where_a_second_factor_is_required_nothing_else_is_open_before_there_is_one() {
    let portal = Portal::with(&[("require_mfa", "true")]).await;
    add_olivia(&portal, RoleGroup::OrganizationManagement).await;
    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    let page = browser.get("/").await.text;
    assert!(page.contains("Add a second factor") && !page.contains("id=\"nav\""), "{page}");
    for path in ["/ui/restrictedusers", "/ui/restrictedusers/export", "/api/v1/restricted-users"] {
        let told = browser.get(path).await.problem("forbidden");
        assert!(told.contains("second factor"), "{told}");
    }
    let fields = [("address", "alice@example.org"), ("reason", "spam")];
    browser.post("/ui/restrictedusers", &fields).await.problem("forbidden");

    let (_, _) = enrol(&portal, &browser).await;
    assert_eq!(browser.get("/ui/restrictedusers").await.status, 200);
    assert_eq!(browser.get("/api/v1/restricted-users").await.status, 200);
    let removal = browser.post("/ui/account/codes/remove", &[("password", PASSWORD)]).await;
    removal.invalid("factor");
}

#[tokio::test]
async fn where_none_is_required_those_who_may_unblock_are_asked_for_one() {
    let portal = Portal::start().await;
    let asked = "has a password alone";
    let browser = olivia(&portal).await;
    assert!(browser.get("/").await.text.contains(asked));
    enrol(&portal, &browser).await;
    assert!(!browser.get("/").await.text.contains(asked));

    let portal = Portal::start().await;
    add_olivia(&portal, RoleGroup::GlobalReader).await;
    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    assert!(!browser.get("/").await.text.contains(asked));
}

#[tokio::test]
async fn nothing_of_an_operator_outlives_its_removal() {
    let portal = Portal::start().await;
    let signed_in = olivia(&portal).await;
    let (phone, _) = enrol(&portal, &signed_in).await;
    let half = Browser::new(&portal);
    half.sign_in(PASSWORD).await;
    let (address, now) = (Address::stored(OLIVIA), portal.clock.now());
    portal.app.store.remove_operator(&address, &Actor::command_line(), now).await.unwrap();
    assert!(!signed_in.is_signed_in().await);
    half.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(!half.is_signed_in().await);
    // Added again, the same address begins with nothing.
    add_olivia(&portal, RoleGroup::GlobalReader).await;
    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    assert!(browser.is_signed_in().await);
    assert!(!browser.account().await.contains("On since"));
}
