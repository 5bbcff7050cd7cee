//! Connections of a pool whose statements have a time limit. The network and a disk may keep silent
//! for ever: a statement that does fails, and its connection is closed and never used again.

use async_stream::try_stream;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::{Database, Describe, Either, Error, Execute, Executor, Pool, Postgres, SqlStr, Sqlite};
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::time::timeout;

/// Connections to one database, and how long each statement on them may keep silent.
#[derive(Debug)]
pub(crate) struct Connections<DB: Database> {
    pool: Pool<DB>,
    limit: Duration,
}

impl<DB: Database> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), limit: self.limit }
    }
}

impl<DB: Database> Connections<DB> {
    pub(super) fn of(pool: Pool<DB>, limit: Duration) -> Self {
        Self { pool, limit }
    }

    /// The pool itself, without any limit.
    pub(super) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    async fn lease(&self) -> Result<Leased<DB>, Error> {
        let connection = Some(self.pool.acquire().await?);
        Ok(Leased { connection, limit: self.limit, under_way: false })
    }
}

/// A connection on lease. It goes back to its pool when what it did last has ended; else it is
/// closed, because the end may never come.
#[derive(Debug)]
pub(crate) struct Leased<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    limit: Duration,
    under_way: bool,
}

impl<DB: Database> Leased<DB> {
    fn raw(&mut self) -> &mut DB::Connection {
        self.connection.as_mut().expect("it is taken away when dropped")
    }

    /// Whether the connection is still good for anything depends on what went wrong.
    fn ended_with(&mut self, error: &Error) {
        self.under_way = match error {
            Error::Database(error) => error.code().is_some_and(|code| is_of_the_session(&code)),
            Error::RowNotFound | Error::ColumnDecode { .. } | Error::Decode(_) => false,
            _ => true,
        };
    }
}

/// Whether another session may do what failed. Postgres: "cached plan must not change result type",
/// "prepared statement does not exist", and "cannot execute in a read-only transaction", which a
/// session stays that began while the database was read-only.
fn is_of_the_session(code: &str) -> bool {
    ["0A000", "26000", "25006"].contains(&code)
}

impl<DB: Database> Drop for Leased<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.as_mut().filter(|_| self.under_way) {
            connection.close_on_drop();
        }
    }
}

fn silent(limit: Duration) -> Error {
    let text = format!("the database kept silent for {} s", limit.as_secs_f32());
    Error::Io(io::Error::new(ErrorKind::TimedOut, text))
}

/// A transaction that is rolled back unless it is committed. A connection that cannot roll back is
/// closed: SQLite has done so by itself when the disk is full or fails.
#[derive(Debug)]
pub(crate) struct Transaction<DB: Database>
where
    for<'c> &'c mut Leased<DB>: Executor<'c, Database = DB>,
{
    leased: Option<Leased<DB>>,
}

impl<DB: Database> Transaction<DB>
where
    for<'c> &'c mut Leased<DB>: Executor<'c, Database = DB>,
{
    /// Begins one with `statement`.
    pub(super) async fn begin(
        connections: &Connections<DB>,
        statement: &'static str,
    ) -> Result<Self, Error> {
        let mut leased = connections.lease().await?;
        leased.execute(statement).await?;
        Ok(Self { leased: Some(leased) })
    }

    /// Ends when everybody sees what was written.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        self.execute("COMMIT").await?;
        self.leased = None;
        Ok(())
    }
}

impl<DB: Database> Drop for Transaction<DB>
where
    for<'c> &'c mut Leased<DB>: Executor<'c, Database = DB>,
{
    fn drop(&mut self) {
        let Some(mut leased) = self.leased.take().filter(|leased| !leased.under_way) else {
            return;
        };
        tokio::spawn(async move {
            let rolled_back = leased.execute("ROLLBACK").await;
            leased.under_way |= rolled_back.is_err();
            drop(leased);
        });
    }
}

impl<DB: Database> Deref for Transaction<DB>
where
    for<'c> &'c mut Leased<DB>: Executor<'c, Database = DB>,
{
    type Target = Leased<DB>;

    fn deref(&self) -> &Leased<DB> {
        self.leased.as_ref().expect("it is taken away when dropped")
    }
}

impl<DB: Database> DerefMut for Transaction<DB>
where
    for<'c> &'c mut Leased<DB>: Executor<'c, Database = DB>,
{
    fn deref_mut(&mut self) -> &mut Leased<DB> {
        self.leased.as_mut().expect("it is taken away when dropped")
    }
}

type Answer<DB> = Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>;
type Row<DB> = Result<Option<<DB as Database>::Row>, Error>;

/// For each database by itself: the compiler cannot show for all of them that their connections run
/// statements.
macro_rules! run_statements {
    ($database:ty) => {
        impl<'c> Executor<'c> for &'c mut Leased<$database> {
            type Database = $database;

            fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Answer<$database>>
            where
                'c: 'e,
                E: 'q + Execute<'q, $database>,
            {
                Box::pin(try_stream! {
                    self.under_way = true;
                    let limit = self.limit;
                    let mut answers = self.raw().fetch_many(query);
                    let failed = loop {
                        match timeout(limit, answers.next()).await {
                            Ok(Some(Ok(answer))) => yield answer,
                            Ok(Some(Err(error))) => break Some(error),
                            Ok(None) => break None,
                            Err(_) => break Some(silent(limit)),
                        }
                    };
                    drop(answers);
                    self.under_way = false;
                    if let Some(error) = failed {
                        self.ended_with(&error);
                        Err(error)?;
                    }
                })
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Row<$database>>
            where
                'c: 'e,
                E: 'q + Execute<'q, $database>,
            {
                Box::pin(async move {
                    self.under_way = true;
                    let limit = self.limit;
                    let row = timeout(limit, self.raw().fetch_optional(query)).await;
                    let row = row.unwrap_or_else(|_| Err(silent(limit)));
                    self.under_way = false;
                    row.inspect_err(|error| self.ended_with(error))
                })
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [<$database as Database>::TypeInfo],
            ) -> BoxFuture<'e, Result<<$database as Database>::Statement, Error>>
            where
                'c: 'e,
            {
                self.raw().prepare_with(sql, parameters)
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<$database>, Error>>
            where
                'c: 'e,
            {
                self.raw().describe(sql)
            }
        }

        impl<'p> Executor<'p> for &'p Connections<$database> {
            type Database = $database;

            fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Answer<$database>>
            where
                'p: 'e,
                E: 'q + Execute<'q, $database>,
            {
                Box::pin(try_stream! {
                    let mut leased = self.lease().await?;
                    let mut answers = leased.fetch_many(query);
                    while let Some(answer) = answers.next().await {
                        yield answer?;
                    }
                })
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Row<$database>>
            where
                'p: 'e,
                E: 'q + Execute<'q, $database>,
            {
                Box::pin(async move { self.lease().await?.fetch_optional(query).await })
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [<$database as Database>::TypeInfo],
            ) -> BoxFuture<'e, Result<<$database as Database>::Statement, Error>>
            where
                'p: 'e,
            {
                Box::pin(async move { self.lease().await?.prepare_with(sql, parameters).await })
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<$database>, Error>>
            where
                'p: 'e,
            {
                Box::pin(async move { self.lease().await?.describe(sql).await })
            }
        }
    };
}

run_statements!(Postgres);
run_statements!(Sqlite);
