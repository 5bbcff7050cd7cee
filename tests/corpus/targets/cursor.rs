//! Cursors of lists, which clients send back.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use restricted_users::store::{AuditPosition, MessagePosition, Position};
use restricted_users::web::cursor::Cursor;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

const QUERY: &str = "sort=address";

pub fn run(octets: &[u8]) {
    // Postgres takes no NUL, and both databases know these years.
    let is_known = |at: DateTime<Utc>| (1..=9999).contains(&at.year());
    stays(octets, |Position { address, restricted_at, .. }| {
        !address.contains('\0') && is_known(*restricted_at)
    });
    stays(octets, |AuditPosition { at, .. }| is_known(*at));
    stays(octets, |_: &MessagePosition| true);
}

/// A position that is read from the octets, as they are and behind the mark of a query, is found in
/// the cursor that is written for it.
fn stays<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    octets: &[u8],
    is_comparable: impl Fn(&T) -> bool,
) {
    let behind_mark = BASE64_URL_SAFE_NO_PAD.encode([&mark()[..], octets].concat());
    for cursor in [&String::from_utf8_lossy(octets), &behind_mark[..]] {
        let Ok(position) = Cursor::read::<T>(cursor, &QUERY) else { continue };
        assert!(is_comparable(&position), "{position:?}");
        let again = Cursor::write(&position, &QUERY);
        assert_eq!(Cursor::read(&again, &QUERY), Ok(position));
        assert!(Cursor::read::<T>(&again, &"another").is_err());
    }
}

/// What a cursor begins with.
fn mark() -> Vec<u8> {
    let cursor = Cursor::write(&(), &QUERY);
    let octets = BASE64_URL_SAFE_NO_PAD.decode(cursor).expect("it is ours");
    octets.strip_suffix(b"null").expect("it ends in JSON").to_vec()
}
