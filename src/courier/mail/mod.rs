//! Notices by mail.

mod limited;
mod relay;
#[cfg(test)]
mod tests;

pub use relay::Limits;

use super::Undelivered;
use super::letter::{Letter, Writer};
use crate::config::{Config, MailSettings};
use crate::model::alert::Severity;
use crate::store::Claimed;
use askama::Template;
use email_encoding::headers::{rfc2047, writer::EmailWriter};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use relay::Relay;

/// Sends mail.
#[derive(Debug)]
pub struct Mailer {
    writer: Writer,
    from: Mailbox,
    relay: Relay,
}

#[derive(Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Mailer {
    /// A mailer by the settings; links in its mails lead to `public_url`.
    pub fn new(settings: &MailSettings, config: &Config, public_url: &str) -> Self {
        Self {
            writer: Writer::new(config, public_url),
            from: settings.from.clone(),
            relay: Relay::new(settings.server.clone(), Limits::default()),
        }
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { relay: self.relay.with_limits(limits), ..self }
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// When the server did not take it.
    pub async fn send(&self, claimed: &Claimed) -> Result<(), Undelivered> {
        let mail = self.message(claimed)?;
        self.relay.send(mail.envelope(), &mail.formatted()).await
    }

    /// The mail that tells a notice.
    ///
    /// # Errors
    /// When nobody can get it.
    pub fn message(&self, claimed: &Claimed) -> Result<Message, Undelivered> {
        let nobody = || Undelivered("the recipient is no address that mail can go to".into());
        let to = claimed.target.parse::<Address>().map_err(|_| nobody())?;
        let letter = if claimed.last_today {
            self.writer.last_letter_today(&claimed.notice)
        } else {
            self.writer.letter(&claimed.notice)
        };
        let text = Text { letter: &letter }.render().map_err(|_| nobody())?;
        let html = Html { letter: &letter }.render().map_err(|_| nobody())?;
        // The same at each attempt, so that a mail that came twice is seen to be one.
        let id = format!("<{}@{}>", claimed.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(to.into())
            .raw_header(subject(letter.subject))
            .date(claimed.created_at.into())
            .message_id(Some(id))
            // Nobody's absence notice shall answer (RFC 3834; the other is Exchange's).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|_| nobody())
    }
}

/// What looks like an encoded word (RFC 2047) is a stranger's and would be decoded, into anything; so
/// the whole is encoded then, as the library itself does for what is not ASCII alone.
fn subject(text: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if !text.contains("=?") {
        return HeaderValue::new(name, text);
    }
    let mut encoded = String::new();
    // What it still holds back it writes when it is dropped.
    {
        let mut writer = EmailWriter::new(&mut encoded, "Subject: ".len(), 0, false);
        rfc2047::encode(&text, &mut writer).expect("a text takes everything");
    }
    HeaderValue::dangerous_new_pre_encoded(name, text, encoded)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.into())
}
