//! The list of restricted users: filters, order, keyset pages, totals.

use super::row::RestrictionRow;
use super::statement::{Piece, behind_all, build, union};
use super::{Result, Store, comparable, on};
use crate::model::reason::Cause;
use crate::model::restriction::Restriction;
use crate::store::columns;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Totals are exact up to here and unknown beyond, so that no page counts a million rows.
pub const TOTAL_CAP: i64 = 10_000;

/// Which restrictions, in which order, and where to go on.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The beginning of the address, or with a leading `@` of its domain, in lower case.
    pub search: Option<String>,
    pub state: StateFilter,
    pub cause: Option<Cause>,
    pub sort: Sort,
    pub limit: usize,
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
    #[serde(deserialize_with = "comparable::time")]
    pub restricted_at: DateTime<Utc>,
    #[serde(deserialize_with = "comparable::text")]
    pub address: String,
    pub id: Uuid,
}

/// A page of the list.
#[derive(Debug)]
pub struct Page {
    pub items: Vec<Restriction>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<Position>,
    /// How many entries all pages hold; unknown beyond [`TOTAL_CAP`].
    pub total: Option<i64>,
}

/// Numbers for the head of the page; each is at most [`TOTAL_CAP`] + 1.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub unblocking: i64,
    /// Restrictions that ended since the time asked for.
    pub released: i64,
    pub last_released_at: Option<DateTime<Utc>>,
}

impl Store {
    /// A page of restrictions.
    pub async fn list(&self, query: &ListQuery) -> Result<Page> {
        let total = self.total(query).await?;
        let mut items = self.items(query, total).await?;
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items.last().filter(|_| more).map(Position::of);
        Ok(Page { items, next, total: (total <= TOTAL_CAP).then_some(total) })
    }

    /// How many there are, counted up to [`TOTAL_CAP`] + 1.
    async fn total(&self, query: &ListQuery) -> Result<i64> {
        match query.state {
            StateFilter::Unblocking => self.unblocking(query).await,
            // No index tells them from those who are unblocking, but both kinds can be counted.
            StateFilter::Restricted => {
                let unblocking = self.unblocking(query).await?;
                let active = ListQuery { state: StateFilter::Active, ..query.clone() };
                let active =
                    self.count(&active.stretches_to_count(), TOTAL_CAP + 1 + unblocking).await?;
                Ok((active - unblocking).max(0))
            }
            _ => self.count(&query.stretches_to_count(), TOTAL_CAP + 1).await,
        }
    }

    async fn unblocking(&self, query: &ListQuery) -> Result<i64> {
        let mut pieces = vec!["SELECT COUNT(*) FROM restrictions WHERE ".into()];
        pieces.extend(query.unblocking());
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// How many entries all stretches hold, at most `cap`.
    async fn count(&self, stretches: &[Stretch<'_>], cap: i64) -> Result<i64> {
        let mut pieces: Vec<Piece> = vec!["SELECT COUNT(*) FROM (".into()];
        match stretches {
            [stretch] => pieces.extend(stretch.counted(cap)),
            stretches => {
                let arms = stretches.iter().map(|stretch| stretch.counted(cap));
                pieces.extend(union("SELECT 1", arms));
                pieces.extend([" LIMIT ".into(), Piece::Number(cap)]);
            }
        }
        pieces.push(") AS found".into());
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// One more than asked for, which tells whether there is a next page.
    async fn items(&self, query: &ListQuery, total: i64) -> Result<Vec<Restriction>> {
        const ROWS: &str = concat!("SELECT ", columns!(restrictions));
        let mut arms = self.arms(query, total).await?;
        let mut pieces: Vec<Piece> = vec![ROWS.into()];
        match arms.as_mut_slice() {
            [] => return Ok(Vec::new()),
            [Arm { first, in_order: true }] => pieces.append(first),
            arms => {
                // Rows are fetched for the page alone, not for all that it is chosen from.
                pieces.push(" FROM restrictions WHERE id IN (SELECT id FROM (".into());
                let select = query.sort.selected();
                let arms = arms.iter_mut().map(|Arm { first, .. }| {
                    first.insert(0, select.into());
                    std::mem::take(first)
                });
                pieces.extend(union(select, arms));
                pieces.extend([query.sort.order().into(), " LIMIT ".into(), query.one_more()]);
                pieces.extend([") AS page)".into(), query.sort.order().into()]);
            }
        }
        let rows: Vec<RestrictionRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// What a page is chosen from: each arm answers the first entries of one stretch.
    async fn arms(&self, query: &ListQuery, total: i64) -> Result<Vec<Arm>> {
        if query.state == StateFilter::Unblocking && total <= TOTAL_CAP {
            return Ok(vec![Arm { first: query.few_unblocking(), in_order: false }]);
        }
        let mut arms = Vec::new();
        let stretches = query.stretches();
        let domains = self.domains(&stretches).await?;
        for (stretch, domains) in stretches.iter().zip(domains) {
            let way = match domains {
                Domains::NotAsked => Way::InOrder,
                Domains::None => continue,
                Domains::One(domain) => Way::OneDomain(domain),
                Domains::Several if total <= TOTAL_CAP => Way::Sorting,
                Domains::Several => self.way_among_many(stretch).await?,
            };
            let in_order = !matches!(way, Way::Sorting);
            arms.push(Arm { first: stretch.first(&way), in_order });
        }
        Ok(arms)
    }

    /// To sort all that have one of many domains would take longer than to pass over those that have
    /// none, unless they are few.
    async fn way_among_many(&self, stretch: &Stretch<'_>) -> Result<Way> {
        let found = self.count(std::slice::from_ref(stretch), TOTAL_CAP + 1).await?;
        Ok(if found > TOTAL_CAP { Way::PassingOver } else { Way::Sorting })
    }

    /// Which domains of each stretch begin as is searched for.
    async fn domains(&self, stretches: &[Stretch<'_>]) -> Result<Vec<Domains>> {
        if !stretches.iter().any(Stretch::is_by_domain) {
            return Ok(stretches.iter().map(|_| Domains::NotAsked).collect());
        }
        let mut pieces = Vec::new();
        for (number, stretch) in (0..).zip(stretches) {
            pieces.push(if number == 0 { "SELECT ".into() } else { " UNION ALL SELECT ".into() });
            pieces.extend([Piece::Number(number), " AS number, (SELECT MIN(domain)".into()]);
            pieces.extend(stretch.found(&Way::InOrder));
            pieces.push("), (SELECT MAX(domain)".into());
            pieces.extend(stretch.found(&Way::InOrder));
            pieces.push(")".into());
        }
        pieces.push(" ORDER BY number".into());
        let ends: Vec<(i64, Option<String>, Option<String>)> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(ends.into_iter().map(|(_, first, last)| Domains::between(first, last)).collect())
    }

    async fn capped(&self, conditions: Vec<Piece>) -> Result<i64> {
        let mut pieces: Vec<Piece> =
            vec!["SELECT COUNT(*) FROM (SELECT 1 FROM restrictions WHERE ".into()];
        pieces.extend(conditions);
        pieces.extend([" LIMIT ".into(), Piece::Number(TOTAL_CAP + 1), ") AS found".into()]);
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// Numbers for the head of the page; `since` is for those that ended.
    pub async fn counts(&self, since: DateTime<Utc>) -> Result<Counts> {
        Ok(Counts {
            unblocking: self.capped(vec![UNBLOCKING.into()]).await?,
            released: self.capped(vec!["released_at > ".into(), Piece::Time(since)]).await?,
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

/// Who is unblocking. The last condition is true of all of them, and leads SQLite to the index of what
/// is due.
const UNBLOCKING: &str = "released_at IS NULL AND takes_effect_at IS NOT NULL
  AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
  AND COALESCE(takes_effect_at, ends_at) > '0001-01-01T00:00:00Z'";

impl StateFilter {
    /// The filter in one word, as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Unblocking => "unblocking",
            Self::Released => "released",
            Self::Active => "active",
            Self::All => "all",
        }
    }

    /// The conditions of its halves: the active and the released have indexes of their own.
    fn halves(self) -> &'static [&'static str] {
        match self {
            Self::Restricted => &["released_at IS NULL AND takes_effect_at IS NULL"],
            Self::Unblocking => &["released_at IS NULL AND takes_effect_at IS NOT NULL"],
            Self::Released => &["released_at IS NOT NULL"],
            Self::Active => &["released_at IS NULL"],
            Self::All => &["released_at IS NULL", "released_at IS NOT NULL"],
        }
    }
}

/// Restrictions of one half that stand together in an index: those of one cause, or in the order of
/// addresses those of all causes.
struct Stretch<'a> {
    query: &'a ListQuery,
    half: &'static str,
    cause: Option<Cause>,
}

/// The first entries of a stretch, from the word `FROM` on.
struct Arm {
    first: Vec<Piece>,
    /// Whether an index holds them in the order asked for, so that no row is read but theirs.
    in_order: bool,
}

/// How the first entries of a stretch are found.
enum Way {
    /// In an index that is in the order asked for.
    InOrder,
    /// In the index of domains, which holds those of one domain in order.
    OneDomain(String),
    /// In the order of addresses, passing over those that have another domain.
    PassingOver,
    /// In the index of domains, and sorted then.
    Sorting,
}

/// Domains that begin as is searched for.
enum Domains {
    NotAsked,
    None,
    One(String),
    Several,
}

impl Domains {
    fn between(first: Option<String>, last: Option<String>) -> Self {
        match (first, last) {
            (Some(first), last) if last.as_ref() == Some(&first) => Self::One(first),
            (None, None) => Self::None,
            _ => Self::Several,
        }
    }
}

/// What begins as `prefix` does.
fn beginning(column: [&'static str; 2], prefix: &str) -> [Piece; 4] {
    let (first, end) = (Piece::Text(prefix.into()), Piece::Text(behind_all(prefix)));
    [column[0].into(), first, column[1].into(), end]
}

impl ListQuery {
    /// What a page is chosen from.
    fn stretches(&self) -> Vec<Stretch<'_>> {
        self.stretches_in(matches!(self.sort, Sort::Address | Sort::AddressBackwards))
    }

    /// What is counted, which any order does for.
    fn stretches_to_count(&self) -> Vec<Stretch<'_>> {
        self.stretches_in(true)
    }

    fn stretches_in(&self, order_of_addresses: bool) -> Vec<Stretch<'_>> {
        let causes = match self.cause {
            None if order_of_addresses && self.domain().is_none() => vec![None],
            None => Cause::ALL.map(Some).to_vec(),
            cause => vec![cause],
        };
        let halves = self.state.halves().iter();
        let of_half = |half: &&'static str| {
            let half = *half;
            causes.iter().map(move |cause| Stretch { query: self, half, cause: *cause })
        };
        halves.flat_map(of_half).collect()
    }

    /// The beginning of the domain that is searched for.
    fn domain(&self) -> Option<&str> {
        self.search.as_ref()?.strip_prefix('@')
    }

    /// One entry more than a page has.
    fn one_more(&self) -> Piece {
        Piece::Number(i64::try_from(self.limit + 1).unwrap_or(i64::MAX))
    }

    /// Those of the unblocking that are asked for, found by way of all of them: they are few, because
    /// none is for longer than half an hour.
    fn unblocking(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec![UNBLOCKING.into()];
        if let Some(cause) = self.cause {
            // An expression, so that no other index is taken instead.
            pieces.extend([" AND cause || '' = ".into(), Piece::Text(cause.name().into())]);
        }
        match (&self.search, self.domain()) {
            (_, Some(domain)) => {
                pieces.extend(beginning([" AND domain || '' >= ", " AND domain || '' < "], domain));
            }
            (Some(address), _) => {
                let column = [" AND address || '' >= ", " AND address || '' < "];
                pieces.extend(beginning(column, address));
            }
            _ => {}
        }
        pieces
    }

    /// The first of the unblocking, sorted.
    fn few_unblocking(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec![" FROM restrictions WHERE ".into()];
        pieces.extend(self.unblocking());
        pieces.extend(self.behind(self.sort.sorted_key()));
        pieces.extend([self.sort.sorted().into(), " LIMIT ".into(), self.one_more()]);
        pieces
    }

    /// The condition that goes on behind the last entry of the page before.
    fn behind(&self, key: &'static str) -> Vec<Piece> {
        let Some(position) = &self.after else { return Vec::new() };
        let (compared, last) = match self.sort {
            Sort::NewestFirst => (", id) < (", Piece::Time(position.restricted_at)),
            Sort::OldestFirst => (", id) > (", Piece::Time(position.restricted_at)),
            Sort::Address => (", id) > (", Piece::Text(position.address.clone())),
            Sort::AddressBackwards => (", id) < (", Piece::Text(position.address.clone())),
        };
        let id = Piece::Id(position.id);
        vec![" AND (".into(), key.into(), compared.into(), last, ", ".into(), id, ")".into()]
    }
}

impl Stretch<'_> {
    fn is_by_domain(&self) -> bool {
        self.query.domain().is_some()
    }

    /// What is asked for of its entries.
    fn found(&self, way: &Way) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec![" FROM restrictions WHERE ".into(), self.half.into()];
        if let Some(cause) = self.cause {
            pieces.extend([" AND cause = ".into(), Piece::Text(cause.name().into())]);
        }
        pieces.extend(self.searched(way));
        pieces
    }

    /// Its first entries on the page.
    fn first(&self, way: &Way) -> Vec<Piece> {
        let (query, sort) = (self.query, self.query.sort);
        let mut pieces = self.found(way);
        let (key, order) = match way {
            Way::Sorting => (sort.sorted_key(), sort.sorted()),
            _ => (sort.key(), sort.order()),
        };
        pieces.extend(query.behind(key));
        pieces.extend([order.into(), " LIMIT ".into(), query.one_more()]);
        pieces
    }

    /// What is searched for, written so that each way finds its index.
    fn searched(&self, way: &Way) -> Vec<Piece> {
        let domain = [" AND domain >= ", " AND domain < "];
        match (&self.query.search, self.query.domain(), way) {
            (None, ..) => Vec::new(),
            (_, _, Way::OneDomain(domain)) => {
                vec![" AND domain = ".into(), Piece::Text(domain.clone())]
            }
            // An expression, so that the index of the domains is not taken instead.
            (_, Some(prefix), Way::PassingOver) => {
                beginning([" AND domain || '' >= ", " AND domain || '' < "], prefix).into()
            }
            (_, Some(prefix), _) => beginning(domain, prefix).into(),
            (Some(prefix), None, _) => {
                beginning([" AND address >= ", " AND address < "], prefix).into()
            }
        }
    }

    /// Its entries to count. In the order of an index, or Postgres reads as much of the table instead.
    fn counted(&self, cap: i64) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec!["SELECT 1".into()];
        pieces.extend(self.found(&Way::InOrder));
        let order =
            if self.is_by_domain() { " ORDER BY domain, address" } else { " ORDER BY address" };
        pieces.extend([order.into(), " LIMIT ".into(), Piece::Number(cap)]);
        pieces
    }
}

impl Sort {
    /// The order as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewestFirst => "-restricted_at",
            Self::OldestFirst => "restricted_at",
            Self::Address => "address",
            Self::AddressBackwards => "-address",
        }
    }

    /// What an arm answers of each entry: enough to merge it with the others.
    fn selected(self) -> &'static str {
        match self {
            Self::NewestFirst | Self::OldestFirst => "SELECT id, restricted_at",
            Self::Address | Self::AddressBackwards => "SELECT id, address",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::NewestFirst | Self::OldestFirst => "restricted_at",
            Self::Address | Self::AddressBackwards => "address",
        }
    }

    fn order(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY restricted_at DESC, id DESC",
            Self::OldestFirst => " ORDER BY restricted_at, id",
            Self::Address => " ORDER BY address, id",
            Self::AddressBackwards => " ORDER BY address DESC, id DESC",
        }
    }

    /// The same as [`Self::key`], as an expression that no index is in the order of.
    fn sorted_key(self) -> &'static str {
        match self {
            Self::NewestFirst | Self::OldestFirst => "COALESCE(restricted_at, restricted_at)",
            Self::Address | Self::AddressBackwards => "address || ''",
        }
    }

    /// The same as [`Self::order`], by that expression.
    fn sorted(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY COALESCE(restricted_at, restricted_at) DESC, id DESC",
            Self::OldestFirst => " ORDER BY COALESCE(restricted_at, restricted_at), id",
            Self::Address => " ORDER BY address || '', id",
            Self::AddressBackwards => " ORDER BY address || '' DESC, id DESC",
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
