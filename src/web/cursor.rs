//! Cursors: where a list goes on, good for the query it came with alone.

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

pub(crate) struct Cursor;

impl Cursor {
    /// A cursor for `query` that goes on at `position`.
    pub(crate) fn write(position: &impl Serialize, query: &impl Serialize) -> String {
        let mut bytes = mark(query).to_vec();
        bytes.extend(json(position));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a cursor that came with `query`.
    pub(crate) fn read<T: DeserializeOwned>(
        cursor: &str,
        query: &impl Serialize,
    ) -> Result<T, Problem> {
        let bad = || Problem::invalid("cursor", "it is no cursor that came with this query");
        let short = Some(cursor).filter(|cursor| cursor.len() <= LONGEST).ok_or_else(bad)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(short).map_err(|_| bad())?;
        let position = bytes.strip_prefix(&mark(query)[..]).ok_or_else(bad)?;
        serde_json::from_slice(position).map_err(|_| bad())
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
