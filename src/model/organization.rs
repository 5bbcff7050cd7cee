//! The organisation: the mail domains that are ours, and which recipients are inside.

use crate::model::address::{Address, AddressError, Domain, normal_domain, split_at_last_at};

/// The organisation whose users send mail through the watched mail servers.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    /// How the organisation is called on pages.
    pub name: String,
    /// The mail domains that are ours; the first completes logins without `@`.
    pub domains: Vec<Domain>,
}

impl Organization {
    /// The sender that a login stands for: the mail server let it in, so it has a name here, be it an
    /// address or not. Who was named before is found by that name.
    pub fn sender(&self, login: &str) -> Address {
        self.address(login).unwrap_or_else(|_| Address::opaque(login))
    }

    /// The address that a mail server wrote.
    pub fn address(&self, text: &str) -> Result<Address, AddressError> {
        Address::parse(text, self.domains.first())
    }

    /// The address that somebody typed.
    pub fn typed(&self, text: &str) -> Result<Address, AddressError> {
        Address::typed(text, self.domains.first())
    }

    /// The operator that a text names: a mail address, or the longer name of
    /// somebody whom an identity provider vouches for.
    pub fn operator(&self, text: &str) -> Result<Address, AddressError> {
        let is_full = text.contains(" at http") && text.ends_with(')');
        if is_full && !text.contains(char::is_control) {
            return Ok(Address::stored(text));
        }
        self.address(text)
    }

    /// Whether mail to `recipient` stays inside. A local part with `%`, `!` or `@` never does,
    /// because Postfix rewrites it to an address outside (`swap_bangpath`,
    /// `allow_percent_hack`), with a domain or without.
    pub fn is_inside(&self, recipient: &str) -> bool {
        let (local_part, domain) = split_at_last_at(recipient);
        !local_part.contains(['%', '!', '@']) && domain.is_none_or(|domain| self.is_ours(domain))
    }

    fn is_ours(&self, domain: &str) -> bool {
        normal_domain(domain)
            .is_ok_and(|domain| self.domains.iter().any(|ours| ours.as_str() == domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_is_our_domains_whole_and_nothing_that_postfix_would_route_outside() {
        let ours = Organization {
            name: "Example Org".into(),
            domains: vec![
                Domain::parse("example.org").unwrap(),
                Domain::parse("bücher.example").unwrap(),
            ],
        };
        for inside in [
            "bob@example.org",
            "Bob@EXAMPLE.org.",
            "bob@xn--bcher-kva.example",
            "bob@Bücher.example",
            "postmaster",
            "\"bob smith\"@example.org",
        ] {
            assert!(ours.is_inside(inside), "{inside}");
        }
        for outside in [
            "bob@remote.example",
            "bob@sub.example.org",
            "bob%remote.example@example.org",
            "remote.example!bob@example.org",
            "\"bob@remote.example\"@example.org",
            "bob%remote.example",
            "bob@[192.0.2.1]",
            "bob@",
        ] {
            assert!(!ours.is_inside(outside), "{outside}");
        }
    }
}
