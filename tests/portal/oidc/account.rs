//! The own account of somebody whom a provider vouches for.

use super::operators::{OLIVIA, is_signed_in, session};
use super::provider::{Provider, Visit};
use crate::harness::Portal;
use reqwest::Method;
use restricted_users::model::address::Address;
use serde_json::json;

async fn account(portal: &Portal, session: &str) -> String {
    let request = portal.request(Method::GET, "/ui/account").header("cookie", session);
    let page = portal.send(request).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.text
}

#[tokio::test]
async fn an_operator_of_the_provider_gets_no_second_factor_that_would_lead_past_it() {
    let provider = Provider::start().await;
    let settings = [&provider.settings()[..], &[("require_mfa", "true")]].concat();
    let portal = Portal::with(&settings).await;
    let olivia = session(&provider.sign_in(&portal, json!({ "groups": "admins" })).await);
    assert!(is_signed_in(&portal, &olivia).await, "the second factor is the provider's");
    let page = account(&portal, &olivia).await;
    assert!(page.contains("You sign in with the identity provider"), "{page}");
    assert!(!page.contains("Add a passkey") && !page.contains("name=\"password\""), "{page}");

    let fields = [("name", "laptop"), ("old", ""), ("password", "a long walk by the sea")];
    for path in ["codes", "codes/remove", "passkeys/challenge", "recovery-codes", "password"] {
        let answer = portal.form(&format!("/ui/account/{path}"), &olivia, &fields).await;
        assert!(answer.problem("not-found").contains("has no password here"), "{path}: {answer:?}");
    }
    let code = [("code", "000000")];
    portal.form("/ui/account/codes/confirm", &olivia, &code).await.invalid("code");
    let passkey = [("name", "laptop"), ("credential", "{}")];
    portal.form("/ui/account/passkeys", &olivia, &passkey).await.invalid("credential");

    let store = &portal.app.store;
    let operator = store.operator(&Address::stored(OLIVIA)).await.unwrap().unwrap();
    let factors = store.second_factors(operator.id).await.unwrap();
    assert_eq!((factors.count(), factors.recovery_codes), (0, 0));
    assert_eq!(portal.audited(OLIVIA).await, ["OperatorAdded", "SignedIn"]);
}

#[tokio::test]
async fn an_operator_of_the_provider_ends_its_other_sessions_without_a_password() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let sign_in = async || session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    let (first, second, third) = (sign_in().await, sign_in().await, sign_in().await);
    let page = account(&portal, &first).await;
    let id = page.split_once("/end\"").unwrap().0.rsplit_once('/').unwrap().1;

    let path = format!("/ui/account/sessions/{id}/end");
    assert_eq!(portal.form(&path, &first, &[]).await.status, 200);
    let others = [is_signed_in(&portal, &second).await, is_signed_in(&portal, &third).await];
    assert_eq!(others.iter().filter(|is_left| **is_left).count(), 1, "{others:?}");

    let path = "/ui/account/sessions/end-others";
    assert_eq!(portal.form(path, &first, &[]).await.status, 200);
    assert!(is_signed_in(&portal, &first).await);
    assert!(!is_signed_in(&portal, &second).await && !is_signed_in(&portal, &third).await);
}

#[tokio::test]
async fn who_comes_from_the_provider_has_done_with_a_password_that_waits_for_its_second_factor() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let mut visit = Visit::begin(&portal).await;
    visit.cookie += "; half-sign-in=of somebody";
    let token =
        provider.key().sign(&provider.claims(&portal, &visit, &json!({ "groups": "desk" })));
    let answer = provider.answer(&portal, &visit, token).await;
    session(&answer);
    let cookies = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
    let ended = cookies.filter(|cookie| cookie.contains("Max-Age=0"));
    let ended: Vec<_> = ended.map(|cookie| cookie.split('=').next().unwrap()).collect();
    assert!(ended.contains(&"half-sign-in"), "{ended:?}");

    let audit = portal.get("/api/v1/audit?action=SignedIn").await.json();
    assert_eq!(audit["items"][0]["after"]["with"], "identity provider");
}
