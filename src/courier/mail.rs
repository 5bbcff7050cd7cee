//! Notices by mail.

use super::Undelivered;
use crate::config::{Config, MailSettings};
use crate::store::Claimed;

/// Sends mail.
#[derive(Debug)]
pub struct Mailer {}

impl Mailer {
    /// A mailer by the settings; links in its mails lead to `public_url`.
    #[must_use]
    pub fn new(_settings: &MailSettings, _config: &Config, _public_url: &str) -> Self {
        Self {}
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// When the server did not take it.
    pub async fn send(&self, _claimed: &Claimed) -> Result<(), Undelivered> {
        Err(Undelivered("mail is not built yet".into()))
    }
}
