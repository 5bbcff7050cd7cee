//! Which parts of the service run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Which parts of the service run.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, bool>>>);

/// A part that runs for as long as this is held.
#[derive(Debug)]
pub struct Running(Health, &'static str);

impl Health {
    /// Marks a part as running until the answer is dropped.
    #[must_use]
    pub fn running(&self, part: &'static str) -> Running {
        self.set(part, true);
        Running(self.clone(), part)
    }

    /// Every part that ever ran, and whether it still does.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&'static str, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, part: &'static str, runs: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part, runs);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.1, false);
    }
}
