//! Postfix asks the policy port.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED;
use crate::harness::eventually;
use crate::mail_client::Mail;
use crate::rig::Rig;
use restricted_users::model::clock::Clock;

#[tokio::test]
async fn a_restricted_users_mail_is_refused_outside_and_delivered_inside() {
    let rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!(replies.to(BOB), REFUSED);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    rig.inside().receives(ALICE, CAROL).await;
    assert_eq!(rig.outside().messages(), Vec::<String>::new());
}

#[tokio::test]
async fn over_the_unix_socket_postfix_is_answered_the_same() {
    let rig = Rig::over_unix_socket().await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(ALICE, &[CAROL, BOB]);
    assert_eq!(replies.to(BOB), REFUSED);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    rig.inside().receives(ALICE, CAROL).await;
}

#[tokio::test]
async fn a_forged_envelope_sender_helps_nobody_and_harms_nobody() {
    let rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;

    let forged = Mail::new(ALICE, &[BOB]).claiming_to_be("dave@example.org");
    let refused = REFUSED.replace(ALICE, "dave@example.org");
    assert_eq!(rig.mail_server.submit(&forged).to(BOB), refused);
    let innocent = Mail::new(CAROL, &[BOB]).claiming_to_be(ALICE);
    assert_eq!(rig.mail_server.submit(&innocent).to(BOB), ACCEPTED);
    rig.outside().receives(ALICE, BOB).await;
}

#[tokio::test]
async fn everybody_elses_mail_flows() {
    let rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(CAROL, &[BOB, ALICE]);
    assert_eq!((replies.to(BOB), replies.to(ALICE)), (ACCEPTED, ACCEPTED));
    rig.outside().receives(CAROL, BOB).await;
    rig.inside().receives(CAROL, ALICE).await;
}

#[tokio::test]
async fn after_the_delay_of_the_unblock_mail_to_the_outside_is_delivered_again() {
    let rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;

    let takes_effect_at = rig.service.unblock(ALICE).await;
    eventually("Postfix takes the mail", async || rig.send(ALICE, &[BOB]).to(BOB) == ACCEPTED)
        .await;
    assert!(Clock::default().now() >= takes_effect_at);
    rig.outside().receives(ALICE, BOB).await;
}

#[tokio::test]
async fn the_portal_counts_the_recipients_that_were_refused() {
    let rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;
    rig.service.sign_in().await;

    rig.send(ALICE, &[BOB, CAROL, "dan@remote.example"]);
    eventually("the page shows them", async || {
        let page = rig.service.page_of(ALICE).await;
        page.contains("<strong>2</strong> recipients refused since")
            && page.contains("Still trying: 2 refused in 10 minutes")
    })
    .await;
}

#[tokio::test]
async fn while_the_service_is_down_all_mail_flows() {
    let mut rig = Rig::over_tcp().await;
    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED);

    rig.service.kill();
    for sender in [CAROL, ALICE] {
        assert_eq!(rig.send(sender, &[BOB]).to(BOB), ACCEPTED);
        rig.outside().receives(sender, BOB).await;
    }
}

#[tokio::test]
async fn the_lines_that_the_portal_shows_count_refuse_and_never_stop_mail() {
    let mut rig = Rig::as_the_portal_says().await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED);
    rig.service.has_verdicts(ALICE, serde_json::Value::Null, 1).await;

    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED);

    rig.service.kill();
    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!((replies.to(BOB), replies.to(CAROL)), (ACCEPTED, ACCEPTED));
    rig.inside().receives(ALICE, CAROL).await;
    rig.outside().receives(ALICE, BOB).await;
}
