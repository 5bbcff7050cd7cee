//! A provider that is away, changes its keys, says too much or too little.

use super::provider::{Mood, Provider, Visit};
use crate::harness::Portal;
use chrono::TimeDelta;
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;

async fn expect_away(portal: &Portal) {
    let answer = portal.send(portal.request(Method::GET, "/sign-in/oidc")).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.text.contains("The identity provider, 127.0.0.1, does not answer."),
        "{answer:?}"
    );
    assert!(answer.text.contains("name=\"password\""), "{answer:?}");
}

#[tokio::test]
async fn a_provider_that_is_away_keeps_nothing_from_starting_and_the_page_says_so() {
    let mut provider = Provider::start().await;
    provider.stop().await;
    let portal = provider.portal().await;
    expect_away(&portal).await;
    provider.start_again().await;
    expect_away(&portal).await;
    portal.pass(TimeDelta::seconds(10)).await;
    assert_eq!(provider.sign_in(&portal, json!({ "groups": "desk" })).await.status, 303);

    let visit = Visit::begin(&portal).await;
    provider.stop().await;
    let answer = visit.come_back(&portal, &visit.answer()).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    portal.pass(TimeDelta::seconds(10)).await;
    expect_away(&portal).await;
}

#[tokio::test]
async fn keys_change_without_a_restart_and_the_provider_is_not_asked_for_them_at_each_token() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let visit = Visit::begin(&portal).await;
    provider.rotate_keys();
    portal.pass(TimeDelta::seconds(10)).await;
    let claims = provider.claims(&portal, &visit, &json!({ "groups": "desk" }));
    let answer = provider.answer(&portal, &visit, provider.key().sign(&claims)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(provider.descriptions(), 2);

    for _ in 0..5 {
        let visit = Visit::begin(&portal).await;
        let claims = provider.claims(&portal, &visit, &json!({ "groups": "desk" }));
        let unknown = super::provider::Key::new("unknown").sign(&claims);
        assert_eq!(provider.answer(&portal, &visit, unknown).await.status, 401);
    }
    assert_eq!(provider.descriptions(), 2);
}

#[tokio::test]
async fn a_sign_in_that_began_at_one_replica_ends_at_another() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    // Both are one address to browsers, and to the provider.
    let other = portal.replica_at(&portal.app.public_url).await;
    let visit = Visit::begin(&portal).await;
    let claims = provider.claims(&portal, &visit, &json!({ "groups": "desk" }));
    let answer = provider.answer(&other, &visit, provider.key().sign(&claims)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
}

#[tokio::test]
async fn a_description_that_is_too_long_elsewhere_or_of_somebody_else_is_none() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    for mood in [Mood::Verbose, Mood::Elsewhere, Mood::Impostor] {
        provider.become_(mood);
        expect_away(&portal).await;
        portal.pass(TimeDelta::seconds(10)).await;
    }
    provider.become_(Mood::Sane);
    assert_eq!(provider.sign_in(&portal, json!({ "groups": "desk" })).await.status, 303);
}

#[tokio::test]
async fn a_claim_that_the_token_lacks_is_asked_for_and_must_be_about_the_same_person() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    provider.tell_who_asks(json!({ "sub": "somebody else", "groups": ["admins"] }));
    assert_eq!(provider.sign_in(&portal, json!({})).await.status, 403);
    provider.tell_who_asks(json!({ "sub": "olivia", "groups": ["admins"] }));
    assert_eq!(provider.sign_in(&portal, json!({})).await.status, 303);
    let operators = portal.app.store.operators().await.unwrap();
    assert_eq!(operators[0].role_group, RoleGroup::OrganizationManagement);
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_page_and_no_button() {
    let portal = Portal::start().await;
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?state=x&code=x"] {
        portal.send(portal.request(Method::GET, path)).await.problem("not-found");
    }
    let page = portal.send(portal.request(Method::GET, "/")).await;
    assert!(!page.text.contains("/sign-in/oidc"), "{page:?}");
}

#[tokio::test]
async fn sign_ins_that_begin_in_one_network_without_end_are_held_up_and_passwords_are_not() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    for _ in 0..200 {
        Visit::begin(&portal).await;
    }
    let answer = portal.send(portal.request(Method::GET, "/sign-in/oidc")).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text.contains("Too many sign-ins begin in your network."), "{answer:?}");
    let password = [("address", "olivia@example.org"), ("password", "a guess")];
    assert_eq!(portal.form("/sign-in", "", &password).await.status, 401);
    portal.pass(TimeDelta::minutes(15)).await;
    Visit::begin(&portal).await;
}

#[tokio::test]
async fn who_comes_back_from_the_provider_without_having_gone_there_is_held_up_too() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let came_back = async || {
        let path = "/sign-in/oidc/callback?state=made-up&code=made-up";
        portal.send(portal.request(Method::GET, path)).await.status
    };
    for _ in 0..200 {
        assert_eq!(came_back().await, 401);
    }
    assert_eq!(came_back().await, 429);
}
