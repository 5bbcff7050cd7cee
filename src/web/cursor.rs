//! Cursors: where a list goes on, good for the query it came with alone. Anybody can write one, so a
//! position takes what the databases can compare with and nothing else.

use super::error::Problem;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Octets of the query's hash that a cursor carries: enough to notice a mix-up.
const MARK: usize = 8;

/// No cursor of ours is longer.
const LONGEST: usize = 1024;

/// Where a list goes on.
#[derive(Debug)]
pub struct Cursor;

/// A text that is no cursor of ours, or came with another query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no cursor that came with this query")]
pub struct NoCursor;

impl From<NoCursor> for Problem {
    fn from(no_cursor: NoCursor) -> Self {
        Self::invalid("cursor", no_cursor.to_string())
    }
}

impl Cursor {
    /// A cursor for `query` that goes on at `position`.
    pub fn write(position: &impl Serialize, query: &impl Serialize) -> String {
        let mut bytes = mark(query).to_vec();
        bytes.extend(json(position));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor that came with `query`.
    ///
    /// # Errors
    /// When it did not.
    pub fn read<T: DeserializeOwned>(cursor: &str, query: &impl Serialize) -> Result<T, NoCursor> {
        let short = Some(cursor).filter(|cursor| cursor.len() <= LONGEST).ok_or(NoCursor)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(short).map_err(|_| NoCursor)?;
        let position = bytes.strip_prefix(&mark(query)[..]).ok_or(NoCursor)?;
        serde_json::from_slice(position).map_err(|_| NoCursor)
    }
}

fn mark(query: &impl Serialize) -> [u8; MARK] {
    let mut mark = [0; MARK];
    mark.copy_from_slice(&Sha256::digest(json(query))[..MARK]);
    mark
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("positions and queries are text and numbers")
}
