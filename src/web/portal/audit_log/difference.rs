//! What a deed changed, as lines that people read.

use serde_json::Value;
use std::collections::BTreeMap;

/// One thing, before and after; where there was none before or is none after, nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) name: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Everything that a record tells, by name. What is the same before and after stands in `after`
/// alone.
pub(crate) fn difference(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let mut lines: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    flatten("", before, &mut |name, value| lines.entry(name).or_default().0 = Some(value));
    flatten("", after, &mut |name, value| lines.entry(name).or_default().1 = Some(value));
    let lines = lines.into_iter().map(|(name, (before, after))| {
        let before = before.filter(|before| after.as_ref() != Some(before));
        Difference { name, before, after }
    });
    lines.collect()
}

fn flatten(name: &str, value: Option<&Value>, tell: &mut impl FnMut(String, String)) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(fields)) => {
            for (field, value) in fields {
                let field = field.replace('_', " ");
                let whole = if name.is_empty() { field } else { format!("{name}, {field}") };
                flatten(&whole, Some(value), tell);
            }
        }
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(text).collect();
            let none = || "none".to_owned();
            tell(name.into(), if items.is_empty() { none() } else { items.join(", ") });
        }
        Some(value) => tell(name.into(), text(value)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_tells_what_was_and_what_is_and_what_stayed_once() {
        let before = json!({ "id": 7, "unblock": { "requested_by": "olivia" }, "comment": null });
        let after = json!({ "id": 7, "done": ["mfa", "password"] });
        let line = |name: &str, before: Option<&str>, after: Option<&str>| Difference {
            name: name.into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        };
        assert_eq!(
            difference(Some(&before), Some(&after)),
            [
                line("done", None, Some("mfa, password")),
                line("id", None, Some("7")),
                line("unblock, requested by", Some("olivia"), None),
            ]
        );
    }
}
