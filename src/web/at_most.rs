//! Lists in JSON whose end is counted but not kept.

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The first `MOST` items of a list, and how many it has: against one that fills the memory with small
/// items before anybody refuses it for their number.
#[derive(Debug)]
pub(crate) struct AtMost<T, const MOST: usize> {
    pub(crate) kept: Vec<T>,
    pub(crate) count: usize,
}

impl<T, const MOST: usize> AtMost<T, MOST> {
    /// All items, where they are not too many; else how many there are.
    pub(crate) fn all(self) -> Result<Vec<T>, usize> {
        if self.count > MOST { Err(self.count) } else { Ok(self.kept) }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
    type Value = AtMost<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match items.next_element()? {
                Some(item) => kept.push(item),
                None => return Ok(AtMost { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(AtMost { kept, count })
    }
}
