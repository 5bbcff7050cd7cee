//! An account is taken over: Postfix counts its mail, and rspamd tells which of it is spam.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED;
use crate::harness::eventually;
use crate::rig::Rig;
use restricted_users::model::clock::Clock;
use serde_json::json;

#[tokio::test]
async fn a_spammer_is_stopped_at_the_fifth_message_let_back_in_and_stopped_again() {
    let rig = Rig::with_rspamd_reporting().await;
    clean_mail_flows(&rig).await;
    four_spam_messages_are_no_reason(&rig).await;
    let first = the_fifth_restricts(&rig).await;
    mail_goes_inside_alone(&rig).await;
    the_unblock_takes_its_time(&rig).await;
    let second = a_relapse_restricts_again(&rig).await;
    assert_ne!(first, second);
}

async fn clean_mail_flows(rig: &Rig) {
    assert_eq!(rig.send(ALICE, &[BOB, CAROL]).to(BOB), ACCEPTED);
    rig.outside().receives(ALICE, BOB).await;
    rig.inside().receives(ALICE, CAROL).await;
    rig.service.has_verdicts(ALICE, json!("clean"), 1).await;

    // What Postfix and rspamd told is one message.
    let messages = rig.service.messages(ALICE).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["subject"], "Minutes of Monday");
    assert_eq!(
        (&messages[0]["inside_recipients"], &messages[0]["outside_recipients"]),
        (&json!(1), &json!(1))
    );
}

async fn four_spam_messages_are_no_reason(rig: &Rig) {
    for _ in 0..4 {
        assert_eq!(rig.send_spam(ALICE, &[BOB]).to(BOB), ACCEPTED);
    }
    rig.service.has_verdicts(ALICE, json!("spam"), 4).await;
    assert_eq!(rig.service.restriction(ALICE).await, None);
}

async fn the_fifth_restricts(rig: &Rig) -> String {
    assert_eq!(rig.send_spam(ALICE, &[BOB]).to(BOB), ACCEPTED);
    let user = rig.service.restricts(ALICE).await;
    assert_eq!((&user["cause"], &user["temporary"]), (&json!("outbound_spam"), &json!(false)));
    let reason = user["reason"].as_str().unwrap();
    assert!(reason.starts_with("OutboundSpamLast24Hours=5;OutboundMailLast24Hours=6;"), "{reason}");
    user["id"].to_string()
}

async fn mail_goes_inside_alone(rig: &Rig) {
    let (outside, inside) = (rig.outside().messages().len(), rig.inside().messages().len());
    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!(replies.to(BOB), REFUSED);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    eventually("the mail inside is delivered", async || {
        rig.inside().messages().len() == inside + 1
    })
    .await;
    assert_eq!(rig.outside().messages().len(), outside);
}

async fn the_unblock_takes_its_time(rig: &Rig) {
    let takes_effect_at = rig.service.unblock(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED);
    eventually("Postfix takes the mail", async || rig.send(ALICE, &[BOB]).to(BOB) == ACCEPTED)
        .await;
    assert!(Clock::default().now() >= takes_effect_at);
}

async fn a_relapse_restricts_again(rig: &Rig) -> String {
    for _ in 0..5 {
        assert_eq!(rig.send_spam(ALICE, &[BOB]).to(BOB), ACCEPTED);
    }
    let user = rig.service.restricts(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED);
    user["id"].to_string()
}

#[tokio::test]
async fn a_message_that_rspamd_rejects_counts_as_spam() {
    let rig = Rig::with_rspamd_reporting().await;
    for _ in 0..5 {
        let replies = rig.send_blatant_spam(ALICE, &[BOB]);
        assert_eq!(replies.to_the_message(), "554 5.7.1 Spam message rejected");
    }
    rig.service.restricts(ALICE).await;
    assert_eq!(rig.outside().messages(), Vec::<String>::new());
}
