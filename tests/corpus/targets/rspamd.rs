//! What rspamd tells, with the texts of whoever wrote the message.

use super::names_one_sender;
use restricted_users::rspamd::{Meaning, Metadata};

const MOST_SYMBOLS: usize = 50;
const LONGEST_SYMBOL: usize = 80;

pub fn run(octets: &[u8]) {
    let Ok(metadata) = Metadata::parse(octets) else { return };
    assert!(metadata.symbols.len() <= MOST_SYMBOLS);
    assert!(metadata.score.is_none_or(f64::is_finite));
    for symbol in &metadata.symbols {
        assert!(symbol.name.chars().count() <= LONGEST_SYMBOL && symbol.score.is_finite());
    }
    assert_eq!(metadata.meaning() == Meaning::Inbound, metadata.user.is_none());
    if let Some(user) = &metadata.user {
        names_one_sender(user);
    }
    for recipient in &metadata.rcpt {
        let _ = super::organization().is_inside(recipient);
    }
}
