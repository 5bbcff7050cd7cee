//! Telling once that the database is away, and once that it is back.

use crate::store::StoreError;
use std::error::Error;

/// Whether a part has been without its database since it last told.
#[derive(Debug)]
pub struct Outage {
    part: &'static str,
    away: bool,
}

impl Outage {
    /// A part that has its database.
    #[must_use]
    pub fn of(part: &'static str) -> Self {
        Self { part, away: false }
    }

    /// The database failed; told at the first failure alone.
    pub fn note(&mut self, error: &StoreError) {
        if !self.away {
            tracing::error!(
                error = error.source(),
                "{} has no database and goes on trying",
                self.part
            );
        }
        self.away = true;
    }

    /// The database answers.
    pub fn over(&mut self) {
        if self.away {
            tracing::info!("{} has its database back", self.part);
        }
        self.away = false;
    }
}
