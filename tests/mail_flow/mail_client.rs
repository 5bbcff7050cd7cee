//! A mail client, which is swaks.

use std::process::Command;

/// Mail that a client sends.
pub struct Mail<'a> {
    login: &'a str,
    envelope_sender: &'a str,
    recipients: Vec<&'a str>,
    subject: &'a str,
}

impl<'a> Mail<'a> {
    /// Mail of somebody who signs in with the address.
    pub fn new(sender: &'a str, recipients: &[&'a str]) -> Self {
        let subject = "Minutes of Monday";
        Self { login: sender, envelope_sender: sender, recipients: recipients.to_vec(), subject }
    }

    /// With another envelope sender than the login.
    pub fn claiming_to_be(self, envelope_sender: &'a str) -> Self {
        Self { envelope_sender, ..self }
    }

    /// With another subject.
    pub fn about(self, subject: &'a str) -> Self {
        Self { subject, ..self }
    }

    /// Sends it to a submission service.
    pub fn submit(&self, server: &str) -> Replies {
        let client = Command::new("swaks")
            .args(["--server", server])
            .args(["--auth", "PLAIN", "--auth-user", self.login, "--auth-password", "secret"])
            .args(["--from", self.envelope_sender, "--to", &self.recipients.join(",")])
            .args(["--header", &format!("Subject: {}", self.subject)])
            .output()
            .expect("swaks is there; tests/run installs it");
        Replies(String::from_utf8(client.stdout).unwrap())
    }
}

/// What a mail client said and was answered, as swaks writes it down.
pub struct Replies(String);

impl Replies {
    /// The reply to `RCPT TO` of a recipient.
    pub fn to(&self, recipient: &str) -> &str {
        self.behind(&format!(" -> RCPT TO:<{recipient}>"))
    }

    /// The reply to the message itself.
    pub fn to_the_message(&self) -> &str {
        self.behind(" -> .")
    }

    fn behind(&self, command: &str) -> &str {
        let mut lines = self.0.lines().skip_while(|line| *line != command).skip(1);
        // An arrow and two spaces, or two asterisks and one, come before the reply.
        lines.next().and_then(|line| line.get(4..)).unwrap_or_else(|| panic!("{}", self.0))
    }
}
