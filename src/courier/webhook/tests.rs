//! What webhooks are told, whatever strangers call themselves.

use super::*;
use crate::courier::samples::{PORTAL, SPAM, alerts, claimed, config, every_kind, line};
use crate::model::alert::AlertPolicyId;
use proptest::prelude::*;
use serde_json::Value;

fn writer() -> Writer {
    Writer::new(&config(&[]), PORTAL)
}

#[test]
fn a_generic_webhook_is_told_what_the_documentation_describes() {
    let notice = alerts(AlertPolicyId::UserRestricted, 1, vec![line("alice@example.org", SPAM)]);
    let document = document::of(&claimed(notice), &writer());
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn every_kind_is_told_to_slack_and_to_teams_within_their_limits() {
    for (name, notice) in every_kind() {
        let letter = writer().letter(&notice);
        let slack = slack::message(&letter);
        assert!(!slack["text"].as_str().unwrap().is_empty(), "{name}");
        for block in slack["blocks"].as_array().unwrap() {
            let text = block["text"]["text"].as_str().unwrap();
            assert!((1..=3_000).contains(&text.chars().count()), "{name}: {text}");
        }
        // Teams takes 28 KB.
        assert!(teams::message(&letter).to_string().len() < 28_000, "{name}");
    }
}

#[test]
fn strangers_cannot_make_a_message_too_long_for_slack_and_teams() {
    let address = format!("{}@{}.example.org", "&".repeat(64), "long.".repeat(36));
    let reason = "&".repeat(500);
    let stranger = || line(&address, &reason);
    let policy = AlertPolicyId::UserRestricted;
    for notice in [
        alerts(policy, 1, vec![stranger()]),
        alerts(policy, 34, (0..20).map(|_| stranger()).collect()),
    ] {
        let letter = writer().letter(&notice);
        for text in texts(&slack::message(&letter)) {
            assert!(text.chars().count() <= 3_000, "{text}");
        }
        assert!(teams::message(&letter).to_string().len() < 28_000);
    }
}

/// The texts of a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn a_strangers_words_call_nobody_and_link_nowhere(
        stranger in "(<!channel>|<@U1>|\\[x\\]\\(https://evil\\.example\\)|[*_~`&<>\"\\\\]|\\PC|\n){0,40}",
    ) {
        let notice = alerts(AlertPolicyId::UserRestricted, 1, vec![line(&stranger, &stranger)]);
        let letter = writer().letter(&notice);
        for text in texts(&slack::message(&letter)) {
            let ours = text.starts_with("<https://restricted.example.org/");
            prop_assert!(text.matches('<').count() == usize::from(ours), "{}", text);
        }
        let teams = teams::message(&letter);
        for text in texts(&teams["attachments"][0]["content"]["body"]) {
            prop_assert!(!text.contains("](https://evil"), "{}", text);
        }
        let generic = document::of(&claimed(notice), &writer()).to_string();
        let read: Value = serde_json::from_str(&generic).unwrap();
        prop_assert_eq!(read["data"]["alerts"][0]["address"].as_str(), Some(stranger.as_str()));
    }

    #[test]
    fn a_label_tells_nothing_of_the_path(secret in "[a-zA-Z0-9]{8,40}") {
        let url = format!("https://hooks.slack.com/services/{secret}");
        let webhook: WebhookUrl = url.parse().unwrap();
        prop_assert!(webhook.label().starts_with("hooks.slack.com ("));
        prop_assert!(!webhook.label().contains(&secret));
    }
}
