//! What is done with the octets of strangers: by the fuzzer with those it makes up, by the replay with
//! those it kept.

pub mod cursor;
pub mod feedback_report;
pub mod import;
pub mod log_line;
mod mail_server;
pub mod policy;
pub mod rspamd;
pub mod socketmap;

use restricted_users::model::address::Domain;
use restricted_users::model::organization::Organization;
use std::io::{Read, Result};

/// An organisation with the domain `example.org`.
fn organization() -> Organization {
    let domains = vec![Domain::parse("example.org").expect("it is a domain")];
    Organization { name: "Example Org".into(), domains }
}

/// Whoever is named stands for one sender, who is found again by the name that is shown.
fn names_one_sender(text: &str) {
    let organization = organization();
    let sender = organization.sender(text);
    assert_eq!(organization.sender(sender.as_str()), sender, "{text:?}");
    assert!(!sender.as_str().contains(char::is_control), "{sender:?}");
    assert!(sender.as_str().len() <= 500, "{sender:?}");
}

/// Octets that come at once from somebody slow.
const PIECE: usize = 61;

/// Gives what it holds in small parts, as a pipe does.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = buffer.len().min(PIECE);
        self.0.read(&mut buffer[..length])
    }
}
