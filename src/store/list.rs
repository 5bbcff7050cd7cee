//! The list of restricted users: filters, order, keyset pages, totals.

use super::row::RestrictionRow;
use super::statement::{Piece, build};
use super::{Result, Store, on};
use crate::reason::Cause;
use crate::restriction::Restriction;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use uuid::Uuid;

/// Totals are exact up to here and unknown beyond, so that no page counts a million rows.
pub const TOTAL_CAP: i64 = 10_000;

/// Sorts behind every text that begins as `prefix` does.
const BEHIND_ALL: char = char::MAX;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        let total = self.count(conditions(query)).await?;
        let mut items = self.items(query, total > TOTAL_CAP).await?;
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items.last().filter(|_| more).map(Position::of);
        Ok(Page { items, next, total: (total <= TOTAL_CAP).then_some(total) })
    }

    /// One more than asked for, which tells whether there is a next page.
    async fn items(&self, query: &ListQuery, many: bool) -> Result<Vec<Restriction>> {
        if query.state == StateFilter::All && query.sort.by_time() {
            // There is no index over all by time; the two halves have one each.
            let half = |state| ListQuery { state, ..query.clone() };
            let mut items = self.fetch(&half(StateFilter::Active), many).await?;
            items.extend(self.fetch(&half(StateFilter::Released), many).await?);
            items.sort_by(|a, b| query.sort.compare(a, b));
            items.truncate(query.limit + 1);
            return Ok(items);
        }
        self.fetch(query, many).await
    }

    async fn fetch(&self, query: &ListQuery, many: bool) -> Result<Vec<Restriction>> {
        let mut pieces: Vec<Piece> = vec!["SELECT * FROM restrictions WHERE ".into()];
        pieces.extend(conditions_for(query, many));
        pieces.extend(behind(query));
        pieces.push(query.order(many).into());
        pieces.push(" LIMIT ".into());
        pieces.push(Piece::Number(i64::try_from(query.limit + 1).unwrap_or(i64::MAX)));
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
            unblocking: self.count(vec![UNBLOCKING.into()]).await?,
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

fn conditions(query: &ListQuery) -> Vec<Piece> {
    conditions_for(query, false)
}

/// What an entry must meet. A domain is found through its own index where few entries have it;
/// where many do, the entries are walked in the order asked for and the index is kept out of it by
/// an expression, because to sort all of them would take longer than to skip the others.
fn conditions_for(query: &ListQuery, many: bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = vec![query.state.condition().into()];
    if let Some(cause) = query.cause {
        pieces.extend([" AND cause = ".into(), Piece::Text(cause.name().into())]);
    }
    if let Some(search) = &query.search {
        let (from, to, prefix) = match search.strip_prefix('@') {
            Some(domain) if many => (" AND domain || '' >= ", " AND domain || '' < ", domain),
            Some(domain) => (" AND domain >= ", " AND domain < ", domain),
            None => (" AND address >= ", " AND address < ", search.as_str()),
        };
        pieces.extend([from.into(), Piece::Text(prefix.into())]);
        pieces.extend([to.into(), Piece::Text(format!("{prefix}{BEHIND_ALL}"))]);
    }
    pieces
}

/// The condition that goes on behind the last entry of the page before.
fn behind(query: &ListQuery) -> Vec<Piece> {
    let Some(position) = &query.after else { return Vec::new() };
    let row = match query.sort {
        Sort::NewestFirst => " AND (restricted_at, id) < (",
        Sort::OldestFirst => " AND (restricted_at, id) > (",
        Sort::Address => " AND (address, id) > (",
        Sort::AddressBackwards => " AND (address, id) < (",
    };
    let key = if query.sort.by_time() {
        Piece::Time(position.restricted_at)
    } else {
        Piece::Text(position.address.clone())
    };
    vec![row.into(), key, ", ".into(), Piece::Id(position.id), ")".into()]
}

impl ListQuery {
    fn order(&self, many: bool) -> &'static str {
        let few_of_a_domain =
            !many && self.search.as_ref().is_some_and(|search| search.starts_with('@'));
        match self.sort {
            Sort::NewestFirst => " ORDER BY restricted_at DESC, id DESC",
            Sort::OldestFirst => " ORDER BY restricted_at, id",
            Sort::Address if few_of_a_domain => " ORDER BY address || '', id",
            Sort::Address => " ORDER BY address, id",
            Sort::AddressBackwards if few_of_a_domain => " ORDER BY address || '' DESC, id DESC",
            Sort::AddressBackwards => " ORDER BY address DESC, id DESC",
        }
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

    fn by_time(self) -> bool {
        matches!(self, Self::NewestFirst | Self::OldestFirst)
    }

    fn compare(self, a: &Restriction, b: &Restriction) -> Ordering {
        let older = (a.restricted_at, a.id).cmp(&(b.restricted_at, b.id));
        if self == Self::NewestFirst { older.reverse() } else { older }
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
