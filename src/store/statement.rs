//! SQL put together from fixed pieces and bound values, for queries whose conditions vary.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A piece of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Sql(&'static str),
    Text(String),
    Time(DateTime<Utc>),
    Id(Uuid),
    Number(i64),
}

impl From<&'static str> for Piece {
    fn from(sql: &'static str) -> Self {
        Self::Sql(sql)
    }
}

/// Puts the pieces into a `QueryBuilder` of whichever database.
macro_rules! build {
    ($pieces:expr) => {{
        let mut query = sqlx::QueryBuilder::new("");
        for piece in $pieces {
            match piece {
                $crate::store::statement::Piece::Sql(sql) => query.push(sql),
                $crate::store::statement::Piece::Text(text) => query.push_bind(text.clone()),
                $crate::store::statement::Piece::Time(at) => query.push_bind(*at),
                $crate::store::statement::Piece::Id(id) => query.push_bind(*id),
                $crate::store::statement::Piece::Number(number) => query.push_bind(*number),
            };
        }
        query
    }};
}
pub(crate) use build;

/// What all arms answer. SQLite takes an arm that is limited only as a query inside another.
pub(crate) fn union(
    select: &'static str,
    arms: impl IntoIterator<Item = Vec<Piece>>,
) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for arm in arms {
        if !pieces.is_empty() {
            pieces.push(" UNION ALL ".into());
        }
        pieces.extend([select.into(), " FROM (".into()]);
        pieces.extend(arm);
        pieces.push(") AS arm".into());
    }
    pieces
}

/// Sorts behind every text that begins as `prefix` does.
pub(crate) fn behind_all(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}
