//! Exim asks the policy port, with `readsocket`.

use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED_BARELY;
use crate::rig::Rig;
use serde_json::Value;

const ACCEPTED: &str = "250 Accepted";

#[tokio::test]
async fn exim_refuses_a_restricted_users_mail_outside_and_delivers_it_inside() {
    let rig = Rig::with_exim().await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!(replies.to(BOB), REFUSED_BARELY);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    rig.inside().receives(ALICE, CAROL).await;
    assert_eq!(rig.outside().messages(), Vec::<String>::new());

    assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), ACCEPTED);
    rig.outside().receives(CAROL, BOB).await;
}

#[tokio::test]
async fn while_the_service_is_down_exim_lets_all_mail_flow() {
    let mut rig = Rig::with_exim().await;
    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED_BARELY);

    rig.service.kill();
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED);
    rig.outside().receives(ALICE, BOB).await;
}

#[tokio::test]
async fn exim_counts_each_message_that_it_takes() {
    let rig = Rig::with_exim().await;
    rig.send(ALICE, &[BOB, CAROL]);
    rig.send(ALICE, &[CAROL]);

    let messages = rig.service.messages(ALICE).await;
    let recipients = |message: &Value| {
        (message["inside_recipients"].as_u64(), message["outside_recipients"].as_u64())
    };
    let counted: Vec<_> = messages.iter().map(recipients).collect();
    assert_eq!(counted, [(Some(1), Some(0)), (Some(1), Some(1))]);
}
