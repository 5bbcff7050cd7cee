//! Telling that the database is away, and once that it is back.

use crate::store::StoreError;
use metrics::{Gauge, describe_gauge, gauge};
use std::error::Error;
use std::time::{Duration, Instant};

/// How often a part that is without its database says so.
const TOLD_EVERY: Duration = Duration::from_mins(1);

const AWAY: &str = "restricted_users_database_away";

/// Whether a part has been without its database since it last had it.
#[derive(Debug)]
pub struct Outage {
    part: &'static str,
    told: Option<Instant>,
    away: Gauge,
}

impl Outage {
    /// A part that has its database.
    #[must_use]
    pub fn of(part: &'static str) -> Self {
        describe_gauge!(AWAY, "Whether a part is without its database, 1 or 0");
        let away = gauge!(AWAY, "part" => part);
        away.set(0);
        Self { part, told: None, away }
    }

    /// The database failed; told at the first failure and then once a minute.
    pub fn note(&mut self, error: &StoreError) {
        self.away.set(1);
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            tracing::error!(
                error = error.source(),
                "{} has no database and goes on trying",
                self.part
            );
            self.told = Some(Instant::now());
        }
    }

    /// The database answers.
    pub fn over(&mut self) {
        self.away.set(0);
        if self.told.take().is_some() {
            tracing::info!("{} has its database back", self.part);
        }
    }
}
