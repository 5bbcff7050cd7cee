//! A message of Slack (Block Kit).

use super::LONGEST_LISTED;
use crate::courier::letter::{Letter, Section};
use crate::model::text::decent;
use serde_json::{Value, json};

/// Characters of a block; Slack takes 3,000 and refuses the whole message above. What follows escaping
/// may be five times as long.
const LONGEST_BLOCK: usize = 2_900;

/// Characters of a fact, all of which share a block.
const LONGEST_FACT: usize = 400;

/// The message that tells a letter.
pub(super) fn message(letter: &Letter) -> Value {
    let tag = letter
        .tag
        .as_ref()
        .map(|tag| format!("{} severity · {}", tag.severity.name(), escaped(tag.policy)));
    let title = Some(format!("*{}*", escaped(&letter.title)));
    let facts = letter.facts.iter();
    let facts: Vec<_> = facts
        .map(|fact| format!("*{}:* {}", fact.name, escaped(&decent(&fact.value, LONGEST_FACT))))
        .collect();
    let lists = letter.sections.iter().map(list);
    let link = letter.action.as_ref();
    let link = link.map(|link| format!("<{}|{}>", escaped(&link.url), escaped(&link.label)));
    let opening = letter.opening.iter().map(|text| escaped(text)).collect::<Vec<_>>();
    let texts = [tag, title, Some(opening.join("\n")), Some(facts.join("\n"))]
        .into_iter()
        .flatten()
        .chain(lists)
        .chain(link);
    let blocks: Vec<_> = texts.filter(|text| !text.is_empty()).map(|text| block(&text)).collect();
    json!({ "text": escaped(&letter.subject), "blocks": blocks })
}

fn block(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// As many lines as fit, whole ones, and how many do not.
fn list(section: &Section) -> String {
    let mut text = format!("*{}*", escaped(&section.title));
    for line in &section.lines {
        let name = escaped(&decent(&line.name, LONGEST_LISTED));
        let name = match &line.url {
            Some(url) => format!("<{}|{name}>", escaped(url)),
            None => name,
        };
        let line = format!("\n• {name}: {}", escaped(&decent(&line.says, LONGEST_LISTED)));
        if text.chars().count() + line.chars().count() > LONGEST_BLOCK {
            text.push_str("\n…");
            break;
        }
        text.push_str(&line);
    }
    if let Some(more) = &section.more {
        text.push('\n');
        text.push_str(more);
    }
    text
}

/// `<` begins links and calls such as `<!channel>`.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
