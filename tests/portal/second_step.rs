//! Between the password and the second factor.

use crate::browser::{Browser, OLIVIA, PASSWORD};
use crate::harness::{Portal, minutes};
use crate::phone::{enrol, olivia};
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::SecretHash;

#[tokio::test]
async fn of_two_who_send_one_code_at_once_one_gets_in() {
    let portal = Portal::start().await;
    let (phone, recovery) = enrol(&portal, &olivia(&portal).await).await;
    let replica = portal.replica().await;
    let (here, there) = (Browser::new(&portal), Browser::new(&replica));
    for (path, code) in
        [("/sign-in/code", &phone.next_code()), ("/sign-in/recovery-code", &recovery[0])]
    {
        tokio::join!(here.sign_in(PASSWORD), there.sign_in(PASSWORD));
        let fields = [("code", code.as_str())];
        let answers = tokio::join!(here.post(path, &fields), there.post(path, &fields));
        let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 401], "{path}");
    }
}

#[tokio::test]
async fn after_five_wrong_codes_the_password_is_asked_again() {
    let portal = Portal::start().await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    for _ in 0..5 {
        let wrong = browser.post("/sign-in/code", &[("code", "000000")]).await;
        assert_eq!(wrong.status, 401);
    }
    let code = phone.next_code();
    let refused = browser.post("/sign-in/code", &[("code", &code)]).await;
    assert!(refused.text.contains("Begin again with the password"), "{refused:?}");
    assert!(!browser.is_signed_in().await);

    browser.sign_in(PASSWORD).await;
    browser.post("/sign-in/code", &[("code", &code)]).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn who_has_the_password_gets_few_guesses_at_the_code_and_the_owner_a_way_round() {
    let portal = Portal::start().await;
    let (phone, recovery) = enrol(&portal, &olivia(&portal).await).await;
    for _ in 0..2 {
        let guesser = Browser::new(&portal);
        guesser.sign_in(PASSWORD).await;
        for _ in 0..5 {
            guesser.post("/sign-in/code", &[("code", "000000")]).await;
        }
    }
    let owner = Browser::new(&portal);
    owner.sign_in(PASSWORD).await;
    let refused = owner.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert_eq!(refused.status, 429);
    owner.post("/sign-in/recovery-code", &[("code", &recovery[0])]).await;
    assert!(owner.is_signed_in().await);

    portal.pass(minutes(60)).await;
    let owner = Browser::new(&portal);
    owner.sign_in(PASSWORD).await;
    owner.post("/sign-in/code", &[("code", &phone.code())]).await;
    assert!(owner.is_signed_in().await);
}

#[tokio::test]
async fn half_a_sign_in_ends_the_session_that_the_browser_had() {
    let portal = Portal::start().await;
    let browser = olivia(&portal).await;
    enrol(&portal, &browser).await;
    assert!(browser.is_signed_in().await);
    browser.sign_in(PASSWORD).await;
    assert!(!browser.is_signed_in().await);
    assert!(browser.get("/").await.text.contains("One more step"));
}

#[tokio::test]
async fn over_https_half_a_sign_in_is_for_this_host_alone() {
    let portal = Portal::with(&[("public_url", "https://restricted.example.org")]).await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let half = Browser::new(&portal).sign_in(PASSWORD).await;
    let cookie = half.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-half-sign-in=") && cookie.contains("; Secure"), "{cookie}");

    let own_name = cookie.split(';').next().unwrap();
    let planted = own_name.strip_prefix("__Host-").unwrap();
    for (cookie, status) in [(planted, 401), (own_name, 303)] {
        let answer = portal.form("/sign-in/code", cookie, &[("code", &phone.next_code())]).await;
        assert_eq!(answer.status, status, "{cookie}");
    }
}

#[tokio::test]
async fn half_a_sign_in_is_good_in_its_browser_for_ten_minutes_and_once() {
    let portal = Portal::start().await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let stranger = Browser::new(&portal);
    let code = phone.next_code();
    stranger.post("/sign-in/code", &[("code", &code)]).await;
    assert!(!stranger.is_signed_in().await, "nobody gave a password in this browser");

    let slow = Browser::new(&portal);
    slow.sign_in(PASSWORD).await;
    portal.clock.advance(minutes(10));
    slow.post("/sign-in/code", &[("code", &phone.code())]).await;
    assert!(!slow.is_signed_in().await);

    let browser = Browser::new(&portal);
    browser.sign_in(PASSWORD).await;
    let thief = browser.copied();
    browser.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(browser.is_signed_in().await);
    thief.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(!thief.is_signed_in().await);

    let other = Browser::new(&portal);
    other.sign_in(PASSWORD).await;
    other.post("/sign-in/start-over", &[]).await;
    assert!(other.get("/").await.text.contains("name=\"password\""));
}

#[tokio::test]
async fn a_link_for_a_new_password_does_not_open_the_account_past_the_second_factor() {
    let portal = Portal::start().await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let (store, now) = (&portal.app.store, portal.clock.now());
    let link = (&SecretHash::of("reset"), now + minutes(60));
    let (address, actor) = (Address::stored(OLIVIA), Actor::command_line());
    assert!(store.link_for_operator(&address, link, &actor, now).await.unwrap());
    let browser = Browser::new(&portal);
    let fields = [("secret", "reset"), ("password", "velvet canyon tall lamp")];
    assert_eq!(browser.post("/ui/welcome/password", &fields).await.status, 200);
    assert!(!browser.is_signed_in().await);
    browser.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn another_role_group_ends_half_a_sign_in_and_leaves_the_second_factor() {
    let portal = Portal::start().await;
    let (phone, _) = enrol(&portal, &olivia(&portal).await).await;
    let half = Browser::new(&portal);
    half.sign_in(PASSWORD).await;
    let (address, actor, now) =
        (Address::stored(OLIVIA), Actor::command_line(), portal.clock.now());
    let role = RoleGroup::GlobalReader;
    portal.app.store.change_role_group(&address, role, &actor, now).await.unwrap();
    half.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(!half.is_signed_in().await);
    half.sign_in(PASSWORD).await;
    assert!(!half.is_signed_in().await);
    half.post("/sign-in/code", &[("code", &phone.next_code())]).await;
    assert!(half.is_signed_in().await);
}
