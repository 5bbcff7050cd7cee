//! Reading alerts.

use super::row::AlertRow;
use super::{Result, Store, on};
use crate::model::alert::{Alert, AlertPolicyId, AlertStatus};
use crate::store::columns;
use crate::store::statement::{Piece, build};
use uuid::Uuid;

/// Which alerts, and where to go on.
#[derive(Debug, Clone, Default)]
pub struct AlertQuery {
    /// How far somebody has come with them; any where nothing is named.
    pub status: Option<AlertStatus>,
    pub policy: Option<AlertPolicyId>,
    pub limit: usize,
    pub after: Option<Uuid>,
}

/// A page of alerts.
#[derive(Debug)]
pub struct AlertPage {
    pub items: Vec<Alert>,
    /// Behind which one the next page begins; nothing on the last one.
    pub next: Option<Uuid>,
}

impl Store {
    /// A page of alerts, newest first.
    pub async fn alerts(&self, query: &AlertQuery) -> Result<AlertPage> {
        let pieces = query.pieces();
        let rows: Vec<AlertRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        let more = rows.len() > query.limit;
        let items: Vec<Alert> = rows.into_iter().take(query.limit).map(Into::into).collect();
        let next = items.last().filter(|_| more).map(|last| last.id);
        Ok(AlertPage { items, next })
    }

    /// The alert with this id.
    pub async fn alert(&self, id: Uuid) -> Result<Option<Alert>> {
        let row: Option<AlertRow> = on!(&self.read, |pool| sqlx::query_as(concat!(
            "SELECT ",
            columns!(alerts),
            " FROM alerts WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(pool)
        .await)?;
        Ok(row.map(Into::into))
    }

    /// The alerts about a restriction on which something is left to do, newest first.
    pub async fn open_alerts_of(&self, restriction: Uuid) -> Result<Vec<Alert>> {
        let rows: Vec<AlertRow> = on!(&self.read, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                columns!(alerts),
                " FROM alerts WHERE restriction_id = $1 AND status <> 'resolved' ORDER BY id DESC"
            ))
            .bind(restriction)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// How many alerts are new, counted up to `cap`.
    pub async fn new_alerts(&self, cap: i64) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM alerts WHERE status = 'new' LIMIT $1) AS counted"
        )
        .bind(cap)
        .fetch_one(pool)
        .await)?)
    }
}

impl AlertQuery {
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> =
            vec![concat!("SELECT ", columns!(alerts), " FROM alerts WHERE TRUE").into()];
        let mut narrow = |sql, piece| pieces.extend([Piece::Sql(sql), piece]);
        if let Some(status) = self.status {
            narrow(" AND status = ", Piece::Text(status.name().into()));
        }
        if let Some(policy) = self.policy {
            narrow(" AND policy = ", Piece::Text(policy.as_str().into()));
        }
        if let Some(after) = self.after {
            narrow(" AND id < ", Piece::Id(after));
        }
        // One more tells whether there is a next page.
        let limit = Piece::Number(i64::try_from(self.limit + 1).unwrap_or(i64::MAX));
        narrow(" ORDER BY id DESC LIMIT ", limit);
        pieces
    }
}
