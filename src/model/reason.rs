//! Why somebody was restricted, written and read in Exchange's grammar (`Token;Key=Value;…`).

use crate::model::{LimitKind, Sending};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why somebody was restricted: the text as Exchange, an operator or this service wrote it. It is
/// kept to the letter, and read anew by whoever asks, so that nothing in it is ever lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason(String);

impl Reason {
    /// The most octets that are read as Exchange's grammar; a longer text is nothing but text.
    pub const LONGEST: usize = 4096;

    /// Takes any text.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What led to the restriction, where the text tells.
    pub fn cause(&self) -> Option<Cause> {
        if self.outbound_spam().is_some() {
            Some(Cause::OutboundSpam)
        } else {
            self.sending_limit().or_else(|| self.rate_limit()).map(|_| Cause::SendingLimit)
        }
    }

    /// The reason in plain words; a text that is not Exchange's says it in its own.
    pub fn sentence(&self) -> String {
        self.outbound_spam()
            .or_else(|| self.sending_limit())
            .or_else(|| self.rate_limit())
            .unwrap_or_else(|| self.0.clone())
    }

    /// The number that stands for `key`, in any case.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.value(key)?.parse().ok()
    }

    /// What stands for `key`, in any case. The first one counts: the last parts hold a Message-ID,
    /// which the sender chose.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.parts().find(|(name, _)| name.eq_ignore_ascii_case(key))?.1
    }

    /// The parts in their order: keys with their value, known or not, and tokens without one.
    pub fn parts(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let text = if self.0.len() > Self::LONGEST { "" } else { &self.0 };
        text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(key_and_value)
    }

    fn outbound_spam(&self) -> Option<String> {
        let spam = self.number("OutboundSpamLast24Hours")?;
        let were = if spam == 1 { "was" } else { "were" };
        let spam_of_mail = match self.number("OutboundMailLast24Hours") {
            Some(mail) => format!("{} of {}", thousands(spam), counted(mail, "message")),
            None => counted(spam, "message"),
        };
        let percent = self.number("OutboundSpamPercent").map(|percent| format!(" ({percent} %)"));
        Some(format!("{spam_of_mail} {were} spam{}", percent.unwrap_or_default()))
    }

    fn sending_limit(&self) -> Option<String> {
        let kind = self.value("ExceedingLimitType");
        if kind.is_none() && !self.has_token("EmailSendingLimitExceeded") {
            return None;
        }
        let (recipients, limit) = match kind.unwrap_or_default().to_ascii_lowercase().as_str() {
            "external" => (self.outside_recipients(), "limit for outside recipients"),
            "internal" => (self.inside_recipients(), "limit for inside recipients"),
            "daily" => (self.all_recipients(), "daily limit"),
            _ => (self.all_recipients(), "sending limit"),
        };
        Some(match recipients {
            Some(recipients) => format!("{recipients} in a day; the {limit} was exceeded"),
            None => format!("The {limit} was exceeded"),
        })
    }

    fn outside_recipients(&self) -> Option<String> {
        self.number("ExternalRecipientCountToday").map(|count| counted(count, "outside recipient"))
    }

    fn inside_recipients(&self) -> Option<String> {
        self.number("InternalRecipientCountToday").map(|count| counted(count, "inside recipient"))
    }

    fn all_recipients(&self) -> Option<String> {
        let inside = self.number("InternalRecipientCountToday")?;
        let outside = self.number("ExternalRecipientCountToday")?;
        Some(counted(inside.saturating_add(outside), "recipient"))
    }

    /// As Exchange's audit log tells it (operation `HygieneTenantEvents`).
    fn rate_limit(&self) -> Option<String> {
        if !self.has_token("RecipientRateLimitExceeded") {
            return None;
        }
        let Some(recipients) = self.number("RecipientCountLast24Hours") else {
            return Some("The recipient rate limit was exceeded".into());
        };
        let allowed = self.number("RcptRateLimit").map_or_else(
            || "more than are allowed".into(),
            |limit| format!("{} allowed", thousands(limit)),
        );
        Some(format!("{} in 24 hours, {allowed}", counted(recipients, "recipient")))
    }

    fn has_token(&self, token: &str) -> bool {
        self.parts().any(|(name, value)| value.is_none() && name.eq_ignore_ascii_case(token))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reason of a sender that crossed a spam rule, as Exchange writes it; `message` is the last spam
/// message's id.
pub fn outbound_spam(sending: &Sending, message: Uuid) -> String {
    format!(
        "OutboundSpamLast24Hours={};OutboundMailLast24Hours={};OutboundSpamPercent={};\
         Last Spam Message MessagetraceId:{message}",
        sending.spam_in_day,
        sending.messages_in_day,
        sending.spam_percent(),
    )
}

/// The reason of a sender that crossed a recipient limit, as Exchange writes it; `message` is the
/// last message's id. "Today" is the last 24 hours.
pub fn sending_limit(sending: &Sending, kind: LimitKind, message: Uuid, recipients: i64) -> String {
    format!(
        "EmailSendingLimitExceeded;InternalRecipientCountToday={};ExternalRecipientCountToday={};\
         ExceedingLimitType={};Last MessagetraceId={message};LastMessageRcptCount={recipients};",
        sending.inside_in_day,
        sending.outside_in_day,
        kind.name(),
    )
}

/// Exchange writes one of its pairs with a colon, `Last Spam Message MessagetraceId:…`.
fn key_and_value(part: &str) -> (&str, Option<&str>) {
    part.split_once('=')
        .or_else(|| part.rsplit_once(':'))
        .map_or((part, None), |(key, value)| (key.trim(), Some(value.trim())))
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut separated = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

/// What led to a restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Cause {
    /// Messages that were classified as spam.
    OutboundSpam,
    /// More recipients than a limit allows.
    SendingLimit,
    /// Somebody restricted the sender by hand.
    Manual,
    /// It came from an export whose reason says neither.
    Imported,
}

impl Cause {
    /// Every cause there is.
    pub const ALL: [Self; 4] =
        [Self::OutboundSpam, Self::SendingLimit, Self::Manual, Self::Imported];

    /// The cause in one word, as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutboundSpam => "outbound_spam",
            Self::SendingLimit => "sending_limit",
            Self::Manual => "manual",
            Self::Imported => "imported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPAM: &str = "OutboundSpamLast24Hours=12;OutboundMailLast24Hours=40;\
        OutboundSpamPercent=30;Last Spam Message MessagetraceId:5f0c9a3e-7d21";
    const LIMIT: &str = "EmailSendingLimitExceeded;InternalRecipientCountToday=18;\
        ExternalRecipientCountToday=503;ExceedingLimitType=External;\
        Last MessagetraceId=c81e728d;LastMessageRcptCount=25;";
    const RATE: &str =
        "RecipientRateLimitExceeded;RecipientCountLast24Hours=10042;RcptRateLimit=10000";

    #[test]
    fn a_reason_tells_its_cause_where_it_is_exchanges() {
        for (text, cause) in [
            (SPAM, Some(Cause::OutboundSpam)),
            (LIMIT, Some(Cause::SendingLimit)),
            (RATE, Some(Cause::SendingLimit)),
            ("emailsendinglimitexceeded", Some(Cause::SendingLimit)),
            ("OutboundSpamLast24Hours=many", None),
            ("phished; see OutboundSpamLast24Hours", None),
            ("", None),
        ] {
            assert_eq!(Reason::parse(text).cause(), cause, "{text}");
        }
    }

    #[test]
    fn a_reason_is_said_in_plain_words() {
        for (text, sentence) in [
            (SPAM, "12 of 40 messages were spam (30 %)"),
            ("OutboundSpamLast24Hours=1;OutboundMailLast24Hours=1", "1 of 1 message was spam"),
            ("OutboundSpamLast24Hours=1200", "1,200 messages were spam"),
            (
                LIMIT,
                "503 outside recipients in a day; the limit for outside recipients was exceeded",
            ),
            (
                "EmailSendingLimitExceeded;InternalRecipientCountToday=999;ExceedingLimitType=Internal",
                "999 inside recipients in a day; the limit for inside recipients was exceeded",
            ),
            (
                "EmailSendingLimitExceeded;InternalRecipientCountToday=204;\
                 ExternalRecipientCountToday=1000;ExceedingLimitType=Daily;",
                "1,204 recipients in a day; the daily limit was exceeded",
            ),
            ("EmailSendingLimitExceeded", "The sending limit was exceeded"),
            (RATE, "10,042 recipients in 24 hours, 10,000 allowed"),
            ("RecipientRateLimitExceeded", "The recipient rate limit was exceeded"),
            ("Phished: see ticket=42; call her", "Phished: see ticket=42; call her"),
        ] {
            assert_eq!(Reason::parse(text).sentence(), sentence, "{text}");
        }
    }

    #[test]
    fn every_part_keeps_its_place_known_or_not() {
        let reason = Reason::parse("Token; CIP=192.0.2.1;AS:9;Last Message:Id:7;a=b=c;;");
        assert_eq!(
            reason.parts().collect::<Vec<_>>(),
            [
                ("Token", None),
                ("CIP", Some("192.0.2.1")),
                ("AS", Some("9")),
                ("Last Message:Id", Some("7")),
                ("a", Some("b=c")),
            ]
        );
        assert_eq!(reason.number("as"), Some(9));
        assert_eq!(reason.value("CIP"), Some("192.0.2.1"));
    }

    #[test]
    fn a_message_id_cannot_change_the_numbers() {
        let reason = Reason::parse(&format!("{SPAM};OutboundSpamLast24Hours=0"));
        assert_eq!(reason.number("OutboundSpamLast24Hours"), Some(12));
    }

    #[test]
    fn an_endless_reason_is_nothing_but_text() {
        let text = format!("{SPAM}{}", ";".repeat(Reason::LONGEST));
        let reason = Reason::parse(&text);
        assert_eq!((reason.cause(), reason.sentence()), (None, text));
    }

    proptest! {
        #[test]
        fn any_reason_is_written_as_it_was_read(text in "\\PC{0,60}|([A-Za-z]{1,9}[=:;][0-9]{0,20};?){0,6}") {
            let reason = Reason::parse(&text);
            prop_assert_eq!(reason.to_string(), text);
            prop_assert!(reason.cause().is_some() || reason.sentence() == reason.as_str());
        }
    }
}
