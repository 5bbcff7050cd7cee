//! A policy as the form has it: lists are lines of text, ticks are there or not.

use crate::model::{Action, OutboundSpamPolicy};
use crate::web::error::{FieldProblem, Problem};
use crate::web::extract::shortened;
use crate::web::policy_document::PolicyDocument;
use serde::Deserialize;
use uuid::Uuid;

/// The fields as they come; what is empty does not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(super) id: Option<Uuid>,
    name: Option<String>,
    priority: Option<i64>,
    enabled: Option<String>,
    shadow: Option<String>,
    from: String,
    sender_domain_is: String,
    except_if_from: String,
    except_if_sender_domain_is: String,
    recipient_limit_external_per_hour: Option<String>,
    recipient_limit_internal_per_hour: Option<String>,
    recipient_limit_per_day: Option<String>,
    action_when_threshold_reached: Action,
    spam_messages: Option<String>,
    spam_messages_minutes: Option<String>,
    spam_percent: Option<String>,
    spam_percent_of_at_least: Option<String>,
}

impl Fields {
    /// The policy that they describe, with a new id where they name none.
    pub(super) fn policy(self) -> Result<OutboundSpamPolicy, Problem> {
        let id = self.id;
        let document = self.document()?;
        let policy = match id {
            Some(id) => document.policy(id),
            None => document.new_policy(),
        };
        policy.map_err(in_words)
    }

    fn document(self) -> Result<PolicyDocument, Problem> {
        let usual = PolicyDocument::default();
        let number = |field: &str, text: Option<String>, usual: i64| match text {
            None => Ok(usual),
            Some(text) => text.trim().parse().map_err(|_| {
                let detail = format!("{:?} is no whole number", shortened(&text));
                in_words(Problem::invalid(field, detail))
            }),
        };
        Ok(PolicyDocument {
            id: None,
            name: self.name.map(|name| name.trim().to_owned()),
            priority: self.priority,
            enabled: self.enabled.is_some(),
            shadow: self.shadow.is_some(),
            from: entries(&self.from),
            sender_domain_is: entries(&self.sender_domain_is),
            except_if_from: entries(&self.except_if_from),
            except_if_sender_domain_is: entries(&self.except_if_sender_domain_is),
            recipient_limit_external_per_hour: number(
                "recipient_limit_external_per_hour",
                self.recipient_limit_external_per_hour,
                usual.recipient_limit_external_per_hour,
            )?,
            recipient_limit_internal_per_hour: number(
                "recipient_limit_internal_per_hour",
                self.recipient_limit_internal_per_hour,
                usual.recipient_limit_internal_per_hour,
            )?,
            recipient_limit_per_day: number(
                "recipient_limit_per_day",
                self.recipient_limit_per_day,
                usual.recipient_limit_per_day,
            )?,
            action_when_threshold_reached: self.action_when_threshold_reached,
            spam_messages: number("spam_messages", self.spam_messages, usual.spam_messages)?,
            spam_messages_minutes: number(
                "spam_messages_minutes",
                self.spam_messages_minutes,
                usual.spam_messages_minutes,
            )?,
            spam_percent: number("spam_percent", self.spam_percent, usual.spam_percent)?,
            spam_percent_of_at_least: number(
                "spam_percent_of_at_least",
                self.spam_percent_of_at_least,
                usual.spam_percent_of_at_least,
            )?,
        })
    }
}

/// The entries of a list: one a line, or with commas between; each once.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for entry in text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty()) {
        if !entries.iter().any(|known| known == entry) {
            entries.push(entry.to_owned());
        }
    }
    entries
}

/// Problems as the form tells them: with the labels of its fields, which the script can find.
fn in_words(problem: Problem) -> Problem {
    let Problem::Invalid(problems) = problem else { return problem };
    let worded = problems.into_iter().map(|FieldProblem { field, detail }| {
        let field = field.split('[').next().unwrap_or_default().to_owned();
        FieldProblem { detail: format!("{}: {detail}.", label(&field)), field }
    });
    Problem::Invalid(worded.collect())
}

fn label(field: &str) -> &str {
    match field {
        "name" => "Name",
        "from" => "Senders",
        "sender_domain_is" => "Sender domains",
        "except_if_from" => "Except senders",
        "except_if_sender_domain_is" => "Except sender domains",
        "recipient_limit_external_per_hour" => "Outside, in an hour",
        "recipient_limit_internal_per_hour" => "Inside, in an hour",
        "recipient_limit_per_day" => "In 24 hours",
        "spam_messages" => "Spam messages",
        "spam_messages_minutes" => "Within minutes",
        "spam_percent" => "Per cent spam",
        "spam_percent_of_at_least" => "Of at least messages",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_lines_and_commas_each_entry_once() {
        assert_eq!(entries(" a@x\r\nb@x,, a@x\n\n"), ["a@x", "b@x"]);
    }

    #[test]
    fn problems_are_told_with_the_labels_of_the_form() {
        let fields = Fields { name: Some("x".into()), from: "alice".into(), ..Fields::default() };
        let Err(Problem::Invalid(problems)) = fields.policy() else { unreachable!() };
        assert_eq!(problems[0].field, "from");
        let detail = "Senders: \"alice\" is no mail address: it has no @ with a domain after it.";
        assert_eq!(problems[0].detail, detail);
    }
}
