//! The streams of events that are open, so that one reader does not take the places of all.

use crate::secret::SecretHash;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Streams that one token or session may have open at once.
pub const MOST_OF_ONE: usize = 20;

/// The open streams of each token and session.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<SecretHash, usize>>>);

impl Streams {
    /// Opens a stream for `reader`; nothing where it has as many as it may.
    pub fn open(&self, reader: &SecretHash) -> Option<Stream> {
        let mut open = self.locked();
        let count = open.get(reader).copied().unwrap_or_default();
        if count >= MOST_OF_ONE {
            return None;
        }
        open.insert(reader.clone(), count + 1);
        Some(Stream { streams: self.clone(), reader: reader.clone() })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<SecretHash, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream, closed when dropped.
#[derive(Debug)]
pub struct Stream {
    streams: Streams,
    reader: SecretHash,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.locked();
        match open.get_mut(&self.reader) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.reader)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_has_twenty_streams_and_another_when_one_is_closed() {
        let (streams, one, other) =
            (Streams::default(), SecretHash::of("one"), SecretHash::of("other"));
        let mut open: Vec<_> = (0..MOST_OF_ONE).map(|_| streams.open(&one).unwrap()).collect();
        assert!(streams.open(&one).is_none());
        assert!(streams.open(&other).is_some());
        open.pop();
        open.push(streams.open(&one).unwrap());
        assert!(streams.open(&one).is_none());
        drop(open);
        assert!(streams.locked().is_empty());
    }
}
