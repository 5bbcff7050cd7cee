//! How many recipients a sender may have.

use crate::rig::Rig;
use crate::{ACCEPTED, ALICE, BOB, CAROL, REFUSED};

#[tokio::test]
async fn a_message_to_one_recipient_too_many_flows_and_restricts_its_sender() {
    let rig = Rig::over_tcp().await;
    let many: Vec<_> = (0..501).map(|number| format!("r{number}@remote.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let replies = rig.send(ALICE, &many[..500]);
    assert_eq!(replies.to(many[499]), ACCEPTED);
    assert_eq!(rig.service.restriction(ALICE).await, None);

    // The answer to the message comes when it is counted.
    assert_eq!(rig.send(ALICE, &many[500..]).to(many[500]), ACCEPTED);
    let user = rig.service.restriction(ALICE).await.unwrap();
    assert_eq!(user["cause"], "sending_limit");
    let reason = user["reason"].as_str().unwrap();
    assert!(reason.starts_with("EmailSendingLimitExceeded;"), "{reason}");
    assert!(reason.contains("ExternalRecipientCountToday=501;"), "{reason}");
    assert!(reason.contains("ExceedingLimitType=External;"), "{reason}");

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!((replies.to(BOB), replies.to(CAROL)), (REFUSED, ACCEPTED));
    rig.outside().receives(ALICE, many[500]).await;
    rig.inside().receives(ALICE, CAROL).await;
}
