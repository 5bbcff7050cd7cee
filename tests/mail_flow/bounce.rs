//! `restricted_answer = "bounce"`: a restricted user's message is accepted and comes back.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::rig::Rig;

#[tokio::test]
async fn a_restricted_user_gets_a_real_report_of_failure() {
    let rig = Rig::over_tcp_with(&[("RESTRICTED_ANSWER", "bounce")]).await;
    rig.service.restrict(ALICE).await;

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!((replies.to(BOB), replies.to(CAROL)), (ACCEPTED, ACCEPTED));
    // The sender of a report is nobody (RFC 3464).
    rig.inside().receives("", ALICE).await;
    let delivered = rig.inside().messages();
    let [report] = delivered.as_slice() else { panic!("{delivered:?}") };
    for line in [
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Final-Recipient: rfc822; bob@remote.example",
        "Final-Recipient: rfc822; carol@example.org",
        "Status: 5.1.8",
        "Diagnostic-Code: X-Postfix; Access denied, bad outbound sender",
    ] {
        assert!(report.contains(line), "{line} is not in:\n{report}");
    }
    assert_eq!(rig.outside().messages(), Vec::<String>::new());
}

#[tokio::test]
async fn where_mail_bounces_a_message_to_the_inside_alone_is_delivered() {
    let rig = Rig::over_tcp_with(&[("RESTRICTED_ANSWER", "bounce")]).await;
    rig.service.restrict(ALICE).await;
    assert_eq!(rig.send(ALICE, &[CAROL]).to(CAROL), ACCEPTED);
    rig.inside().receives(ALICE, CAROL).await;
}
