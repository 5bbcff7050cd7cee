//! A notice in words, whichever way it goes: mail, Slack and Teams say the same.

mod alerts;
mod digest;
mod own;

use crate::config::Config;
use crate::decision::Scope;
use crate::model::alert::{AlertPolicyId, Notice, Severity};
use crate::model::text::decent;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Characters of an address, which has 254 octets at most (RFC 5321).
const LONGEST_ADDRESS: usize = 254;
/// Characters of a text that somebody wrote, so that a mail stays one that is read to its end.
const LONGEST_TEXT: usize = 500;
/// Characters of a subject, of which a phone shows some forty.
const LONGEST_SUBJECT: usize = 150;

/// A notice in words. Each text is on one line and without controls, whoever its words come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The most important thing first.
    pub(super) subject: String,
    /// How grave it is, and which policy tells it.
    pub(super) tag: Option<Tag>,
    pub(super) title: String,
    pub(super) note: Option<String>,
    pub(super) opening: Vec<String>,
    pub(super) facts: Vec<Fact>,
    pub(super) sections: Vec<Section>,
    pub(super) steps: Vec<String>,
    pub(super) action: Option<Link>,
    pub(super) closing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) severity: Severity,
    pub(super) policy: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) more: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) says: String,
    pub(super) url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) label: String,
    pub(super) url: String,
}

/// Puts notices into words for one organisation.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    organization: String,
    public_url: String,
    help_url: Option<String>,
    scope: Scope,
}

impl Writer {
    pub(super) fn new(config: &Config, public_url: &str) -> Self {
        Self {
            organization: decent(&config.organization.name, LONGEST_TEXT),
            public_url: public_url.to_owned(),
            help_url: config.help_url.as_ref().map(ToString::to_string),
            scope: config.scope_in_effect(),
        }
    }

    /// The letter that tells a notice.
    pub(super) fn letter(&self, notice: &Notice) -> Letter {
        let letter = match notice {
            Notice::Alerts { policy, severity, total, alerts } => {
                let letter = match &alerts[..] {
                    [alert] if *total == 1 => self.one_alert(*policy, alert),
                    alerts => self.many_alerts(*policy, *total, alerts),
                };
                self.of_policy(letter, *policy, *severity)
            }
            Notice::Test { policy, severity, asked_by } => {
                self.of_policy(self.test(*policy, asked_by), *policy, *severity)
            }
            Notice::Own(own) => self.own(own),
            Notice::Digest(digest) => self.digest(digest),
        };
        Letter { subject: decent(&letter.subject, LONGEST_SUBJECT), ..letter }
    }

    /// The same for whoever gets no more mails of its policy today.
    pub(super) fn last_letter_today(&self, notice: &Notice) -> Letter {
        let about = match notice {
            Notice::Alerts { policy, .. } | Notice::Test { policy, .. } => {
                format!(" about “{}”", policy.name())
            }
            Notice::Own(_) | Notice::Digest(_) => String::new(),
        };
        let note = format!(
            "This is the last mail{about} that you get today (UTC): the daily limit is reached. \
             Further alerts are in the portal, at {}",
            self.page("alerts")
        );
        Letter { note: Some(note), ..self.letter(notice) }
    }

    fn of_policy(&self, letter: Letter, policy: AlertPolicyId, severity: Severity) -> Letter {
        let closing = vec![format!(
            "You get this from Restricted Users of {} because alerts of “{}” go to you. \
             Recipients and limits: {}",
            self.organization,
            policy.name(),
            self.page("alertpolicies"),
        )];
        Letter { tag: Some(Tag { severity, policy: policy.name() }), closing, ..letter }
    }

    fn test(&self, policy: AlertPolicyId, asked_by: &str) -> Letter {
        let asked_by = decent(asked_by, LONGEST_ADDRESS);
        Letter {
            opening: vec![
                format!(
                    "{asked_by} sent this to see whether alerts of this policy arrive. They do."
                ),
                "Nobody was restricted, and there is nothing to do.".into(),
            ],
            facts: vec![fact("It tells you", policy.description().to_owned())],
            action: Some(self.link("Open the alert policies", "alertpolicies")),
            ..Letter::new("Test alert: alerts reach you".into(), "Alerts reach you".into())
        }
    }

    /// Whose mail is watched.
    pub(super) fn organization(&self) -> &str {
        &self.organization
    }

    /// The address of a page of the portal.
    pub(super) fn page(&self, page: &str) -> String {
        format!("{}/#/{page}", self.public_url)
    }

    /// The address of a restricted user's page.
    pub(super) fn page_of(&self, restriction: Uuid) -> String {
        self.page(&format!("restrictedusers/{restriction}"))
    }

    fn link(&self, label: &str, page: &str) -> Link {
        Link { label: label.into(), url: self.page(page) }
    }

    /// Where restricted users cannot write to.
    fn out_of_reach(&self) -> String {
        match self.scope {
            Scope::Outside => format!(" outside {}", self.organization),
            Scope::All => String::new(),
        }
    }
}

impl Letter {
    fn new(subject: String, title: String) -> Self {
        Self {
            subject,
            tag: None,
            title,
            note: None,
            opening: Vec::new(),
            facts: Vec::new(),
            sections: Vec::new(),
            steps: Vec::new(),
            action: None,
            closing: Vec::new(),
        }
    }
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value }
}

/// To the second, and in UTC: readers are in several zones, and compare with logs.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", crate::model::text::number(count), if count == 1 { one } else { many })
}
