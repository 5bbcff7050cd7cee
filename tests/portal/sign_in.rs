//! One-time links, passwords, sessions.

use crate::harness::{Answer, Portal, minutes};
use reqwest::Method;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{SecretHash, random_secret};
use secrecy::ExposeSecret;

const PASSWORD: &str = "a long walk by the sea";

async fn form(portal: &Portal, path: &str, fields: &[(&str, &str)]) -> Answer {
    form_with(portal, path, fields, "").await
}

/// Sends a form with the cookies of a browser.
async fn form_with(portal: &Portal, path: &str, fields: &[(&str, &str)], cookies: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = portal.request(Method::POST, path).header("origin", &portal.url);
    let kind = "application/x-www-form-urlencoded";
    let request = request.header("content-type", kind).header("cookie", cookies);
    portal.send(request.body(body)).await
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn is_signed_in(portal: &Portal, cookie: &str) -> bool {
    let request = portal.request(Method::GET, "/ui/restrictedusers").header("cookie", cookie);
    portal.send(request).await.status == 200
}

async fn invited(portal: &Portal, name: &str, role: RoleGroup) -> String {
    let address = Address::stored(&format!("{name}@example.org"));
    let (now, actor) = (portal.clock.now(), Actor::command_line());
    let link = (&SecretHash::of(name), now + minutes(60));
    assert!(portal.app.store.add_operator(&address, role, link, &actor, now).await.unwrap());
    name.to_owned()
}

#[tokio::test]
async fn the_first_operator_comes_in_through_a_one_time_link_that_is_good_once() {
    let portal = Portal::start().await;
    let expires_at = portal.clock.now() + minutes(60);
    let store = &portal.app.store;
    store.link_for_first_operator(&SecretHash::of("older"), expires_at).await.unwrap();
    store.link_for_first_operator(&SecretHash::of("newer"), expires_at).await.unwrap();

    form(&portal, "/ui/welcome", &[("secret", "older")]).await.problem("not-found");
    let page = form(&portal, "/ui/welcome", &[("secret", "newer")]).await;
    assert!(page.text.contains("Organization Management"), "{page:?}");

    let set = |address, password| {
        let fields = [("secret", "newer"), ("address", address), ("password", password)];
        let portal = &portal;
        async move { form(portal, "/ui/welcome/password", &fields).await }
    };
    set("olivia@example.org", "short").await.invalid("password");
    set("", PASSWORD).await.invalid("address");
    let done = set("Olivia@Example.org", PASSWORD).await;
    assert!(is_signed_in(&portal, &cookie(&done)).await);

    set("mallory@example.org", PASSWORD).await.problem("not-found");
    form(&portal, "/ui/welcome", &[("secret", "newer")]).await.problem("not-found");
    let operators = store.operators().await.unwrap();
    assert_eq!(operators.len(), 1);
    assert_eq!(operators[0].address, "olivia@example.org");
    assert_eq!(operators[0].role_group, RoleGroup::OrganizationManagement);
    assert_eq!(
        portal.audited("olivia@example.org").await,
        ["OperatorAdded", "PasswordSet", "SignedIn"]
    );
}

#[tokio::test]
async fn when_two_race_to_be_the_first_operator_one_wins() {
    let portal = Portal::start().await;
    let expires_at = portal.clock.now() + minutes(60);
    portal.app.store.link_for_first_operator(&SecretHash::of("x"), expires_at).await.unwrap();
    let set = |address: &'static str| {
        let portal = &portal;
        async move {
            let fields = [("secret", "x"), ("address", address), ("password", PASSWORD)];
            form(portal, "/ui/welcome/password", &fields).await.status.as_u16()
        }
    };
    let (one, other) = tokio::join!(set("one@example.org"), set("other@example.org"));
    assert_eq!(one.min(other), 200);
    assert_eq!(one.max(other), 404);
    assert_eq!(portal.app.store.operators().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_expires_and_a_newer_one_voids_it() {
    let portal = Portal::start().await;
    let olivia = invited(&portal, "olivia", RoleGroup::SecurityReader).await;
    let (store, now) = (&portal.app.store, portal.clock.now());
    let link = (&SecretHash::of("newer"), now + minutes(60));
    let address = Address::stored("olivia@example.org");
    assert!(store.link_for_operator(&address, link, &Actor::command_line(), now).await.unwrap());
    form(&portal, "/ui/welcome", &[("secret", &olivia)]).await.problem("not-found");
    portal.pass(minutes(60)).await;
    form(&portal, "/ui/welcome", &[("secret", "newer")]).await.problem("not-found");
}

#[tokio::test]
async fn an_operator_signs_in_with_the_password_and_out_again() {
    let portal = Portal::start().await;
    let secret = invited(&portal, "olivia", RoleGroup::SecurityAdministrator).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    let first = cookie(&form(&portal, "/ui/welcome/password", &fields).await);

    let sign_in = |address, password| {
        let portal = &portal;
        async move { form(portal, "/sign-in", &[("address", address), ("password", password)]).await }
    };
    let wrong = sign_in("olivia@example.org", "not the password").await;
    let unknown = sign_in("nobody@example.org", "not the password").await;
    assert_eq!((wrong.status.as_u16(), unknown.status.as_u16()), (401, 401));
    assert_eq!(wrong.text.replace("olivia", "nobody"), unknown.text);

    let right = sign_in("OLIVIA", PASSWORD).await;
    assert_eq!((right.status.as_u16(), &right.headers["location"]), (303, &"/".parse().unwrap()));
    let second = cookie(&right);
    assert_ne!(first, second);

    let request = portal.request(Method::POST, "/sign-out").header("origin", &portal.url);
    portal.send(request.header("cookie", &second)).await;
    assert!(!is_signed_in(&portal, &second).await);
    assert!(is_signed_in(&portal, &first).await);
}

#[tokio::test]
async fn a_session_ends_when_idle_in_any_case_after_half_a_day_and_with_its_operator() {
    let portal = Portal::start().await;
    let idle = portal.session(RoleGroup::GlobalReader).await;
    portal.pass(minutes(59)).await;
    assert!(is_signed_in(&portal, &idle).await);
    portal.pass(minutes(61)).await;
    assert!(!is_signed_in(&portal, &idle).await);

    let busy = portal.session(RoleGroup::GlobalReader).await;
    for _ in 0..14 {
        portal.pass(minutes(50)).await;
        assert!(is_signed_in(&portal, &busy).await);
    }
    portal.pass(minutes(50)).await;
    assert!(!is_signed_in(&portal, &busy).await);

    let removed = portal.session(RoleGroup::GlobalReader).await;
    for operator in portal.app.store.operators().await.unwrap() {
        let (address, now) = (Address::stored(&operator.address), portal.clock.now());
        portal.app.store.remove_operator(&address, &Actor::command_line(), now).await.unwrap();
    }
    assert!(!is_signed_in(&portal, &removed).await);
}

#[tokio::test]
async fn a_password_never_expires() {
    let portal = Portal::start().await;
    let secret = invited(&portal, "olivia", RoleGroup::SecurityReader).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    cookie(&form(&portal, "/ui/welcome/password", &fields).await);
    portal.clock.advance(chrono::TimeDelta::days(3_650));
    let fields = [("address", "olivia@example.org"), ("password", PASSWORD)];
    let session = cookie(&form(&portal, "/sign-in", &fields).await);
    assert!(is_signed_in(&portal, &session).await);
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let portal = Portal::start().await;
    let secret = invited(&portal, "olivia", RoleGroup::SecurityReader).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    let old = cookie(&form(&portal, "/ui/welcome/password", &fields).await);
    let (store, now) = (&portal.app.store, portal.clock.now());
    let link = (&SecretHash::of("reset"), now + minutes(60));
    let address = Address::stored("olivia@example.org");
    assert!(store.link_for_operator(&address, link, &Actor::command_line(), now).await.unwrap());
    assert!(is_signed_in(&portal, &old).await);
    let fields = [("secret", "reset"), ("password", "another walk by the sea")];
    let new = cookie(&form(&portal, "/ui/welcome/password", &fields).await);
    assert!(is_signed_in(&portal, &new).await);
    assert!(!is_signed_in(&portal, &old).await);
}

#[tokio::test]
async fn over_https_the_cookie_is_for_this_host_alone() {
    let portal = Portal::with(&[("public_url", "https://restricted.example.org")]).await;
    let secret = invited(&portal, "olivia", RoleGroup::SecurityReader).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    let done = form(&portal, "/ui/welcome/password", &fields).await;
    let set = done.headers["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("__Host-session=") && set.contains("; Secure"), "{set}");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_that_the_browser_had() {
    let portal = Portal::start().await;
    let secret = invited(&portal, "olivia", RoleGroup::SecurityReader).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    let first = cookie(&form(&portal, "/ui/welcome/password", &fields).await);
    let elsewhere = portal.session(RoleGroup::SecurityReader).await;

    let fields = [("address", "olivia@example.org"), ("password", PASSWORD)];
    let second = cookie(&form_with(&portal, "/sign-in", &fields, &first).await);
    assert!(is_signed_in(&portal, &second).await);
    assert!(!is_signed_in(&portal, &first).await);

    let secret = invited(&portal, "oscar", RoleGroup::SecurityReader).await;
    let fields = [("secret", secret.as_str()), ("password", PASSWORD)];
    let third = cookie(&form_with(&portal, "/ui/welcome/password", &fields, &second).await);
    assert!(is_signed_in(&portal, &third).await);
    assert!(!is_signed_in(&portal, &second).await);
    assert!(is_signed_in(&portal, &elsewhere).await);
}

#[tokio::test]
async fn nobody_is_signed_in_or_out_by_a_page_that_is_not_ours() {
    let portal = Portal::start().await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    for path in ["/sign-in", "/sign-out", "/ui/welcome", "/ui/welcome/password"] {
        let request = || portal.request(Method::POST, path).header("cookie", &session);
        for (name, value) in
            [("x", "y"), ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]
        {
            portal.send(request().header(name, value)).await.problem("forbidden");
        }
    }
    assert!(is_signed_in(&portal, &session).await);
}

#[tokio::test]
async fn a_session_that_nobody_got_signs_nobody_in() {
    let portal = Portal::start().await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    let guessed = random_secret();
    for secret in [guessed.expose_secret(), "", "%00", "' OR 1=1 --"] {
        assert!(!is_signed_in(&portal, &format!("session={secret}")).await, "{secret}");
    }
    // What the store keeps is no good as a cookie.
    let hash = SecretHash::of(session.strip_prefix("session=").unwrap());
    assert!(!is_signed_in(&portal, &format!("session={}", hash.as_str())).await);
}

#[tokio::test]
async fn over_https_a_cookie_that_another_host_could_have_set_is_not_read() {
    let portal = Portal::with(&[("public_url", "https://restricted.example.org")]).await;
    let session = portal.session(RoleGroup::SecurityReader).await;
    assert!(!is_signed_in(&portal, &session).await);
    assert!(is_signed_in(&portal, &format!("__Host-{session}")).await);
    assert!(is_signed_in(&portal, &format!("session=planted; __Host-{session}")).await);
}

#[tokio::test]
async fn a_password_is_taken_exactly_as_typed_up_to_128_characters() {
    let portal = Portal::start().await;
    let strange = "  Ä läng walk\tby+the sea & 100 % 🦀 ";
    let too_long: String = (0..3).map(|_| random_secret().expose_secret().to_owned()).collect();
    assert_eq!(too_long.len(), 129);
    let long = &too_long[1..];
    for (name, password, other) in
        [("olivia", strange, strange.trim()), ("oscar", long, &long[1..])]
    {
        let secret = invited(&portal, name, RoleGroup::SecurityReader).await;
        let set = |password| {
            let fields = [("secret", secret.as_str()), ("password", password)];
            let portal = &portal;
            async move { form(portal, "/ui/welcome/password", &fields).await }
        };
        set(&too_long).await.invalid("password");
        set("elevenchars").await.invalid("password");
        assert_eq!(set(password).await.status, 200);
        for (password, status) in [(other, 401), (password, 303)] {
            let fields = [("address", name), ("password", password)];
            assert_eq!(form(&portal, "/sign-in", &fields).await.status, status, "{password:?}");
        }
    }
}
