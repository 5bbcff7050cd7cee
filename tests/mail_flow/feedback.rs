//! A provider's feedback report, taken by the script of the documentation.

use crate::ALICE;
use crate::BOB;
use crate::documentation::{self, Snippets};
use crate::rig::Rig;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// What a mail server writes down that has checked a signature.
const SIGNED: &str = "dkim=pass (2048-bit key; unprotected) header.d=provider.example header.s=fbl";

/// The provider's report of the message that was delivered to it.
fn report(rig: &Rig, authentication_results: &str) -> String {
    let delivered = rig.outside().messages();
    let [delivered] = delivered.as_slice() else { panic!("{delivered:?}") };
    // The envelope, as the sink writes it down, comes before what the provider was sent.
    let (_, message) = delivered.split_once("\nReceived:").unwrap();
    format!(
        "From: fbl@provider.example\nAuthentication-Results: mail.example.org;\n\t{authentication_results}\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nThis is a report of abuse.\n\
         --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: fbl/1\nVersion: 1\n\n\
         --b\nContent-Type: message/rfc822\n\nReceived:{message}\n--b--\n"
    )
}

/// What the script answers Postfix.
fn take(script: &Snippets, report: &str) -> Option<i32> {
    let path = script.path().join("feedback-report");
    let mut script = Command::new("sh").arg(path).stdin(Stdio::piped()).spawn().unwrap();
    script.stdin.take().unwrap().write_all(report.as_bytes()).unwrap();
    script.wait().unwrap().code()
}

#[tokio::test]
async fn a_report_that_its_provider_signed_marks_the_message_and_another_does_not() {
    const DONE: Option<i32> = Some(0);
    const TRY_AGAIN: Option<i32> = Some(75);
    let mut rig = Rig::over_tcp().await;
    let script = documentation::feedback(&rig.service.url, &rig.service.mail_server_token());
    rig.send(ALICE, &[BOB]);
    rig.outside().receives(ALICE, BOB).await;

    for forged in [
        "dkim=none",
        "dkim=fail header.d=provider.example",
        "dkim=pass header.d=evil.example; dkim=fail header.d=provider.example",
        "dkim=pass header.d=provider.example.evil.example",
        "spf=pass smtp.mailfrom=\"; dkim=pass header.d=provider.example \"@evil.example",
    ] {
        assert_eq!(take(&script, &report(&rig, forged)), DONE);
        rig.service.has_verdicts(ALICE, Value::Null, 1).await;
    }
    rig.service.kill();
    assert_eq!(take(&script, &report(&rig, SIGNED)), TRY_AGAIN);
    rig.service.start_again();
    assert_eq!(take(&script, &report(&rig, SIGNED)), DONE);
    rig.service.has_verdicts(ALICE, json!("spam"), 1).await;
}
