//! Haraka asks over HTTP, with the plugin of the documentation.

use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED_BARELY;
use crate::rig::Rig;
use serde_json::json;

fn accepted(recipient: &str) -> String {
    format!("250 recipient <{recipient}> OK")
}

#[tokio::test]
async fn haraka_refuses_a_restricted_users_mail_outside_and_delivers_it_inside() {
    let rig = Rig::with_haraka().await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!(replies.to(BOB), REFUSED_BARELY);
    assert_eq!(replies.to(CAROL), accepted(CAROL));
    rig.inside().receives(ALICE, CAROL).await;
    assert_eq!(rig.outside().messages(), Vec::<String>::new());

    assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), accepted(BOB));
    rig.outside().receives(CAROL, BOB).await;
}

#[tokio::test]
async fn while_the_service_is_down_haraka_lets_all_mail_flow() {
    let mut rig = Rig::with_haraka().await;
    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED_BARELY);

    rig.service.kill();
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), accepted(BOB));
    rig.outside().receives(ALICE, BOB).await;
}

#[tokio::test]
async fn haraka_reports_each_message_that_it_accepts() {
    let rig = Rig::with_haraka().await;
    let replies = rig.send(ALICE, &[BOB, CAROL]);

    let messages = rig.service.messages(ALICE).await;
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message["recipients"], json!([BOB, CAROL]));
    // Haraka's reply ends with its id of the message.
    let queue_id = message["queue_id"].as_str().unwrap();
    assert!(replies.to_the_message().contains(queue_id), "{}", replies.to_the_message());
}
