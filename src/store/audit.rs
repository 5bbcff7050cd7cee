//! Reading the audit log.

use super::statement::{Piece, build};
use super::{Result, Store, on};
use chrono::{DateTime, Utc};

/// Which audit records.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Whose deeds.
    pub actor: Option<String>,
    /// Done to whom.
    pub address: Option<String>,
    /// Which deeds.
    pub action: Option<String>,
    /// From when on.
    pub since: Option<DateTime<Utc>>,
    /// Until when, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Below which number to go on.
    pub before: Option<i64>,
    /// How many.
    pub limit: usize,
}

impl Store {
    /// Audit records, newest first: each one's number, exact bytes and hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<(i64, String, String)>> {
        let pieces = query.pieces();
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?)
    }
}

impl AuditQuery {
    fn pieces(&self) -> Vec<Piece> {
        let text = |condition, text: &Option<String>| {
            text.clone().map(|text| [Piece::Sql(condition), Piece::Text(text)])
        };
        let time = |condition, at: Option<DateTime<Utc>>| {
            at.map(|at| [Piece::Sql(condition), Piece::Time(at)])
        };
        let conditions = [
            text(" AND actor = ", &self.actor),
            text(" AND address = ", &self.address),
            text(" AND action = ", &self.action),
            time(" AND at >= ", self.since),
            time(" AND at < ", self.until),
            self.before.map(|number| [" AND number < ".into(), Piece::Number(number)]),
        ];
        let mut pieces: Vec<Piece> =
            vec!["SELECT number, record, hash FROM audit WHERE TRUE".into()];
        pieces.extend(conditions.into_iter().flatten().flatten());
        pieces.push(" ORDER BY number DESC LIMIT ".into());
        pieces.push(Piece::Number(i64::try_from(self.limit).unwrap_or(i64::MAX)));
        pieces
    }
}
