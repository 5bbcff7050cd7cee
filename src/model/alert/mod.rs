//! Alert policies, and the alerts that they raise.

mod notice;

pub use notice::{AlertLine, Digest, Notice, OwnNotice, Tally};

use crate::model::address::Address;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// What admins are told about.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "TEXT", rename_all = "kebab-case")]
pub enum AlertPolicyId {
    /// A sender was restricted, by the service or by hand.
    UserRestricted,
    /// A sender came to warning level.
    SuspiciousSending,
    /// A sender crossed a recipient limit whose action is to alert alone.
    SendingLimit,
    /// A release was committed late or cannot be committed, or may have been lost.
    ReleaseFailed,
}

/// The reason of an alert of [`AlertPolicyId::ReleaseFailed`].
pub const WENT_BACK: &str = "The database went back to an earlier state, as after a failover or a \
                             restored backup: restrictions and releases of its last minutes may be gone";

impl AlertPolicyId {
    /// Every one, the gravest first.
    pub const ALL: [Self; 4] =
        [Self::UserRestricted, Self::ReleaseFailed, Self::SuspiciousSending, Self::SendingLimit];

    /// The id as addresses hold it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserRestricted => "user-restricted",
            Self::SuspiciousSending => "suspicious-sending",
            Self::SendingLimit => "sending-limit",
            Self::ReleaseFailed => "release-failed",
        }
    }

    /// The policy that an id names.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == id)
    }

    /// Exchange's name for it; the last one is ours.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserRestricted => "User restricted from sending email",
            Self::SuspiciousSending => "Suspicious email sending patterns detected",
            Self::SendingLimit => "Email sending limit exceeded",
            Self::ReleaseFailed => "Restricted user could not be released",
        }
    }

    /// When it raises an alert, in one sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::UserRestricted => {
                "A user was restricted: mail to the outside is refused until an admin lets the \
                 user back in."
            }
            Self::SuspiciousSending => {
                "A user sends mail that looks like spam, half of what leads to a restriction."
            }
            Self::SendingLimit => {
                "A user went over a recipient limit whose action is to alert alone."
            }
            Self::ReleaseFailed => {
                "A release that was due came more than five minutes late or cannot be written, or the \
                 database went back to an earlier state."
            }
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::UserRestricted | Self::ReleaseFailed => Severity::High,
            Self::SuspiciousSending | Self::SendingLimit => Severity::Medium,
        }
    }
}

impl fmt::Display for AlertPolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How grave an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Severity {
    /// Somebody has to act now.
    High,
    /// Somebody should look.
    Medium,
    /// Good to know.
    Low,
    /// Nothing to do.
    Informational,
}

impl Severity {
    /// Every one, the gravest first.
    pub const ALL: [Self; 4] = [Self::High, Self::Medium, Self::Low, Self::Informational];

    /// The severity in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Informational => "informational",
        }
    }
}

/// Whom to tell about what, how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertPolicy {
    pub id: AlertPolicyId,
    pub severity: Severity,
    pub enabled: bool,
    /// Who gets its mails; nobody named means `alert_recipients`, else Organization Management.
    pub recipients: Vec<String>,
    /// Mails per recipient and UTC day; nothing means no limit.
    pub daily_limit: Option<i64>,
}

impl AlertPolicy {
    /// Exchange's category of all of them.
    pub const CATEGORY: &'static str = "Threat management";
    /// Recipients that a policy can name.
    pub const MOST_RECIPIENTS: usize = 50;
    /// The daily limit of a policy that nobody changed.
    pub const DAILY_LIMIT: i64 = 100;
    /// The largest daily limit: more than one mail a minute never comes.
    pub const LARGEST_DAILY_LIMIT: i64 = 1_440;

    /// The policy as it comes.
    pub fn default_of(id: AlertPolicyId) -> Self {
        Self {
            id,
            severity: id.severity(),
            enabled: true,
            recipients: Vec::new(),
            daily_limit: Some(Self::DAILY_LIMIT),
        }
    }
}

/// How far somebody has come with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum AlertStatus {
    /// Nobody has looked at it.
    New,
    /// Somebody works on it.
    InProgress,
    /// Nothing is left to do.
    Resolved,
}

impl AlertStatus {
    /// Every one, in the order of an alert's life.
    pub const ALL: [Self; 3] = [Self::New, Self::InProgress, Self::Resolved];

    /// The status as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in_progress",
            Self::Resolved => "resolved",
        }
    }
}

/// One telling of something that an alert policy is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Alert {
    /// Its id (UUID version 7).
    pub id: Uuid,
    /// The policy that raised it.
    pub policy: AlertPolicyId,
    /// How grave it is.
    pub severity: Severity,
    /// How far somebody has come with it.
    pub status: AlertStatus,
    /// The user it is about.
    pub address: Option<String>,
    /// The restriction it is about.
    #[serde(rename = "restricted_user_id")]
    pub restriction_id: Option<Uuid>,
    /// Why, in Exchange's grammar or in plain words.
    #[serde(skip)]
    pub reason: String,
    /// When it was raised.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub changed_at: DateTime<Utc>,
    /// How often it happened: once, and its repeats.
    pub activities: i64,
    /// The operator who works on it.
    pub assigned_to: Option<String>,
    /// What operators, and the service itself, wrote about it, oldest first.
    pub comments: Vec<Comment>,
    /// The notice that told it last.
    #[serde(skip)]
    pub notice_id: Option<Uuid>,
}

/// What somebody wrote about an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertComment)]
pub struct Comment {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What, 1 to 2,000 characters.
    pub text: String,
}

impl Comment {
    /// Characters of a comment.
    pub const LONGEST: usize = 2_000;
}

/// A change of one alert. What is absent stays.
#[derive(Debug, Clone, Default)]
pub struct AlertChange {
    pub status: Option<AlertStatus>,
    /// Who works on it; nobody inside means nobody any more.
    pub assigned_to: Option<Option<String>>,
    pub comment: Option<String>,
}
/// Who gets mails, as somebody typed it: its letters keep their case, which the recipient's mail server
/// may tell apart.
///
/// # Errors
/// When it is no address, or none that mail can be sent to; said of it in words for people.
pub fn recipient(text: &str) -> Result<lettre::Address, String> {
    Address::typed(text, None).map_err(|why| format!("is no mail address: {why}"))?;
    text.trim().parse().map_err(|_| "is no mail address".into())
}
