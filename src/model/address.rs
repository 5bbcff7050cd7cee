//! A mail address, parsed, lower-cased, split at the last `@`.

mod characters;
mod local_part;
mod opaque;

use characters::{composed, is_invisible, named, needs_quotes};
use local_part::normal_local_part;
use opaque::ends_in_digest;
use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt, sync::Arc};

const LONGEST_DOMAIN: usize = 255;
const LONGEST_LABEL: usize = 63;

/// Why a text is no mail address (or no domain) that is taken here. The text is shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing before the `@`, or nothing at all.
    #[error("there is nothing before the @")]
    NoLocalPart,
    /// More than 64 octets before the `@` (RFC 5321 §4.5.3.1.1).
    #[error("more than 64 octets before the @")]
    LongLocalPart,
    /// More than 255 octets after the `@` (RFC 5321 §4.5.3.1.2).
    #[error("more than 255 octets after the @")]
    LongDomain,
    /// What stands after the `@` is neither a domain name nor an address literal.
    #[error("what stands after the @ is no domain")]
    BadDomain,
    /// A control character, which no address may hold, or one that nobody sees (Unicode Cc, Cf, Zs but
    /// the space, Zl, Zp, Cn, and what is `Default_Ignorable_Code_Point`).
    #[error("it holds {}, which nobody sees", named(*.0))]
    Invisible(char),
    /// A character that an address holds between quotes alone.
    #[error("it holds {0:?} outside quotes")]
    Unquoted(char),
    /// A quoted local part whose quotes do not pair (RFC 5321 §4.1.2).
    #[error("its quotes do not pair")]
    BadQuotes,
}

/// A domain name in lower case, as A-labels, without a trailing dot; or an address literal in
/// brackets (RFC 5321 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Arc<str>);

impl Domain {
    /// Reads a domain as people write it.
    ///
    /// # Errors
    /// When it is empty, too long, or no domain name, or holds what nobody sees.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match text.chars().find(|character| is_invisible(*character)) {
            Some(character) => Err(AddressError::Invisible(character)),
            None => normal_domain(text).map(|domain| Self(domain.into())),
        }
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail address, or a login that stands for one, in the one spelling that everything compares:
/// lower case, quotes only where they are needed. Where there is no organisation domain to add, a
/// login without `@` stays without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    text: Arc<str>,
    at: Option<usize>,
}

impl Address {
    /// Reads what people or scripts typed: an address is taken as whoever types it sees it, so it holds
    /// nothing invisible, and no list or URL is taken for one. The name of an opaque sender that ends in
    /// its digest is taken as well.
    ///
    /// # Errors
    /// As [`Self::parse`], and when it holds what an address holds between quotes alone.
    pub fn typed(text: &str, default_domain: Option<&Domain>) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(character) = text.chars().find(|character| is_invisible(*character)) {
            return Err(AddressError::Invisible(character));
        }
        let text = composed(text);
        let (local_part, domain) = split_at_last_at(&text);
        match local_part.chars().find(|character| needs_quotes(*character)) {
            Some(character) if !local_part.starts_with('"') => {
                Err(AddressError::Unquoted(character))
            }
            _ if domain.is_some_and(ends_in_digest) => Ok(Self::opaque(&text)),
            _ => Self::parse(&text, default_domain),
        }
    }

    /// Reads an address as a mail server writes it, or a login; `default_domain` is added where there is
    /// no `@`.
    ///
    /// # Errors
    /// When it has an empty or too long part, something invisible before the `@`, or no domain after it.
    pub fn parse(text: &str, default_domain: Option<&Domain>) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            return Err(AddressError::Invisible(character));
        }
        let (local_part, domain) = match split_at_last_at(text) {
            (local_part, Some(domain)) => (local_part, Some(normal_domain(domain)?)),
            (local_part, None) => {
                (local_part, default_domain.map(|domain| Cow::from(domain.as_str())))
            }
        };
        let local_part = normal_local_part(local_part)?;
        Ok(match domain {
            Some(domain) => {
                Self { at: Some(local_part.len()), text: format!("{local_part}@{domain}").into() }
            }
            None => Self { at: None, text: local_part.into() },
        })
    }

    /// An address read back from the store, where only parsed ones are written.
    pub fn stored(text: &str) -> Self {
        Self {
            text: text.into(),
            at: split_at_last_at(text).1.map(|domain| text.len() - domain.len() - 1),
        }
    }

    /// The whole address as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands after the `@`; empty for a login without one.
    pub fn domain(&self) -> &str {
        self.at.map_or("", |at| &self.text[at + 1..])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The part before the last `@`, and the part after it; an `@` inside closing quotes is none.
pub(crate) fn split_at_last_at(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('@') {
        Some((_, domain)) if domain.ends_with('"') => (text, None),
        Some((local_part, domain)) => (local_part, Some(domain)),
        None => (text, None),
    }
}

/// The domain in lower case, as A-labels, without the trailing dot.
pub(crate) fn normal_domain(text: &str) -> Result<Cow<'_, str>, AddressError> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > LONGEST_DOMAIN {
        return Err(AddressError::LongDomain);
    }
    if is_address_literal(text) {
        return Ok(lower_case(text));
    }
    let domain = if text.is_ascii() {
        lower_case(text)
    } else {
        idna::domain_to_ascii(text).map_err(|_| AddressError::BadDomain)?.into()
    };
    if domain.len() > LONGEST_DOMAIN {
        return Err(AddressError::LongDomain);
    }
    if domain.split('.').all(is_label) { Ok(domain) } else { Err(AddressError::BadDomain) }
}

fn is_address_literal(text: &str) -> bool {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).is_some_and(|inner| {
        !inner.is_empty()
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte))
    })
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::local_part::LONGEST_LOCAL_PART;
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Result<String, AddressError> {
        let domain = Domain::parse("example.org").unwrap();
        Address::parse(text, Some(&domain)).map(|address| address.to_string())
    }

    #[test]
    fn case_trailing_dots_and_needless_quotes_make_no_difference() {
        for text in [
            "Alice@Example.ORG",
            "alice@example.org.",
            "\"alice\"@example.org",
            "\"al\\ice\"@example.org",
            "ALICE",
        ] {
            assert_eq!(parsed(text).as_deref(), Ok("alice@example.org"), "{text}");
        }
    }

    #[test]
    fn an_address_keeps_what_belongs_to_it() {
        for (text, expected) in [
            ("alice+news@example.org", "alice+news@example.org"),
            ("JÜRGEN@Bücher.example", "jürgen@xn--bcher-kva.example"),
            ("a b@example.org", "\"a b\"@example.org"),
            ("\"a@b\"@example.org", "\"a@b\"@example.org"),
            ("a@b@example.org", "\"a@b\"@example.org"),
            ("\"a@b\"", "\"a@b\"@example.org"),
            ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
            ("alice@[IPv6:2001:DB8::1]", "alice@[ipv6:2001:db8::1]"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        use AddressError::{
            BadDomain, BadQuotes, Invisible, LongDomain, LongLocalPart, NoLocalPart,
        };
        for (text, error) in [
            (String::new(), NoLocalPart),
            ("@example.org".into(), NoLocalPart),
            ("\"\"@example.org".into(), NoLocalPart),
            ("alice@".into(), BadDomain),
            ("alice@example..org".into(), BadDomain),
            ("<alice@example.org>".into(), BadDomain),
            ("al\nice@example.org".into(), Invisible('\n')),
            ("\"alice@example.org".into(), BadQuotes),
            ("\"al\"ice@example.org".into(), BadQuotes),
            (format!("{}@example.org", "a".repeat(65)), LongLocalPart),
            (format!("alice@{}", "a.".repeat(150)), LongDomain),
            (format!("{}@{}", "a".repeat(64), "b".repeat(255)), BadDomain),
        ] {
            assert_eq!(parsed(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_login_without_a_domain_stays_as_it_is_where_the_organisation_has_none() {
        let address = Address::parse("Alice", None).unwrap();
        assert_eq!((address.as_str(), address.domain()), ("alice", ""));
    }

    #[test]
    fn what_is_typed_is_refused_with_the_character_that_nobody_has_in_an_address() {
        use AddressError::{Invisible, Unquoted};
        let typed = |text: &str| Address::typed(text, None).map(|address| address.to_string());
        for (text, error) in [
            ("\u{200b}mona@example.org", Invisible('\u{200b}')),
            ("mona\u{200b}@example.org", Invisible('\u{200b}')),
            ("mona@example.org\u{ad}", Invisible('\u{ad}')),
            ("mo\u{a0}na@example.org", Invisible('\u{a0}')),
            ("\"mo\u{202a}na\"@example.org", Invisible('\u{202a}')),
            ("mo\u{34f}na@example.org", Invisible('\u{34f}')),
            ("\u{3164}mona@example.org", Invisible('\u{3164}')),
            ("mona\u{fe0f}@example.org", Invisible('\u{fe0f}')),
            ("mailto:mona@example.org", Unquoted(':')),
            ("mona@example.org;nina@example.org", Unquoted('@')),
            ("nina@example.org, mona@example.org", Unquoted('@')),
            ("mona;nina@example.org", Unquoted(';')),
            ("not an address", Unquoted(' ')),
            ("mona\u{ff20}example.org@example.org", Unquoted('\u{ff20}')),
            ("mona\u{37e}nina@example.org", Unquoted(';')),
        ] {
            assert_eq!(typed(text), Err(error), "{text:?}");
        }
        let said = Invisible('\u{200b}').to_string();
        assert_eq!(said, "it holds U+200B, which nobody sees");
        for text in [" Mona@example.org\t", "\u{a0}mona@example.org", "\"mona\"@example.org"] {
            assert_eq!(typed(text).as_deref(), Ok("mona@example.org"), "{text:?}");
        }
        assert_eq!(typed("\"a b\"@example.org").as_deref(), Ok("\"a b\"@example.org"));
        assert_eq!(typed("alice@[IPv6:::1]").as_deref(), Ok("alice@[ipv6:::1]"));
    }

    #[test]
    fn composed_and_decomposed_letters_make_no_difference() {
        assert_eq!(parsed("ju\u{308}rgen"), parsed("jürgen"));
        assert_eq!(parsed("JU\u{308}RGEN@example.org "), parsed("jürgen"));
    }

    proptest! {
        #[test]
        fn nothing_invisible_is_ever_typed(
            before in "[a-z]{1,9}",
            invisible in "[\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cc}\u{a0}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}]",
            after in "[a-z]{1,9}",
        ) {
            let text = format!("{before}{invisible}{after}@example.org");
            let character = invisible.chars().next().unwrap();
            prop_assert_eq!(Address::typed(&text, None), Err(AddressError::Invisible(character)));
        }

        #[test]
        fn any_text_is_refused_or_read_to_a_spelling_that_stays(text in "\\PC{0,80}|[a-zA-Z\"\\\\@. ]{0,80}") {
            if let Ok(address) = Address::parse(&text, None) {
                prop_assert_eq!(&Address::parse(address.as_str(), None).unwrap(), &address);
                prop_assert_eq!(&Address::stored(address.as_str()), &address);
                prop_assert!(address.as_str().len() <= LONGEST_LOCAL_PART + 1 + LONGEST_DOMAIN);
            }
        }
    }
}
