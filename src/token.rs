//! API tokens: their names and how long they are good.

use chrono::TimeDelta;
use std::{fmt, str::FromStr};

/// Characters of a name.
const LENGTH: std::ops::RangeInclusive<usize> = 1..=100;

/// The longest time a token that expires is good.
pub const LONGEST: TimeDelta = TimeDelta::days(3_650);

/// The name of a token, which no other token has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

/// A text that is no name for a token.
#[derive(Debug, thiserror::Error)]
#[error("a token's name has 1 to 100 printable characters")]
pub struct BadTokenName;

impl FromStr for TokenName {
    type Err = BadTokenName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let printable = !text.chars().any(char::is_control);
        if printable && LENGTH.contains(&text.chars().count()) {
            Ok(Self(text.into()))
        } else {
            Err(BadTokenName)
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_people_can_read_without_space_around_it() {
        assert_eq!(" mail server 1 ".parse::<TokenName>().unwrap().to_string(), "mail server 1");
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(bad.parse::<TokenName>().is_err(), "{bad:?}");
        }
    }
}
