//! JSON in which anything may stand anywhere, read without a tree of it.

use crate::model::Symbol;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// Characters of a symbol's name that are kept.
const LONGEST_SYMBOL: usize = 80;
const UNKNOWN: &str = "unknown";

/// What stands at one place; rspamd writes texts where numbers and lists belong. What nests is passed
/// over as it is read.
pub(super) enum Told {
    Text(String),
    Number(f64),
    Symbol(Symbol),
    Other,
}

impl Told {
    /// A text; nothing for what is unknown, empty or of another kind.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() && text != UNKNOWN => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(self) -> Option<f64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub(super) fn symbol(self) -> Option<Symbol> {
        if let Self::Symbol(symbol) = self { Some(symbol) } else { None }
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Anything(|_| {}))
    }
}

/// Reads anything, and hands on the items where it is a list.
pub(super) struct Anything<F>(pub(super) F);

impl<'de, F: FnMut(Told)> Visitor<'de> for Anything<F> {
    type Value = Told;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Told, E> {
        Ok(Told::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Told, E> {
        Ok(Told::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Told, E> {
        Ok(Told::Number(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "a score has few digits")]
    fn visit_i64<E>(self, number: i64) -> Result<Told, E> {
        Ok(Told::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "a score has few digits")]
    fn visit_u64<E>(self, number: u64) -> Result<Told, E> {
        Ok(Told::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Told, E> {
        Ok(Told::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Told, A::Error> {
        while let Some(item) = list.next_element()? {
            self.0(item);
        }
        Ok(Told::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Told, A::Error> {
        let (mut name, mut score) = (None, None);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match &*key {
                "name" => name = map.next_value::<Told>()?.text(),
                "score" => score = map.next_value::<Told>()?.number(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let Some(name) = name else { return Ok(Told::Other) };
        let name = name.chars().take(LONGEST_SYMBOL).collect();
        Ok(Told::Symbol(Symbol { name, score: score.unwrap_or_default() }))
    }
}
