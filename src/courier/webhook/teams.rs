//! A message of Microsoft Teams: an Adaptive Card, as the Workflows of Teams take it.

use super::LONGEST_LISTED;
use crate::courier::letter::{Letter, Section};
use crate::model::alert::Severity;
use crate::model::text::decent;
use serde_json::{Value, json};

/// The message that tells a letter.
pub(super) fn message(letter: &Letter) -> Value {
    let mut body = Vec::new();
    if let Some(tag) = &letter.tag {
        let color = match tag.severity {
            Severity::High => "Attention",
            Severity::Medium => "Warning",
            Severity::Low | Severity::Informational => "Default",
        };
        let text = format!("{} severity · {}", tag.severity.name(), escaped(tag.policy));
        body.push(json!({ "type": "TextBlock", "text": text, "color": color, "wrap": true }));
    }
    body.push(json!({
        "type": "TextBlock", "text": escaped(&letter.title), "wrap": true,
        "size": "Large", "weight": "Bolder", "style": "heading",
    }));
    body.extend(letter.opening.iter().map(|text| block(&escaped(text))));
    if !letter.facts.is_empty() {
        let facts = letter.facts.iter();
        let facts: Vec<_> = facts
            .map(|fact| json!({ "title": fact.name, "value": escaped(&fact.value) }))
            .collect();
        body.push(json!({ "type": "FactSet", "facts": facts }));
    }
    body.extend(letter.sections.iter().flat_map(list));
    let actions: Vec<_> = letter
        .action
        .iter()
        .map(|link| json!({ "type": "Action.OpenUrl", "title": link.label, "url": link.url }))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": letter.subject,
                "msteams": { "width": "Full" },
                "body": body,
                "actions": actions,
            },
        }],
    })
}

fn list(section: &Section) -> Vec<Value> {
    let title = json!({
        "type": "TextBlock", "text": escaped(&section.title), "weight": "Bolder", "wrap": true,
    });
    let lines = section.lines.iter().map(|line| {
        let name = escaped(&decent(&line.name, LONGEST_LISTED));
        let name = match &line.url {
            Some(url) => format!("[{name}]({url})"),
            None => name,
        };
        block(&format!("{name}: {}", escaped(&decent(&line.says, LONGEST_LISTED))))
    });
    let more = section.more.iter().map(|more| block(more));
    std::iter::once(title).chain(lines).chain(more).collect()
}

fn block(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": text, "wrap": true })
}

/// Texts of a card are Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]()#~<>|&".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
