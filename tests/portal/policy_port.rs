//! What the mail server is told. How the port takes bad clients is tested beside its code.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, minutes};

#[tokio::test]
async fn mail_inside_the_organisation_still_flows() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    for (recipient, answer) in [
        ("bob@remote.example", BAD_OUTBOUND_SENDER),
        ("bob@example.org", DUNNO),
        ("Bob@EXAMPLE.NET.", DUNNO),
        ("postmaster", DUNNO),
        ("bob@sub.example.org", BAD_OUTBOUND_SENDER),
        ("bob%remote.example@example.org", BAD_OUTBOUND_SENDER),
        ("remote.example!bob@example.org", BAD_OUTBOUND_SENDER),
        ("bob@[192.0.2.1]", BAD_OUTBOUND_SENDER),
    ] {
        assert_eq!(
            portal.policy_answer("alice@example.org", recipient).await,
            answer,
            "{recipient}"
        );
    }
}

#[tokio::test]
async fn with_the_scope_all_mail_inside_is_refused_too() {
    let portal = Portal::with(&[("restriction_scope", "all")]).await;
    portal.restricted("alice@example.org").await;
    let answer = portal.policy_answer("alice@example.org", "bob@example.org").await;
    assert_eq!(answer, BAD_OUTBOUND_SENDER);
}

#[tokio::test]
async fn the_sender_is_the_login_and_never_the_envelope() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    for login in ["alice", "ALICE@example.org", "\"alice\"@example.org."] {
        let answer = portal.policy_answer(login, "bob@remote.example").await;
        assert_eq!(answer, BAD_OUTBOUND_SENDER, "{login}");
    }
    let no_login = "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username=\n\
                    sender=alice@example.org\nrecipient=bob@remote.example\n\n";
    assert_eq!(portal.ask(no_login).await, DUNNO);
    let too_long = format!("{}@example.org", "a".repeat(400));
    assert_eq!(portal.policy_answer(&too_long, "bob@remote.example").await, DUNNO);
}

#[tokio::test]
async fn what_was_refused_is_counted_for_its_restriction() {
    let portal = Portal::start().await;
    let alice = portal.restricted("alice@example.org").await;
    for _ in 0..3 {
        portal.policy_answer("alice@example.org", "bob@remote.example").await;
    }
    portal.policy_answer("alice@example.org", "bob@example.org").await;
    portal.write_refusals().await;
    portal.policy_answer("alice@example.org", "bob@remote.example").await;
    portal.write_refusals().await;
    let id = alice.parse().unwrap();
    let since = portal.clock.now() - minutes(10);
    assert_eq!(portal.app.store.refusals(&[id], since).await.unwrap()[&id], 4);

    portal.pass(minutes(20)).await;
    let since = portal.clock.now() - minutes(10);
    assert!(portal.app.store.refusals(&[id], since).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_answer_can_be_had_over_http() {
    use restricted_users::operator::RoleGroup;
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let token = portal.token(RoleGroup::MailServer).await;
    let ask = |sender: &str, recipient: &str| {
        let path = format!("/api/v1/decision?sender={sender}&recipient={recipient}");
        portal.send(portal.request(reqwest::Method::GET, &path).basic_auth("haraka", Some(&token)))
    };
    let refused = ask("ALICE", "bob@remote.example").await.ok();
    assert_eq!(
        refused,
        serde_json::json!({ "action": "reject", "status": 550, "enhanced_status": "5.1.8",
            "message": "Access denied, bad outbound sender" })
    );
    let allowed = ask("alice@example.org", "bob@example.org").await.ok();
    assert_eq!(
        allowed,
        serde_json::json!({ "action": "allow", "status": 250, "enhanced_status": "2.1.0",
            "message": "OK" })
    );
}
