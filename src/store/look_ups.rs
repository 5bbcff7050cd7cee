//! Looking up active restrictions by address. Scripts ask for one after the other, many at a time:
//! what arrives while one statement runs is read with the next, all in one.

use super::row::{RestrictionRow, SQLITE_LIST};
use super::{Backend, Pool, Result, Store, StoreError};
use crate::model::address::Address;
use crate::model::restriction::Restriction;
use crate::store::columns;
use sqlx::types::Json;
use sqlx::{Database, Encode, QueryBuilder, Type};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot};

/// Addresses of one statement; of each number there is a prepared one.
const AT_ONCE: usize = 64;

/// Look-ups that wait to be read; past them, whoever asks waits to be let in.
const MOST_WAITING: usize = 1_024;

/// A look-up that waits for its statement.
#[derive(Debug)]
pub(super) struct LookUp {
    address: String,
    found: oneshot::Sender<Result<Option<Restriction>>>,
}

/// What looks up, and who waits for it.
#[derive(Debug, Clone)]
pub(super) struct LookUps {
    pub(super) pool: Pool,
    waiting: mpsc::Sender<LookUp>,
}

impl LookUps {
    /// Reads look-ups from `pool` until nobody can ask any more.
    pub(super) fn over(pool: Pool) -> Self {
        let (waiting, receiver) = mpsc::channel(MOST_WAITING);
        tokio::spawn(read_all(pool.clone(), receiver));
        Self { pool, waiting }
    }
}

async fn read_all(pool: Pool, mut look_ups: mpsc::Receiver<LookUp>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while let Some(first) = look_ups.recv().await {
        waiting.push(first);
        // Whoever is about to ask is read with the first: a statement for each would take longer.
        tokio::task::yield_now().await;
        let others = std::iter::from_fn(|| look_ups.try_recv().ok());
        waiting.extend(others.take(AT_ONCE - 1));
        read(&pool, &mut waiting).await;
    }
}

async fn read(pool: &Pool, waiting: &mut Vec<LookUp>) {
    let found = active(pool, waiting).await;
    for LookUp { address, found: asked } in waiting.drain(..) {
        // Whoever asked may have gone.
        let _ = asked.send(match &found {
            Ok(found) => Ok(found.get(&address).cloned()),
            Err(error) => Err(error.clone()),
        });
    }
}

async fn active(pool: &Pool, waiting: &[LookUp]) -> Result<HashMap<String, Restriction>> {
    let rows: Vec<RestrictionRow> = match pool {
        Backend::Sqlite(pool) => {
            let Json(rows) =
                query(SQLITE_LIST, waiting).build_query_scalar().fetch_one(pool).await?;
            rows
        }
        Backend::Postgres(pool) => {
            query(columns!(restrictions), waiting).build_query_as().fetch_all(pool).await?
        }
    };
    let restrictions = rows.into_iter().map(Restriction::from);
    Ok(restrictions.map(|found| (found.address.to_string(), found)).collect())
}

fn query<DB: Database>(columns: &str, waiting: &[LookUp]) -> QueryBuilder<DB>
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new("SELECT ");
    query.push(columns);
    query.push(" FROM restrictions WHERE released_at IS NULL AND address IN (");
    let mut addresses = query.separated(", ");
    for look_up in waiting {
        addresses.push_bind(look_up.address.as_str());
    }
    query.push(")");
    query
}

impl Store {
    /// The active restriction of `address`.
    pub async fn active_restriction(&self, address: &Address) -> Result<Option<Restriction>> {
        let (found, answer) = oneshot::channel();
        let look_up = LookUp { address: address.to_string(), found };
        let closed = || StoreError::from(sqlx::Error::PoolClosed);
        self.look_ups.waiting.send(look_up).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}
