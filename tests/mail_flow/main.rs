//! Stories of mail that a real Postfix takes, with the very lines of the documentation in its
//! `main.cf`, and asks the real program about. Needs Postfix, Dovecot and swaks, and root or sudo.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

#[path = "../portal/audit_chain.rs"]
mod audit_chain;
#[expect(dead_code, reason = "shared with the stories of the portal, which use all of it")]
#[path = "../portal/harness.rs"]
mod harness;
mod mail_server;
#[expect(dead_code, reason = "shared with the stories of the portal, which use all of it")]
#[path = "../portal/program.rs"]
mod program;
mod rig;

use harness::eventually;
use restricted_users::clock::Clock;
use rig::Rig;

const ALICE: &str = "alice@example.org";
const CAROL: &str = "carol@example.org";
/// Outside the organisation.
const BOB: &str = "bob@remote.example";

const REFUSED: &str =
    "550 5.1.8 <alice@example.org>: Sender address rejected: Access denied, bad outbound sender";
const ACCEPTED: &str = "250 2.1.5 Ok";

#[tokio::test]
async fn a_restricted_users_mail_is_refused_outside_and_delivered_inside() {
    let rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;

    let replies = rig.mail_server.send(ALICE, &[BOB, CAROL]);
    assert_eq!(replies.to(BOB), REFUSED);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    rig.mail_server.inside.receives(ALICE, CAROL).await;
    assert_eq!(rig.mail_server.outside.messages(), Vec::<String>::new());
}

#[tokio::test]
async fn over_the_unix_socket_postfix_is_answered_the_same() {
    let rig = Rig::over_unix_socket().await;
    rig.restrict(ALICE).await;

    let replies = rig.mail_server.send(ALICE, &[CAROL, BOB]);
    assert_eq!(replies.to(BOB), REFUSED);
    assert_eq!(replies.to(CAROL), ACCEPTED);
    rig.mail_server.inside.receives(ALICE, CAROL).await;
}

#[tokio::test]
async fn a_forged_envelope_sender_helps_nobody_and_harms_nobody() {
    let rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;

    let forged = rig.mail_server.send_as(ALICE, "dave@example.org", &[BOB]);
    assert_eq!(forged.to(BOB), REFUSED.replace(ALICE, "dave@example.org"));
    let innocent = rig.mail_server.send_as(CAROL, ALICE, &[BOB]);
    assert_eq!(innocent.to(BOB), ACCEPTED);
    rig.mail_server.outside.receives(ALICE, BOB).await;
}

#[tokio::test]
async fn everybody_elses_mail_flows() {
    let rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;

    let replies = rig.mail_server.send(CAROL, &[BOB, ALICE]);
    assert_eq!((replies.to(BOB), replies.to(ALICE)), (ACCEPTED, ACCEPTED));
    rig.mail_server.outside.receives(CAROL, BOB).await;
    rig.mail_server.inside.receives(CAROL, ALICE).await;
}

#[tokio::test]
async fn after_the_delay_of_the_unblock_mail_to_the_outside_is_delivered_again() {
    let rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;

    let takes_effect_at = rig.unblock(ALICE).await;
    eventually("Postfix takes the mail", async || {
        rig.mail_server.send(ALICE, &[BOB]).to(BOB) == ACCEPTED
    })
    .await;
    assert!(Clock::default().now() >= takes_effect_at);
    rig.mail_server.outside.receives(ALICE, BOB).await;
}

#[tokio::test]
async fn the_portal_counts_the_recipients_that_were_refused() {
    let rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;
    rig.sign_in().await;

    rig.mail_server.send(ALICE, &[BOB, CAROL, "dan@remote.example"]);
    eventually("the page shows them", async || {
        let page = rig.page_of(ALICE).await;
        page.contains("<strong>2</strong> recipients refused since")
            && page.contains("Still trying: 2 refused in 10 minutes")
    })
    .await;
}

#[tokio::test]
async fn while_the_service_is_down_all_mail_flows() {
    let mut rig = Rig::over_tcp().await;
    rig.restrict(ALICE).await;
    assert_eq!(rig.mail_server.send(ALICE, &[BOB]).to(BOB), REFUSED);

    rig.kill_service();
    for sender in [CAROL, ALICE] {
        assert_eq!(rig.mail_server.send(sender, &[BOB]).to(BOB), ACCEPTED);
        rig.mail_server.outside.receives(sender, BOB).await;
    }
}
