//! What the mail server is told. How the port takes bad clients is tested beside its code.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;

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
    for login in
        ["alice", "ALICE@example.org", "\"alice\"@example.org.", "alice@example.org ", "\talice"]
    {
        let answer = portal.policy_answer(login, "bob@remote.example").await;
        assert_eq!(answer, BAD_OUTBOUND_SENDER, "{login}");
    }
    let no_login = "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username=\n\
                    sender=alice@example.org\nrecipient=bob@remote.example\n\n";
    assert_eq!(portal.ask(no_login).await, DUNNO);
    let too_long = format!("{}@example.org", "a".repeat(400));
    assert_eq!(portal.policy_answer(&too_long, "bob@remote.example").await, DUNNO);
}

/// The mail server has let somebody in whose login is no address.
#[tokio::test]
async fn a_login_that_is_no_address_is_counted_restricted_listed_and_let_back_in() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    let long = "a".repeat(400);
    for login in
        ["al\u{7}ice@example.org", "alice@example..org", "\u{200b}alice@example.org", &long]
    {
        for _ in 0..5 {
            portal.sends_spam(login).await;
        }
        assert_eq!(portal.policy_answer(login, "bob@remote.example").await, BAD_OUTBOUND_SENDER);
    }
    let decision = "/api/v1/decision?sender=alice@example..org&recipient=bob@remote.example";
    assert_eq!(portal.get(decision).await.ok()["status"], 550);

    let list = portal.get("/api/v1/restricted-users?sort=address").await.ok();
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|user| &user["address"]).collect();
    assert_eq!(names[2..], ["al\\u{7}ice@example.org#d4a28117", "alice@example..org"]);
    for user in list["items"].as_array().unwrap() {
        let address = user["address"].as_str().unwrap();
        assert_eq!(portal.user(&percent_encoded(address)).await["id"], user["id"], "{address}");
    }
    portal.unblock("alice@example..org").await;
    assert_eq!(portal.policy_answer("alice@example..org", "bob@remote.example").await, DUNNO);
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
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
    use restricted_users::model::operator::RoleGroup;
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

#[tokio::test]
async fn strange_messages_are_answered_and_counted_as_far_as_they_make_sense() {
    let portal = Portal::start().await;
    let end = async |attributes: &str| {
        let state = "request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\n";
        portal.ask(&format!("{state}{attributes}\n\n")).await
    };
    let long = "x".repeat(8_000);
    for (attributes, counted, recipients) in [
        // No instance, no count, the null sender, IPv6 in two spellings, xtext in a certificate.
        ("sasl_username=alice@example.org", 1, 1),
        ("sasl_username=alice@example.org\nsender=\nrecipient_count=3", 2, 4),
        ("sasl_username=alice@example.org\nclient_address=2001:DB8::17", 3, 5),
        ("sasl_username=alice@example.org\nclient_address=::ffff:192.0.2.7", 4, 6),
        ("sasl_username=alice@example.org\nccert_subject=Al+2Bice+20", 5, 7),
        // Of two the last counts; what is no number is one; what is no queue id is none.
        ("sasl_username=bob\nsasl_username=alice@example.org\nrecipient_count=-4", 6, 8),
        ("sasl_username=alice@example.org\nrecipient_count=many\nqueue_id=a b\u{7f}", 7, 9),
        ("sasl_username=alice@example.org\nrecipient_count=50000", 8, 50_009),
        // Forged logins count for nobody.
        ("sasl_username=<alice@example.org>", 8, 50_009),
        ("sasl_username=alice@@", 8, 50_009),
        (&format!("sasl_username={long}@example.org"), 8, 50_009),
        (&format!("sasl_username=alice@example.org\nunheard={long}\ninstance={long}"), 9, 50_010),
    ] {
        assert_eq!(end(attributes).await, DUNNO, "{attributes:.80}");
        let sending = portal.sending("alice@example.org").await;
        let seen = (sending.messages_in_day, sending.recipients_in_day());
        assert_eq!(seen, (counted, recipients), "{attributes:.80}");
    }
    let addresses: Vec<_> = portal
        .messages("alice@example.org")
        .await
        .iter()
        .rev()
        .map(|message| message["client_address"].clone())
        .collect();
    assert_eq!((&addresses[2], &addresses[3]), (&"2001:db8::17".into(), &"192.0.2.7".into()));
}

#[tokio::test]
async fn a_transaction_to_many_recipients_is_counted_whole() {
    let portal = Portal::start().await;
    let request = |number| {
        format!(
            "protocol_state=RCPT\nsasl_username=alice@example.org\ninstance=7\n\
             recipient=r{number}@remote.example\n\n"
        )
    };
    let requests: String = (0..3_000).map(request).collect();
    portal.ask(&requests).await;
    portal.end_of_message("alice@example.org", "7", 3_000).await;
    let message = &portal.messages("alice@example.org").await[0];
    assert_eq!(message["outside_recipients"], 3_000);
    assert_eq!(message["recipients"].as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn whoever_tells_of_mail_can_have_anybody_restricted_with_one_message() {
    let portal = Portal::start().await;
    portal.end_of_message("ceo@example.org", "4F2B1C0A1", 1_001).await;
    assert_eq!(portal.user("ceo@example.org").await["state"], "restricted");

    let token = portal.token(RoleGroup::MailServer).await;
    let message =
        json!({ "sender": "cfo@example.org", "recipients": vec!["bob@remote.example"; 1_001] });
    let request = portal.request(Method::POST, "/api/v1/outbound-messages").bearer_auth(token);
    assert_eq!(portal.send(request.json(&message)).await.status, 202);
    assert_eq!(portal.user("cfo@example.org").await["state"], "restricted");
}

#[tokio::test]
async fn a_clock_that_jumps_back_loses_no_count() {
    let portal = Portal::start().await;
    portal.sends("alice@example.org", &["bob@remote.example"]).await;
    portal.clock.advance(minutes(-30));
    portal.sends("alice@example.org", &["bob@remote.example"]).await;
    assert_eq!(portal.sending("alice@example.org").await.outside_in_hour, 2);
}
