//! The mail of the sample organisation, told as Postfix and a spam filter tell it.

use super::{SENDERS, SPAMMER};
use crate::app::App;
use crate::mail_port::listen::ListenAddress;
use crate::model::address::Address;
use crate::model::{Recipients, Report, Source, Verdict};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Between two messages of everybody else.
const CALM: Duration = Duration::from_secs(4);
/// Between two messages of the spammer: five restrict it.
const BURST: Duration = Duration::from_secs(3);
/// How long the spammer waits after a refusal.
const BACK_OFF: Duration = Duration::from_secs(20);
/// An answer of the policy port is shorter; against one that never ends.
const LONGEST_ANSWER: usize = 1_000;

const REMOTE: [&str; 4] =
    ["bob@remote.example", "dana@partner.example", "info@shop.example", "lee@school.example"];
const SUBJECTS: [&str; 5] =
    ["Minutes of Monday", "Offer 2041", "Re: Invoice", "Lunch on Thursday?", "The new poster"];

/// Keeps mail flowing and never ends.
pub async fn mail(app: Arc<App>, policy: Vec<ListenAddress>) {
    let Some(ListenAddress::Tcp { host, port }) = policy.into_iter().next() else { return };
    let server = MailServer { app, policy: (host, port) };
    tokio::join!(everybody_else(&server), the_spammer(&server));
}

async fn everybody_else(server: &MailServer) {
    for number in 0_usize.. {
        // Steps that share no factor with the lengths of the lists, so that everybody gets a turn.
        let sender = SENDERS[number * 7 % SENDERS.len()];
        let recipient = match number % 3 {
            0 => SENDERS[number * 5 % SENDERS.len()],
            _ => REMOTE[number % REMOTE.len()],
        };
        let subject = SUBJECTS[number % SUBJECTS.len()];
        server.take(sender, recipient, subject, Verdict::Clean).await;
        tokio::time::sleep(CALM).await;
    }
}

async fn the_spammer(server: &MailServer) {
    loop {
        let recipient = format!("{}@remote.example", uuid::Uuid::now_v7().simple());
        let was_taken =
            server.take(SPAMMER, &recipient, "You have won a prize", Verdict::Spam).await;
        tokio::time::sleep(if was_taken { BURST } else { BACK_OFF }).await;
    }
}

/// What stands in for Postfix and its filter.
struct MailServer {
    app: Arc<App>,
    policy: (String, u16),
}

impl MailServer {
    /// A message is submitted; says whether it was taken. What fails, such as the service as it
    /// stops, is mail that does not flow.
    async fn take(&self, sender: &str, recipient: &str, subject: &str, verdict: Verdict) -> bool {
        let queue_id = format!("{:X}", uuid::Uuid::now_v7().as_u128() >> 76);
        match self.ask(sender, recipient, &queue_id).await {
            Ok(answer) if !answer.contains("550") => {}
            _ => return false,
        }
        let now = self.app.clock.now();
        let mut report = Report::new(Source::Filter, Address::stored(sender), now);
        let inside = i64::from(self.app.organization().is_inside(recipient));
        let named = vec![recipient.to_owned()];
        report.recipients = Recipients { named, inside, outside: 1 - inside, unplaced: 0 };
        report.queue_id = Some(queue_id);
        report.subject = Some(subject.to_owned());
        report.client_address = Some("192.0.2.7".into());
        report.score = Some(if verdict == Verdict::Spam { 18.4 } else { 0.3 });
        report.verdict = Some(verdict);
        self.app.meter.count_all(vec![report]).await.is_ok()
    }

    /// What Postfix asks at RCPT and, where the recipient is taken, at END-OF-MESSAGE.
    async fn ask(&self, sender: &str, recipient: &str, queue_id: &str) -> std::io::Result<String> {
        let mut port = TcpStream::connect((self.policy.0.as_str(), self.policy.1)).await?;
        let about = format!("sasl_username={sender}\ninstance={queue_id}\nrecipient={recipient}");
        let rcpt = format!("protocol_state=RCPT\n{about}\nrecipient_count=0\nqueue_id=\n");
        let answer = answer(&mut port, &rcpt).await?;
        if answer.contains("550") {
            return Ok(answer);
        }
        let end = format!(
            "protocol_state=END-OF-MESSAGE\n{about}\nrecipient_count=1\nqueue_id={queue_id}\n\
             client_address=192.0.2.7\n"
        );
        self::answer(&mut port, &end).await
    }
}

async fn answer(port: &mut TcpStream, request: &str) -> std::io::Result<String> {
    let request = format!("request=smtpd_access_policy\n{request}\n");
    port.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\n\n") && answer.len() < LONGEST_ANSWER {
        if port.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
