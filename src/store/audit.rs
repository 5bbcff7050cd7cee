//! Reading the audit log.

use super::statement::{Piece, behind_all, build, union};
use super::{Result, Store, comparable, on};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// Records that are sorted for a page. Where more have an address that begins as was asked for, all
/// others are passed over in order: some of those then come soon.
const FEW: i64 = 5_000;

/// Actors whose records are merged for a page.
const MOST_ACTORS: usize = 20;

/// Which audit records.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub actor: Option<String>,
    pub address: Option<String>,
    /// Whether `actor` and `address` are only how the names begin.
    pub by_beginning: bool,
    pub action: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub after: Option<AuditPosition>,
    pub limit: usize,
}

/// A record's place in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPosition {
    #[serde(deserialize_with = "comparable::time")]
    pub at: DateTime<Utc>,
    pub number: i64,
}

/// A record as it stands in the log.
#[derive(Debug, Clone, FromRow)]
pub struct AuditRecord {
    pub number: i64,
    pub at: DateTime<Utc>,
    /// The exact bytes that were hashed.
    pub record: String,
    /// The hash over the one before and these bytes.
    pub hash: String,
}

impl From<&AuditRecord> for AuditPosition {
    fn from(AuditRecord { at, number, .. }: &AuditRecord) -> Self {
        Self { at: *at, number: *number }
    }
}

impl Store {
    /// Audit records, newest first: the whole log in the order of its chain, and what is picked out of
    /// it in the order of time, which is another only where a clock was set.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        let arms = self.audit_arms(query).await?;
        if arms.is_empty() {
            return Ok(Vec::new());
        }
        let mut pieces: Vec<Piece> = vec![
            "SELECT number, at, record, hash FROM audit WHERE number IN (SELECT number FROM ("
                .into(),
        ];
        pieces.extend(union("SELECT number, at", arms));
        pieces.extend([query.order().into(), " LIMIT ".into(), query.limit()]);
        pieces.extend([") AS page)".into(), query.order().into()]);
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?)
    }

    /// What a page is chosen from: each arm answers the first records of one actor, or of all.
    async fn audit_arms(&self, query: &AuditQuery) -> Result<Vec<Vec<Piece>>> {
        if !query.by_beginning {
            return Ok(vec![query.arm(query.actor.as_deref())]);
        }
        if let Some(address) = &query.address
            && self.audit_about(address).await? <= FEW
        {
            return Ok(vec![query.sorted()]);
        }
        let Some(beginning) = &query.actor else { return Ok(vec![query.arm(None)]) };
        let mut actors = self.audit_actors().await?;
        actors.retain(|actor| actor.to_lowercase().starts_with(&beginning.to_lowercase()));
        if actors.len() > MOST_ACTORS {
            return Ok(vec![query.arm(None)]);
        }
        Ok(actors.iter().map(|actor| query.arm(Some(actor))).collect())
    }

    /// How many records are about addresses that begin so, counted up to [`FEW`] + 1.
    async fn audit_about(&self, beginning: &str) -> Result<i64> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "SELECT COUNT(*)
               FROM (SELECT 1
                       FROM audit
                      WHERE CAST(address AS bytewise_text) >= $1
                        AND CAST(address AS bytewise_text) < $2
                      -- In the order of the index, or Postgres reads as much of the table instead.
                      ORDER BY CAST(address AS bytewise_text)
                      LIMIT $3) AS found"
        )
        .bind(beginning)
        .bind(behind_all(beginning))
        .bind(FEW + 1)
        .fetch_one(pool)
        .await)?)
    }

    /// Everybody who ever did anything: a look into the index for each of them.
    async fn audit_actors(&self) -> Result<Vec<String>> {
        Ok(on!(&self.read, |pool| sqlx::query_scalar(
            "WITH RECURSIVE actors (actor) AS (
                 SELECT MIN(actor) FROM audit
                 UNION ALL
                 SELECT (SELECT MIN(actor) FROM audit WHERE audit.actor > actors.actor)
                   FROM actors
                  WHERE actors.actor IS NOT NULL)
             SELECT actor FROM actors WHERE actor IS NOT NULL"
        )
        .fetch_all(pool)
        .await)?)
    }
}

impl AuditQuery {
    /// Whether nothing is picked out.
    fn is_whole(&self) -> bool {
        let Self { actor, address, action, since, until, .. } = self;
        actor.is_none()
            && address.is_none()
            && action.is_none()
            && since.is_none()
            && until.is_none()
    }

    fn order(&self) -> &'static str {
        if self.is_whole() { " ORDER BY number DESC" } else { " ORDER BY at DESC, number DESC" }
    }

    fn limit(&self) -> Piece {
        Piece::Number(i64::try_from(self.limit).unwrap_or(i64::MAX))
    }

    /// The first records of one actor, or of all, in the order of an index.
    fn arm(&self, actor: Option<&str>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec!["SELECT number, at FROM audit WHERE TRUE".into()];
        match &self.address {
            // Of the others who do something to an address there are few: its index is the one to take.
            Some(address) if !self.by_beginning => {
                let address = Piece::Text(address.clone());
                pieces.extend([" AND CAST(address AS bytewise_text) = ".into(), address]);
                pieces.extend(condition(" AND actor || '' = ", actor));
                pieces.extend(condition(" AND action || '' = ", self.action.as_deref()));
            }
            _ => {
                pieces.extend(condition(" AND actor = ", actor));
                pieces.extend(condition(" AND action = ", self.action.as_deref()));
                pieces.extend(self.beginnings(actor.is_none()));
            }
        }
        pieces.extend(self.times());
        pieces.extend([self.order().into(), " LIMIT ".into(), self.limit()]);
        pieces
    }

    /// The first of few records about addresses that begin as was asked for.
    fn sorted(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec!["SELECT number, at FROM audit WHERE TRUE".into()];
        if let Some(address) = &self.address {
            pieces.extend([
                " AND CAST(address AS bytewise_text) >= ".into(),
                Piece::Text(address.clone()),
                " AND CAST(address AS bytewise_text) < ".into(),
                Piece::Text(behind_all(address)),
            ]);
        }
        pieces.extend(condition(" AND action || '' = ", self.action.as_deref()));
        pieces.extend(self.beginnings(true));
        pieces.extend(self.times());
        // An expression, so that no index in this order is walked instead.
        let order = " ORDER BY COALESCE(at, at) DESC, number DESC LIMIT ";
        pieces.extend([order.into(), self.limit()]);
        pieces
    }

    fn times(&self) -> Vec<Piece> {
        let time = |condition, at: Option<DateTime<Utc>>| {
            at.map(|at| [Piece::Sql(condition), Piece::Time(at)])
        };
        let times = [time(" AND at >= ", self.since), time(" AND at < ", self.until)];
        let mut pieces: Vec<Piece> = times.into_iter().flatten().flatten().collect();
        if let Some(AuditPosition { number, .. }) = self.after.filter(|_| self.is_whole()) {
            pieces.extend([" AND number < ".into(), Piece::Number(number)]);
        } else if let Some(AuditPosition { at, number }) = self.after {
            pieces.extend([" AND (at, number) < (".into(), Piece::Time(at), ", ".into()]);
            pieces.extend([Piece::Number(number), ")".into()]);
        }
        pieces
    }

    /// How names begin, where that is asked for.
    fn beginnings(&self, of_actor_too: bool) -> Vec<Piece> {
        if !self.by_beginning {
            return Vec::new();
        }
        let begins = |column: [&'static str; 2], text: &Option<String>| {
            text.clone().map(|text| {
                let text = text.to_lowercase();
                [column[0].into(), Piece::Text(text.clone()), column[1].into(), Piece::Text(text)]
            })
        };
        let actor = begins([" AND substr(lower(actor), 1, length(", ")) = "], &self.actor);
        let address = begins([" AND substr(address, 1, length(", ")) = "], &self.address);
        [actor.filter(|_| of_actor_too), address].into_iter().flatten().flatten().collect()
    }
}

fn condition(sql: &'static str, text: Option<&str>) -> Vec<Piece> {
    text.map_or_else(Vec::new, |text| vec![sql.into(), Piece::Text(text.into())])
}
