//! Senders whose login is no address.

use super::Address;
use super::characters::{is_invisible, one_spelling};
use sha2::{Digest, Sha256};

/// Characters of an opaque sender's name.
const LONGEST_OPAQUE: usize = 80;
/// Hex digits of the digest that it ends in where that is needed.
const DIGITS: usize = 8;

impl Address {
    /// The opaque sender of a login that is no address: its name has nothing invisible and is short. It
    /// ends in a digest wherever it could be taken for that of somebody else.
    pub fn opaque(login: &str) -> Self {
        let mut shown = String::new();
        for character in one_spelling(login.trim()).chars() {
            if is_invisible(character) {
                shown.extend(character.escape_unicode());
            } else {
                shown.push(character);
            }
        }
        if (1..=LONGEST_OPAQUE).contains(&shown.chars().count())
            && Self::parse(&shown, None).is_err()
        {
            return Self::stored(&shown);
        }
        let beginning: String = shown.chars().take(LONGEST_OPAQUE - 2 - DIGITS).collect();
        // No domain holds a `#`, so that no address reads so.
        let at = if beginning.contains('@') { "" } else { "@" };
        let digest = hex::encode(Sha256::digest(&shown));
        Self::stored(&format!("{beginning}{at}#{}", &digest[..DIGITS]))
    }
}

/// Whether a text after an `@` is the end of an opaque sender's name.
pub(super) fn ends_in_digest(domain: &str) -> bool {
    domain.rsplit_once('#').is_some_and(|(_, digest)| {
        digest.len() == DIGITS && digest.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_login_that_is_no_address_is_a_sender_with_a_name_that_people_see() {
        let opaque = |login: &str| Address::opaque(login).to_string();
        assert_eq!(opaque("alice@example..org"), "alice@example..org");
        assert_eq!(opaque("al\u{7}ice@example.org"), "al\\u{7}ice@example.org#d4a28117");
        assert_eq!(opaque(" "), "@#e3b0c442");
        let long = "a".repeat(300);
        assert_eq!(opaque(&long).len(), LONGEST_OPAQUE);
        assert_ne!(opaque(&long), opaque(&"a".repeat(301)));
        // As the mail server lets it in, so it is refused.
        assert_eq!(opaque(&format!(" {}\t", "A".repeat(300))), opaque(&long));
        assert_eq!(opaque("Al\u{7}ICE@example.org "), opaque("al\u{7}ice@example.org"));
        let name = opaque(&long);
        assert_eq!(Address::typed(&name, None).map(|typed| typed.to_string()), Ok(name));
    }

    proptest! {
        #[test]
        fn an_opaque_name_is_nobody_elses_and_stays(login in any::<String>(), wild in "[\\PC\\pC]{0,300}") {
            for login in [login, wild] {
                let opaque = Address::opaque(&login);
                prop_assert!(Address::parse(opaque.as_str(), None).is_err(), "{}", opaque);
                prop_assert_eq!(&Address::opaque(opaque.as_str()), &opaque);
                prop_assert!(!opaque.as_str().chars().any(is_invisible));
                prop_assert!(opaque.as_str().chars().count() <= LONGEST_OPAQUE);
            }
        }
    }
}
