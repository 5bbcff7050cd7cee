//! Whose mail it is: that of the login.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::mail_client::Mail;
use crate::rig::Rig;
use serde_json::json;

#[tokio::test]
async fn the_spam_of_two_accounts_never_mixes() {
    let rig = Rig::with_rspamd_reporting().await;
    for _ in 0..4 {
        rig.send_spam(ALICE, &[BOB]);
        rig.send_spam(CAROL, &[BOB]);
    }
    rig.service.has_verdicts(ALICE, json!("spam"), 4).await;
    rig.service.has_verdicts(CAROL, json!("spam"), 4).await;
    assert_eq!(rig.service.restriction(ALICE).await, None);
    assert_eq!(rig.service.restriction(CAROL).await, None);

    rig.send_spam(ALICE, &[BOB]);
    rig.service.restricts(ALICE).await;
    assert_eq!(rig.service.restriction(CAROL).await, None);
    assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), ACCEPTED);
}

#[tokio::test]
async fn an_alias_and_a_forged_envelope_sender_count_for_the_login() {
    let rig = Rig::with_rspamd_reporting().await;
    let claimed =
        ["sales@example.org", CAROL, "president@remote.example", "sales@example.org", ALICE];
    for envelope_sender in claimed {
        let spam = Mail::new(ALICE, &[BOB]).about("spam").claiming_to_be(envelope_sender);
        assert_eq!(rig.mail_server.submit(&spam).to(BOB), ACCEPTED);
    }
    rig.service.restricts(ALICE).await;
    for innocent in ["sales@example.org", CAROL] {
        assert_eq!(rig.service.restriction(innocent).await, None);
        assert_eq!(rig.service.messages(innocent).await, Vec::<serde_json::Value>::new());
    }
}
