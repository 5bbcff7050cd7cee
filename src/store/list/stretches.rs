//! What a page of the list is chosen from: stretches of indexes, and the SQL that reads them.

use super::{ListQuery, Sort, StateFilter};
use crate::model::reason::Cause;
use crate::store::columns;
use crate::store::statement::{Piece, behind_all, union};

/// Who is unblocking. The last condition is true of all of them, and leads SQLite to the index of what
/// is due.
pub(super) const UNBLOCKING: &str = "released_at IS NULL AND takes_effect_at IS NOT NULL
  AND COALESCE(takes_effect_at, ends_at) IS NOT NULL
  AND COALESCE(takes_effect_at, ends_at) > '0001-01-01T00:00:00Z'";

impl StateFilter {
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
pub(super) struct Stretch<'a> {
    query: &'a ListQuery,
    half: &'static str,
    cause: Option<Cause>,
}

/// The first entries of a stretch, from the word `FROM` on.
pub(super) struct Arm {
    first: Vec<Piece>,
    /// Whether an index leads to them and to no others, so that their rows can be read on the way.
    finds_them_alone: bool,
}

/// How the first entries of a stretch are found.
pub(super) enum Way {
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
pub(super) enum Domains {
    NotAsked,
    None,
    One(String),
    Several,
}

impl Domains {
    pub(super) fn between(first: Option<String>, last: Option<String>) -> Self {
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
    pub(super) fn stretches(&self) -> Vec<Stretch<'_>> {
        self.stretches_in(matches!(self.sort, Sort::Address | Sort::AddressBackwards))
    }

    /// What is counted, which any order does for.
    pub(super) fn stretches_to_count(&self) -> Vec<Stretch<'_>> {
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

    /// The rows of a page that is chosen from `arms`.
    pub(super) fn page(&self, arms: Vec<Arm>) -> Vec<Piece> {
        const ROWS: &str = concat!("SELECT ", columns!(restrictions));
        let select = self.sort.selected();
        if let [Arm { first, finds_them_alone: true }] = &arms[..] {
            return [&[ROWS.into()], &first[..]].concat();
        }
        // Rows are fetched for the page alone, not for all that it is chosen from.
        let mut pieces: Vec<Piece> =
            vec![ROWS.into(), " FROM restrictions WHERE id IN (SELECT id FROM (".into()];
        pieces.extend(union(
            select,
            arms.into_iter().map(|arm| [vec![select.into()], arm.first].concat()),
        ));
        pieces.extend([self.sort.order().into(), " LIMIT ".into(), self.one_more()]);
        pieces.extend([") AS page)".into(), self.sort.order().into()]);
        pieces
    }

    /// Those of the unblocking that are asked for, found by way of all of them: they are few, because
    /// none is for longer than half an hour.
    pub(super) fn unblocking(&self) -> Vec<Piece> {
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
    pub(super) fn few_unblocking(&self) -> Arm {
        let mut first: Vec<Piece> = vec![" FROM restrictions WHERE ".into()];
        first.extend(self.unblocking());
        first.extend(self.behind(self.sort.sorted_key()));
        first.extend([self.sort.sorted().into(), " LIMIT ".into(), self.one_more()]);
        Arm { first, finds_them_alone: false }
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
    pub(super) fn is_by_domain(&self) -> bool {
        self.query.domain().is_some()
    }

    /// What is asked for of its entries.
    pub(super) fn found(&self, way: &Way) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec![" FROM restrictions WHERE ".into(), self.half.into()];
        if let Some(cause) = self.cause {
            pieces.extend([" AND cause = ".into(), Piece::Text(cause.name().into())]);
        }
        pieces.extend(self.searched(way));
        pieces
    }

    /// Its first entries on the page.
    pub(super) fn arm(&self, way: &Way) -> Arm {
        let (query, sort) = (self.query, self.query.sort);
        let (key, order) = match way {
            Way::Sorting => (sort.sorted_key(), sort.sorted()),
            _ => (sort.key(), sort.order()),
        };
        let mut first = self.found(way);
        first.extend(query.behind(key));
        first.extend([order.into(), " LIMIT ".into(), query.one_more()]);
        Arm { first, finds_them_alone: matches!(way, Way::InOrder | Way::OneDomain(_)) }
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
    pub(super) fn counted(&self, cap: i64) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec!["SELECT 1".into()];
        pieces.extend(self.found(&Way::InOrder));
        let order =
            if self.is_by_domain() { " ORDER BY domain, address" } else { " ORDER BY address" };
        pieces.extend([order.into(), " LIMIT ".into(), Piece::Number(cap)]);
        pieces
    }
}

impl Sort {
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
