//! The parameters of a cmdlet: names without regard to case, values as scripts write them.

use super::refusal::Refusal;
use crate::web::extract::shortened;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use std::ops::RangeInclusive;

/// Parameters of one call; no cmdlet has half as many. Against a body that is nothing but names.
const MOST: usize = 64;

/// What scripts may give any cmdlet (PowerShell's `about_CommonParameters`, and `Confirm`) and what
/// means nothing here: what becomes of errors and warnings, and who is asked, is decided where the
/// script runs.
const COMMON: [&str; 13] = [
    "Debug",
    "ErrorAction",
    "ErrorVariable",
    "InformationAction",
    "InformationVariable",
    "OutBuffer",
    "OutVariable",
    "PipelineVariable",
    "ProgressAction",
    "Verbose",
    "WarningAction",
    "WarningVariable",
    "Confirm",
];

/// The parameters of a call. Cmdlets take those that they know; [`Parameters::end`] refuses others.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    left: Vec<(String, Value)>,
    taken: Vec<&'static str>,
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NameByName).map(|left| Self { left, taken: Vec::new() })
    }
}

struct NameByName;

impl<'de> Visitor<'de> for NameByName {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parameters: Self::Value = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if name.contains("@odata.") {
                continue;
            }
            if parameters.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
                let name = shortened(&name);
                return Err(A::Error::custom(format!("the parameter {name} is given twice")));
            }
            if parameters.len() == MOST {
                return Err(A::Error::custom(format!("more than {MOST} parameters")));
            }
            parameters.push((name, value));
        }
        Ok(parameters)
    }
}

impl Parameters {
    /// A text of so many characters; nothing where it is not given or null.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text))
                // Postgres keeps no NUL.
                if length.contains(&text.chars().count()) && !text.contains('\0') =>
            {
                Ok(Some(text))
            }
            Some(other) => {
                let taken = format!("a text of {} to {} characters", length.start(), length.end());
                Err(bad(name, &other, &taken))
            }
        }
    }

    /// The same where null stands for a variable that a script forgot to set: passed over, it would
    /// be about everybody.
    pub(super) fn name(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, Refusal> {
        match self.find(name) {
            Some(Value::Null) => Err(Refusal::parameter(format!("{name} is null."))),
            _ => self.text(name, length),
        }
    }

    /// A whole number in this range, which may stand in quotes.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match &value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_i64(),
        };
        let number = number.filter(|number| range.contains(number));
        let taken = || format!("a number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| bad(name, &value, &taken()))
    }

    /// One of these words, in any case.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let text = value.as_str().unwrap_or_default().trim();
        let meant = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let all = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        meant.map(|(_, it)| Some(*it)).ok_or_else(|| bad(name, &value, &all()))
    }

    /// Whether a switch is on.
    pub(super) fn switch(&mut self, name: &'static str) -> Result<bool, Refusal> {
        let Some(value) = self.take(name) else { return Ok(false) };
        // PowerShell makes `{"IsPresent":true}` of a switch.
        match value.get("IsPresent").unwrap_or(&value) {
            Value::Bool(on) => Ok(*on),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(bad(name, &value, "true or false")),
        }
    }

    /// Whether it is given at all.
    pub(super) fn is_given(&mut self, name: &'static str) -> bool {
        self.take(name).is_some()
    }

    /// Refuses what the cmdlet has not taken and does not share with all others.
    pub(super) fn end(self, cmdlet: &str) -> Result<(), Refusal> {
        let is_common = |name: &str| COMMON.iter().any(|known| known.eq_ignore_ascii_case(name));
        match self.left.iter().find(|(name, _)| !is_common(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::parameter(format!(
                "{cmdlet} has no parameter {:?}; it takes {}.",
                shortened(name),
                self.taken.join(", ")
            ))),
        }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.left.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, it)| it)
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.taken.push(name);
        let at = self.left.iter().position(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(self.left.remove(at).1)
    }
}

fn bad(name: &str, value: &Value, taken: &str) -> Refusal {
    let value = shortened(&value.to_string());
    Refusal::parameter(format!("{name} is {value}; it takes {taken}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parameters(value: &Value) -> Parameters {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn values_are_read_as_scripts_write_them() {
        let mut given = parameters(&json!({
            "SENDERADDRESS": "alice@example.org", "reason": null, "Limit": "0500", "other": 7,
            "whatif": { "IsPresent": true }, "Force": "False", "Action": "blockuser",
            "List@odata.type": "#Exchange.GenericHashTable", "errorACTION": "Stop",
        }));
        assert_eq!(
            given.text("SenderAddress", 1..=100).unwrap().as_deref(),
            Some("alice@example.org")
        );
        assert_eq!(given.text("Reason", 1..=100).unwrap(), None);
        assert_eq!(given.number("Limit", 0..=10_000).unwrap(), Some(500));
        assert_eq!(given.number("Other", 0..=10_000).unwrap(), Some(7));
        assert!(given.switch("WhatIf").unwrap());
        assert!(!given.switch("Force").unwrap());
        assert_eq!(given.word("Action", &[("Alert", 1), ("BlockUser", 2)]).unwrap(), Some(2));
        given.end("Get-Something").unwrap();
    }

    #[test]
    fn values_that_are_not_taken_are_refused() {
        let mut given = parameters(&json!({
            "Empty": "", "List": ["alice@example.org"], "Nul": "\0", "Null": null, "Large": 10_001,
            "Half": 1.5, "Yes": "yes", "Action": "Explode",
        }));
        assert!(given.text("Empty", 1..=9).is_err());
        assert!(given.text("List", 1..=9).is_err());
        assert!(given.text("Nul", 1..=9).is_err());
        assert!(given.name("Null", 1..=9).is_err());
        assert!(given.number("Large", 0..=10_000).is_err());
        assert!(given.number("Half", 0..=10_000).is_err());
        assert!(given.switch("Yes").is_err());
        assert!(given.word("Action", &[("Alert", 1)]).is_err());
    }

    #[test]
    fn a_name_in_two_spellings_and_too_many_names_are_refused() {
        let twice = r#"{"Reason":"a","reason":"b"}"#;
        assert!(serde_json::from_str::<Parameters>(twice).is_err());
        let names: Vec<_> = (0..=MOST).map(|number| format!("\"name{number}\":1")).collect();
        assert!(serde_json::from_str::<Parameters>(&format!("{{{}}}", names.join(","))).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a-zA-Z]{1,9}", inner, 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_each_parameter_is_read_or_refused_and_none_is_lost(
            value in any_json(), name in "[sS][eE][nN][dD][eE][rR]", bytes in ".{0,60}",
        ) {
            let _ = serde_json::from_str::<Parameters>(&bytes);
            let given = json!({ name: value.clone(), "Beside": value }).to_string();
            for read in [
                (|it| it.text("Sender", 1..=9).is_ok()) as fn(&mut Parameters) -> bool,
                |it| it.name("Sender", 1..=9).is_ok(),
                |it| it.number("Sender", 0..=9).is_ok(),
                |it| it.switch("Sender").is_ok(),
                |it| it.word("Sender", &[("Alert", ())]).is_ok(),
            ] {
                let mut given: Parameters = serde_json::from_str(&given).unwrap();
                let was_read = read(&mut given);
                prop_assert_eq!(given.left.iter().any(|(name, _)| name == "Beside"), true);
                prop_assert!(!was_read || given.find("Sender").is_none());
                prop_assert!(given.end("Get-Something").is_err());
            }
        }
    }
}
