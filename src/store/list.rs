//! The list of restricted users: filters, order, keyset pages, totals.

use super::row::RestrictionRow;
use super::statement::{Piece, build};
use super::{Result, Store, on};
use crate::reason::Cause;
use crate::restriction::Restriction;
use crate::store::columns;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use utoipa::ToSchema;
use uuid::Uuid;

/// Totals are exact up to here and unknown beyond, so that no page counts a million rows.
pub const TOTAL_CAP: i64 = 10_000;

/// So many are sorted for a page. The walk through all restrictions by time would pass over too many
/// that have another state, such as a year of released ones to find the few that are active.
const FEW: i64 = 1_000;

/// Which restrictions, in which order, and where to go on.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The beginning of the address, or with a leading `@` of its domain, in lower case.
    pub search: Option<String>,
    /// Which states.
    pub state: StateFilter,
    /// Which cause.
    pub cause: Option<Cause>,
    /// In which order.
    pub sort: Sort,
    /// How many.
    pub limit: usize,
    /// Behind which entry to go on.
    pub after: Option<Position>,
}

/// Which states are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Mail is refused and no unblock is pending.
    Restricted,
    /// An unblock is pending.
    Unblocking,
    /// Ended.
    Released,
    /// Restricted or unblocking.
    #[default]
    Active,
    /// Every one.
    All,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Sort {
    /// Newest first.
    #[serde(rename = "-restricted_at")]
    NewestFirst,
    /// Oldest first.
    #[serde(rename = "restricted_at")]
    OldestFirst,
    /// By address.
    #[serde(rename = "address")]
    Address,
    /// By address, backwards.
    #[serde(rename = "-address")]
    AddressBackwards,
}

/// An entry's place in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// When it was restricted.
    pub restricted_at: DateTime<Utc>,
    /// Whose it is.
    pub address: String,
    /// Its id.
    pub id: Uuid,
}

/// A page of the list.
#[derive(Debug)]
pub struct Page {
    /// The entries.
    pub items: Vec<Restriction>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<Position>,
    /// How many entries all pages hold; unknown beyond [`TOTAL_CAP`].
    pub total: Option<i64>,
}

/// Numbers for the head of the page; each is at most [`TOTAL_CAP`] + 1.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Unblocks that are pending.
    pub unblocking: i64,
    /// Restrictions that ended since the time asked for.
    pub released: i64,
    /// When the last one ended.
    pub last_released_at: Option<DateTime<Utc>>,
}

impl Store {
    /// A page of restrictions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, query: &ListQuery) -> Result<Page> {
        let total = self.total(query).await?;
        let mut items = self.items(query, total).await?;
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items.last().filter(|_| more).map(Position::of);
        Ok(Page { items, next, total: (total <= TOTAL_CAP).then_some(total) })
    }

    async fn total(&self, query: &ListQuery) -> Result<i64> {
        let mut total = 0;
        for half in query.halves() {
            total += self.count(half.counted()).await?;
        }
        Ok(total)
    }

    /// One more than asked for, which tells whether there is a next page.
    async fn items(&self, query: &ListQuery, total: i64) -> Result<Vec<Restriction>> {
        let mut items = Vec::new();
        for half in query.halves() {
            items.extend(self.fetch(&half, &self.way(&half, total).await?).await?);
        }
        items.sort_by(|a, b| query.sort.compare(a, b));
        items.truncate(query.limit + 1);
        Ok(items)
    }

    async fn way(&self, query: &ListQuery, total: i64) -> Result<Way> {
        let Some(prefix) = query.domain() else {
            let few = query.search.is_none() && query.sort.is_by_time() && total <= FEW;
            return Ok(if few { Way::Sorting } else { Way::Walking });
        };
        if query.state != StateFilter::Released
            && let Some(domain) = self.only_active_domain(prefix).await?
        {
            return Ok(Way::OneDomain(domain));
        }
        Ok(if total > TOTAL_CAP { Way::Walking } else { Way::Sorting })
    }

    /// The domain of all active restrictions in a domain that begins so, where there is but one.
    async fn only_active_domain(&self, prefix: &str) -> Result<Option<String>> {
        let (first, last): (Option<String>, Option<String>) = on!(&self.read, |pool| {
            sqlx::query_as(
                "SELECT (SELECT MIN(domain) FROM restrictions
                          WHERE released_at IS NULL AND domain >= $1 AND domain < $2),
                        (SELECT MAX(domain) FROM restrictions
                          WHERE released_at IS NULL AND domain >= $1 AND domain < $2)",
            )
            .bind(prefix)
            .bind(behind_all(prefix))
            .fetch_one(pool)
            .await
        })?;
        Ok(if first == last { first } else { None })
    }

    async fn fetch(&self, query: &ListQuery, way: &Way) -> Result<Vec<Restriction>> {
        let pieces = match way {
            // Rows are fetched for the page alone, not for all that are sorted.
            Way::Sorting => [
                vec![
                    concat!(
                        "SELECT ",
                        columns!(restrictions),
                        " FROM restrictions WHERE id IN (SELECT id FROM restrictions WHERE "
                    )
                    .into(),
                ],
                query.page(way),
                vec![")".into(), query.sort.order().into()],
            ]
            .concat(),
            Way::Walking | Way::OneDomain(_) => [
                vec![
                    concat!("SELECT ", columns!(restrictions), " FROM restrictions WHERE ").into(),
                ],
                query.page(way),
            ]
            .concat(),
        };
        let rows: Vec<RestrictionRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    async fn count(&self, conditions: Vec<Piece>) -> Result<i64> {
        let mut pieces: Vec<Piece> =
            vec!["SELECT COUNT(*) FROM (SELECT 1 FROM restrictions WHERE ".into()];
        pieces.extend(conditions);
        pieces.push(" LIMIT ".into());
        pieces.push(Piece::Number(TOTAL_CAP + 1));
        pieces.push(") AS found".into());
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// Numbers for the head of the page; `since` is for those that ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(&self, since: DateTime<Utc>) -> Result<Counts> {
        Ok(Counts {
            unblocking: self.count(vec![UNBLOCKING.into(), DUE.into()]).await?,
            released: self.count(vec!["released_at > ".into(), Piece::Time(since)]).await?,
            last_released_at: on!(&self.read, |pool| sqlx::query_scalar(
                "SELECT released_at FROM restrictions
                  WHERE released_at IS NOT NULL
                  ORDER BY released_at DESC
                  LIMIT 1"
            )
            .fetch_optional(pool)
            .await)?,
        })
    }
}

const UNBLOCKING: &str = "released_at IS NULL AND takes_effect_at IS NOT NULL";

/// True of all that are unblocking, and leads SQLite to the index of what is due.
const DUE: &str = " AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
  AND COALESCE(takes_effect_at, ends_at) > '0001-01-01T00:00:00Z'";

impl StateFilter {
    /// The filter in one word, as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Unblocking => "unblocking",
            Self::Released => "released",
            Self::Active => "active",
            Self::All => "all",
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Restricted => "released_at IS NULL AND takes_effect_at IS NULL",
            Self::Unblocking => UNBLOCKING,
            Self::Released => "released_at IS NOT NULL",
            Self::Active => "released_at IS NULL",
            Self::All => "TRUE",
        }
    }
}

/// How the entries of a page are found.
enum Way {
    /// In the order asked for, passing over what was not searched for. For a domain this is good
    /// where many entries have it: to sort all of them would take longer.
    Walking,
    /// Through the index of the domains, which holds those of one domain in order.
    OneDomain(String),
    /// Through an index of those that were searched for, or of those that have the state, and sorted
    /// then.
    Sorting,
}

/// Sorts behind every text that begins as `prefix` does.
fn behind_all(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

impl ListQuery {
    /// There is no index over all states; the active and the released have theirs.
    fn halves(&self) -> Vec<Self> {
        let half = |state| Self { state, ..self.clone() };
        match self.state {
            StateFilter::All => vec![half(StateFilter::Active), half(StateFilter::Released)],
            _ => vec![self.clone()],
        }
    }

    /// The beginning of the domain that is searched for.
    fn domain(&self) -> Option<&str> {
        self.search.as_ref()?.strip_prefix('@')
    }

    /// What an entry of the page must meet, in order.
    fn page(&self, way: &Way) -> Vec<Piece> {
        let order = match (way, self.sort) {
            // An expression, so that no index in this order is walked instead.
            (Way::Sorting, Sort::Address) => " ORDER BY address || '', id",
            (Way::Sorting, Sort::AddressBackwards) => " ORDER BY address || '' DESC, id DESC",
            (Way::Sorting, Sort::OldestFirst) => {
                " ORDER BY COALESCE(restricted_at, restricted_at), id"
            }
            (Way::Sorting, Sort::NewestFirst) => {
                " ORDER BY COALESCE(restricted_at, restricted_at) DESC, id DESC"
            }
            _ => self.sort.order(),
        };
        let limit = i64::try_from(self.limit + 1).unwrap_or(i64::MAX);
        let end = vec![order.into(), " LIMIT ".into(), Piece::Number(limit)];
        [self.conditions(way), self.behind(), end].concat()
    }

    /// What is counted; in the order of an index, or Postgres reads as much of the table instead.
    fn counted(&self) -> Vec<Piece> {
        let mut pieces = self.conditions(&Way::Sorting);
        if self.search.is_none() && self.state != StateFilter::Unblocking {
            pieces.push(" ORDER BY address".into());
        }
        pieces
    }

    /// What an entry must meet.
    fn conditions(&self, way: &Way) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec![self.state.condition().into()];
        if let Some(cause) = self.cause {
            pieces.extend([" AND cause = ".into(), Piece::Text(cause.name().into())]);
        }
        let between = |from: &'static str, to: &'static str, prefix: &str| {
            [from.into(), Piece::Text(prefix.into()), to.into(), Piece::Text(behind_all(prefix))]
        };
        match (&self.search, self.domain(), way) {
            (None, _, Way::Sorting) if self.state == StateFilter::Unblocking => {
                pieces.push(DUE.into());
            }
            // True of all, and leads SQLite to the addresses of the active or of the released.
            (None, _, Way::Sorting) => pieces.push(" AND address >= ''".into()),
            (None, ..) => {}
            (Some(address), None, _) => {
                pieces.extend(between(" AND address >= ", " AND address < ", address));
            }
            (_, Some(_), Way::OneDomain(domain)) => {
                pieces.extend([" AND domain = ".into(), Piece::Text(domain.clone())]);
            }
            (_, Some(domain), Way::Sorting) => {
                pieces.extend(between(" AND domain >= ", " AND domain < ", domain));
            }
            // An expression, so that the index of the domains is not taken instead.
            (_, Some(domain), Way::Walking) => {
                pieces.extend(between(" AND domain || '' >= ", " AND domain || '' < ", domain));
            }
        }
        pieces
    }

    /// The condition that goes on behind the last entry of the page before.
    fn behind(&self) -> Vec<Piece> {
        let Some(position) = &self.after else { return Vec::new() };
        let row = match self.sort {
            Sort::NewestFirst => " AND (restricted_at, id) < (",
            Sort::OldestFirst => " AND (restricted_at, id) > (",
            Sort::Address => " AND (address, id) > (",
            Sort::AddressBackwards => " AND (address, id) < (",
        };
        let key = match self.sort {
            Sort::NewestFirst | Sort::OldestFirst => Piece::Time(position.restricted_at),
            Sort::Address | Sort::AddressBackwards => Piece::Text(position.address.clone()),
        };
        vec![row.into(), key, ", ".into(), Piece::Id(position.id), ")".into()]
    }
}

impl Sort {
    /// The order as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NewestFirst => "-restricted_at",
            Self::OldestFirst => "restricted_at",
            Self::Address => "address",
            Self::AddressBackwards => "-address",
        }
    }

    fn is_by_time(self) -> bool {
        matches!(self, Self::NewestFirst | Self::OldestFirst)
    }

    fn order(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY restricted_at DESC, id DESC",
            Self::OldestFirst => " ORDER BY restricted_at, id",
            Self::Address => " ORDER BY address, id",
            Self::AddressBackwards => " ORDER BY address DESC, id DESC",
        }
    }

    fn compare(self, a: &Restriction, b: &Restriction) -> Ordering {
        let by_time = || (a.restricted_at, a.id).cmp(&(b.restricted_at, b.id));
        let by_address = || (a.address.as_str(), a.id).cmp(&(b.address.as_str(), b.id));
        match self {
            Self::NewestFirst => by_time().reverse(),
            Self::OldestFirst => by_time(),
            Self::Address => by_address(),
            Self::AddressBackwards => by_address().reverse(),
        }
    }
}

impl Position {
    fn of(restriction: &Restriction) -> Self {
        Self {
            restricted_at: restriction.restricted_at,
            address: restriction.address.to_string(),
            id: restriction.id,
        }
    }
}
