//! rspamd asks over HTTP, with the rule of the documentation.

use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::rig::Rig;

const REJECTED: &str = "554 5.7.1 Access denied, bad outbound sender";

#[tokio::test]
async fn rspamd_rejects_a_restricted_users_message_that_goes_outside() {
    let rig = Rig::with_rspamd_asking().await;
    rig.service.restrict(ALICE).await;

    assert_eq!(rig.send(ALICE, &[CAROL, BOB]).to_the_message(), REJECTED);
    assert!(rig.send(ALICE, &[CAROL]).to_the_message().starts_with("250 "));
    rig.inside().receives(ALICE, CAROL).await;
    assert!(rig.send(CAROL, &[BOB]).to_the_message().starts_with("250 "));
    rig.outside().receives(CAROL, BOB).await;
    assert_eq!((rig.inside().messages().len(), rig.outside().messages().len()), (1, 1));
}

#[tokio::test]
async fn while_the_service_is_down_rspamd_lets_all_mail_flow() {
    let mut rig = Rig::with_rspamd_asking().await;
    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to_the_message(), REJECTED);

    rig.service.kill();
    assert!(rig.send(ALICE, &[BOB]).to_the_message().starts_with("250 "));
    rig.outside().receives(ALICE, BOB).await;
}
