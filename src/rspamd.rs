//! What rspamd's `metadata_exporter` tells of a message (formatter `json`, README of rspamd's module
//! `metadata_exporter`), with its quirks: `"unknown"` stands in for what rspamd does not know, lists
//! included.

mod told;

use crate::model::{Symbol, Verdict};
use serde::{Deserialize, Deserializer};
use told::{Anything, Told};
use utoipa::ToSchema;

/// Symbols that are kept; rspamd's own rules are some hundred, of which a message matches twenty.
const MOST_SYMBOLS: usize = 50;

/// What the exporter tells.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RspamdMetadata)]
pub struct Metadata {
    /// The SASL login.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub user: Option<String>,
    /// What rspamd did.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub action: Option<String>,
    /// The mail server's queue id.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub qid: Option<String>,
    /// From where the message was submitted.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub ip: Option<String>,
    /// The subject, decoded.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub subject: Option<String>,
    /// The Message-ID.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = serde_json::Value)]
    pub message_id: Option<String>,
    /// How sure rspamd is.
    #[serde(deserialize_with = "number")]
    #[schema(value_type = serde_json::Value)]
    pub score: Option<f64>,
    /// The envelope's recipients.
    #[serde(deserialize_with = "texts")]
    #[schema(value_type = serde_json::Value)]
    pub rcpt: Vec<String>,
    /// The rules that matched.
    #[serde(deserialize_with = "symbols")]
    #[schema(value_type = serde_json::Value)]
    pub symbols: Vec<Symbol>,
}

/// What is to do with what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The message was taken or refused for good; the verdict where the action is one.
    Counts(Option<Verdict>),
    ComesAgain,
    /// It is inbound mail: nobody has signed in.
    Inbound,
}

impl Metadata {
    /// Reads what the exporter sent; octets that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// When it is no JSON object, said in words for people.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(body);
        if text.trim_start().starts_with('[') {
            return Err("it is a list, but it takes an object".into());
        }
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// What is to do with it.
    pub fn meaning(&self) -> Meaning {
        if self.user.is_none() {
            return Meaning::Inbound;
        }
        match self.action.as_deref().unwrap_or_default() {
            "greylist" | "soft reject" => Meaning::ComesAgain,
            "add header" | "rewrite subject" | "reject" | "discard" | "quarantine" => {
                Meaning::Counts(Some(Verdict::Spam))
            }
            "no action" => Meaning::Counts(Some(Verdict::Clean)),
            _ => Meaning::Counts(None),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    Ok(Told::deserialize(json)?.text())
}

fn number<'de, D: Deserializer<'de>>(json: D) -> Result<Option<f64>, D::Error> {
    Ok(Told::deserialize(json)?.number())
}

fn texts<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    let mut texts = Vec::new();
    json.deserialize_any(Anything(|item: Told| texts.extend(item.text())))?;
    Ok(texts)
}

fn symbols<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<Symbol>, D::Error> {
    let mut symbols = Vec::new();
    json.deserialize_any(Anything(|item: Told| {
        symbols.extend(item.symbol());
        if symbols.len() > 2 * MOST_SYMBOLS {
            keep_the_heaviest(&mut symbols);
        }
    }))?;
    keep_the_heaviest(&mut symbols);
    Ok(symbols)
}

/// They say why.
fn keep_the_heaviest(symbols: &mut Vec<Symbol>) {
    symbols.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    symbols.truncate(MOST_SYMBOLS);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As rspamd 3.4 sends it, without headers.
    const SENT: &str = r#"{"ip":"192.0.2.7","user":"alice@example.org","qid":"4F2B1C0A1",
        "subject":"hi","action":"add header","score":7.3,"fuzzy":[],"rcpt":["bob@example.net"],
        "symbols":[{"name":"MIME_GOOD","score":-0.1},{"name":"BAYES_SPAM","score":5.1,
        "group":"statistics","groups":["statistics"],"options":["99.9%"]}],"scan_time":184,
        "size":2311,"header_from":["Alice <alice@example.org>"],"message_id":"x@example.org"}"#;

    #[test]
    fn a_report_is_read_with_its_heaviest_symbol_first() {
        let metadata = Metadata::parse(SENT.as_bytes()).unwrap();
        assert_eq!(metadata.user.as_deref(), Some("alice@example.org"));
        assert_eq!(metadata.qid.as_deref(), Some("4F2B1C0A1"));
        assert_eq!(metadata.rcpt, ["bob@example.net"]);
        assert_eq!(metadata.symbols[0], Symbol { name: "BAYES_SPAM".into(), score: 5.1 });
        assert_eq!(metadata.meaning(), Meaning::Counts(Some(Verdict::Spam)));
    }

    #[test]
    fn unknown_is_nothing_in_place_of_texts_and_lists() {
        let metadata = Metadata::parse(
            br#"{"user":"unknown","qid":"unknown","rcpt":"unknown","symbols":"unknown",
                 "score":"unknown","subject":"unknown"}"#,
        );
        assert_eq!(metadata.unwrap(), Metadata::default());
    }

    #[test]
    fn every_action_has_its_meaning() {
        use Meaning::{ComesAgain, Counts, Inbound};
        let of = |user: &str, action: &str| {
            let json = format!(r#"{{"user":"{user}","action":"{action}"}}"#);
            Metadata::parse(json.as_bytes()).unwrap().meaning()
        };
        for (action, meaning) in [
            ("no action", Counts(Some(Verdict::Clean))),
            ("add header", Counts(Some(Verdict::Spam))),
            ("rewrite subject", Counts(Some(Verdict::Spam))),
            ("reject", Counts(Some(Verdict::Spam))),
            ("greylist", ComesAgain),
            ("soft reject", ComesAgain),
            ("something new", Counts(None)),
        ] {
            assert_eq!(of("alice", action), meaning, "{action}");
        }
        for user in ["", "unknown"] {
            assert_eq!(of(user, "reject"), Inbound);
        }
    }

    #[test]
    fn octets_that_are_no_utf_8_are_replaced() {
        let metadata = Metadata::parse(b"{\"user\":\"al\xffice\"}").unwrap();
        assert_eq!(metadata.user.as_deref(), Some("al\u{fffd}ice"));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(metadata) = Metadata::parse(&body) {
                prop_assert!(metadata.symbols.len() <= MOST_SYMBOLS);
            }
        }

        #[test]
        fn any_json_is_read_or_refused(
            fields in proptest::collection::vec(
                ("user|qid|rcpt|symbols|score|action|other",
                 "\"[a-z ]{0,9}\"|[0-9]{1,9}|null|\\[\\]|\\[\"a\",1,null\\]|\\{\"name\":\"X\"\\}"), 0..9),
        ) {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let _ = Metadata::parse(format!("{{{}}}", fields.join(",")).as_bytes());
        }
    }
}
