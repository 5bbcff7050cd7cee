//! The only SQL. One text serves both databases; see `Backend`.

mod alerts;
mod attempts;
mod audit;
mod audit_seal;
mod changes;
mod counting;
mod events;
mod evidence;
mod half_sign_ins;
mod idempotent_requests;
mod import;
mod list;
mod look_ups;
mod migrate;
mod milestones;
mod oidc_names;
mod oidc_sign_ins;
mod oidc_subjects;
mod one_time_codes;
mod one_time_links;
mod operators;
mod outbound_spam_policies;
mod outbound_spam_policy_changes;
mod own_sessions;
mod passkey_challenges;
mod passkeys;
mod policy_results;
mod presence;
mod recovery_codes;
mod refusals;
mod releases;
mod restricted_days;
mod restrictions;
mod retention;
mod role_groups;
mod row;
mod second_factors;
mod sessions;
mod sqlite_writer;
mod statement;
mod token_requests;
mod token_uses;
mod tokens;
mod trace;
mod unblocks;
mod write_ahead_log;

pub use alerts::{AlertPage, AlertQuery, Audience, Channel, Claimed, Delivery, Queue};
pub use audit::{AuditPosition, AuditQuery, AuditRecord, ChainEnd};
pub use counting::{Counted, CountingTransaction, KnownPolicies, Standing, Sum};
pub use events::Happened;
pub use evidence::{ClientAddress, ClientAddresses, MESSAGES_LOOKED_AT};
pub use half_sign_ins::{HalfSignIn, SECOND_FACTOR_ATTEMPTS};
pub use idempotent_requests::{Begun, KeptAnswer};
pub use import::{ImportRow, ImportTally};
pub use list::{Counts, ListQuery, Page, Position, Sort, StateFilter, TOTAL_CAP};
pub use milestones::MAIL_SERVER_ASKED;
pub use oidc_subjects::Vouched;
pub use one_time_links::LinkFor;
pub use operators::{OperatorRecord, SignInRecord};
pub use own_sessions::{OwnSession, WhichSessions};
pub use passkeys::PasskeyRecord;
pub use policy_results::{CrossedLine, CrossedTally};
pub use retention::Evidence;
pub use role_groups::OperatorChange;
pub use second_factors::{Added, Factor, NewFactor, SecondFactors};
pub use sessions::{NewSession, SessionRecord};
pub use token_uses::KnownToken;
pub use tokens::TokenRecord;
pub use trace::{MessagePage, MessagePosition, MessageQuery};
pub use unblocks::{Asker, Unblocked};

use crate::config::DatabaseUrl;
use crate::organization::Organization;
use look_ups::LookUps;
use presence::Presence;
use sqlite_writer::{SqliteTransaction, SqliteWriter};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Transaction};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use write_ahead_log::WriteAheadLog;

/// One of the two databases: a pool, or a transaction on it.
#[derive(Clone)]
pub(crate) enum Backend<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Runs the same text on whichever database it is; the compiler checks the body for both.
macro_rules! on {
    ($backend:expr, |$it:ident| $body:expr) => {
        match $backend {
            $crate::store::Backend::Sqlite($it) => $body,
            $crate::store::Backend::Postgres($it) => $body,
        }
    };
}
pub(crate) use on;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Pool = Backend<SqlitePool, PgPool>;
type Writer = Backend<SqliteWriter, PgPool>;
type Tx = Backend<SqliteTransaction, Transaction<'static, Postgres>>;

/// How long to wait for a connection before the database counts as away: an overloaded or
/// unreachable database shall not pile up requests.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to wait for another process that writes to the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 4;
/// Texts that a connection which counts keeps prepared: on SQLite one for each number of messages up to
/// 64, all new or not, and of the senders among them, who are mostly as many.
const COUNTING_STATEMENTS: usize = 300;
/// Memory for pages of the one connection that writes, in KiB. With SQLite's 2 MiB, a round of
/// releases among 100,000 restrictions reads every page that it changes and writes some twice.
const SQLITE_WRITER_CACHE: u32 = 16 * 1024;
/// Memory for pages of the one connection that looks up, in KiB, as far as there is anything to keep:
/// the index of a million addresses, and as much again of those that were looked up last.
const SQLITE_LOOK_UP_CACHE: u32 = 64 * 1024;
/// Pages in the write-ahead log, 64 MiB, before a commit moves those to the file that are left to
/// move. [`Store::checkpoint`] moves most of them beside whoever writes, but only a moment when none
/// is left lets the log begin anew. A page that many transactions change is moved once.
const SQLITE_CHECKPOINT: &str = "16000";
/// A write-ahead log that has grown larger, because somebody read for long, is cut once nobody does.
const SQLITE_LARGEST_LOG: u64 = 64 * 1024 * 1024;
const POSTGRES_CONNECTIONS: u32 = 16;
/// A connection that rested for so long is asked whether the server is still there: against one that
/// was restarted meanwhile. To ask every time takes as long as to look up a restriction.
const RESTED: Duration = Duration::from_millis(10);
/// Connections that count: one transaction after the other.
const COUNTING_CONNECTIONS: u32 = 2;
/// How Postgres plans what counts: once, and by way of the indexes. It would make a plan for every
/// transaction, which takes longer than to follow it, read a table whole that was small when it last
/// looked at its size, and compile for 50 ms what it then takes for much work.
const COUNTING_PLANS: [(&str, &str); 5] = [
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// What went wrong in the database.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database failed")]
pub struct StoreError(#[source] Arc<sqlx::Error>);

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl StoreError {
    /// Whether the database is away or overloaded, so that the same may go well later.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match &*self.0 {
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_outage(&code)),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        }
    }
}

/// Whether a database's own error code tells of an outage. SQLite: busy, locked, I/O error, full,
/// cannot open. Postgres: deadlock and serialization failure, not accepting connections, and the
/// classes connection lost, not let in, no such database, out of resources, operator intervention.
fn is_outage(code: &str) -> bool {
    const CODES: [&str; 8] = ["5", "6", "10", "13", "14", "40001", "40P01", "55000"];
    const CLASSES: [&str; 5] = ["08", "28", "3D", "53", "57"];
    CODES.contains(&code) || (code.len() == 5 && CLASSES.contains(&&code[..2]))
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database.
#[derive(Debug)]
pub struct Store {
    read: Pool,
    write: Writer,
    /// What counts: on SQLite it writes like everybody else.
    counting: Writer,
    /// On SQLite the connection that moves pages from the write-ahead log to the file.
    checkpointer: Option<SqlitePool>,
    presence: Option<Presence>,
    look_ups: LookUps,
    /// The organisation where restricted users get a notice of their own.
    own_notices: Option<Organization>,
}

impl<S, P> std::fmt::Debug for Backend<S, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

impl Store {
    /// Opens the database, creating and migrating it where needed.
    ///
    /// # Errors
    /// When it cannot be reached, read or migrated.
    pub async fn open(url: &DatabaseUrl) -> anyhow::Result<Self> {
        let store = match url {
            DatabaseUrl::Sqlite(path) => Self::open_sqlite(path).await?,
            DatabaseUrl::Postgres(url) => Self::open_postgres(url.parse()?).await?,
        };
        store.migrate().await?;
        store.presence.as_ref().map_or(Ok(()), Presence::share)?;
        Ok(store)
    }

    /// Lets restricted users of the organisation get a notice of their own.
    #[must_use]
    pub fn with_own_notices(self, organization: Organization) -> Self {
        Self { own_notices: Some(organization), ..self }
    }

    async fn open_sqlite(path: &std::path::Path) -> anyhow::Result<Self> {
        let presence = Some(Presence::enter(path).await?);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Whoever commits waits for the disk beside SQLite; see `write_ahead_log`.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", SQLITE_LARGEST_LOG.to_string());
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // A file does not hang up; to ask takes as long as to look up a restriction.
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = options
            .clone()
            .statement_cache_capacity(COUNTING_STATEMENTS)
            .pragma("cache_size", format!("-{SQLITE_WRITER_CACHE}"))
            .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT)
            // A statement of many rows first copies each page that it changes, else to a file.
            .pragma("temp_store", "MEMORY");
        let write = SqliteWriter::open(path, writer, pool(1)).await?;
        let checkpointer = options.clone().busy_timeout(Duration::ZERO);
        let checkpointer = Some(pool(1).connect_lazy_with(checkpointer));
        let options = options.read_only(true);
        let read = pool(SQLITE_READERS).connect_with(options.clone()).await?;
        let looking_up = options.pragma("cache_size", format!("-{SQLITE_LOOK_UP_CACHE}"));
        let look_ups = LookUps::in_pool(Backend::Sqlite(pool(1).connect_lazy_with(looking_up)));
        let counting = Backend::Sqlite(write.clone());
        let (read, write) = (Backend::Sqlite(read), Backend::Sqlite(write));
        let own_notices = None;
        Ok(Self { read, write, counting, checkpointer, presence, look_ups, own_notices })
    }

    async fn open_postgres(options: PgConnectOptions) -> Result<Self> {
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .before_acquire(ask_who_rested)
        };
        let counting =
            options.clone().options(COUNTING_PLANS).statement_cache_capacity(COUNTING_STATEMENTS);
        let counting = pool(COUNTING_CONNECTIONS).connect_lazy_with(counting);
        let pool = pool(POSTGRES_CONNECTIONS).connect_with(options).await?;
        let look_ups = LookUps::in_pool(Backend::Postgres(pool.clone()));
        let (read, write) = (Backend::Postgres(pool.clone()), Backend::Postgres(pool));
        let (counting, own_notices) = (Backend::Postgres(counting), None);
        let (checkpointer, presence) = (None, None);
        Ok(Self { read, write, counting, checkpointer, presence, look_ups, own_notices })
    }

    /// Begins a transaction that will write.
    async fn begin(&self) -> Result<Tx> {
        self.write.begin().await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        self.write.works()?;
        on!(&self.read, |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Moves pages from SQLite's write-ahead log to its file, without waiting for anybody and without
    /// anybody waiting for it. A log that has grown too large is cut where nobody uses it at the
    /// moment; whoever writes waits then, but there is next to nothing left to move.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checkpoint(&self) -> Result<()> {
        let Some(pool) = &self.checkpointer else { return Ok(()) };
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(pool).await?;
        if self.write_ahead_log().is_some_and(|size| size > SQLITE_LARGEST_LOG) {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(pool).await?;
        }
        Ok(())
    }

    /// The size of SQLite's write-ahead log in bytes.
    #[must_use]
    pub fn write_ahead_log(&self) -> Option<u64> {
        let options = self.checkpointer.as_ref()?.connect_options();
        let mut path = options.get_filename().as_os_str().to_owned();
        path.push("-wal");
        // Before the first transaction there is none.
        Some(std::fs::metadata(path).map_or(0, |file| file.len()))
    }

    /// How many connections are open, and how many of them wait for work.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        on!(&self.read, |pool| (pool.size(), pool.num_idle()))
    }

    /// Closes the connections.
    pub async fn close(&self) {
        on!(&self.read, |pool| pool.close().await);
        self.write.close().await;
        self.counting.close().await;
        on!(&self.look_ups.pool, |pool| pool.close().await);
        if let Some(pool) = &self.checkpointer {
            pool.close().await;
        }
    }
}

impl Writer {
    async fn begin(&self) -> Result<Tx> {
        match self {
            Self::Sqlite(writer) => Ok(Backend::Sqlite(writer.begin().await?)),
            Self::Postgres(pool) => Ok(Backend::Postgres(pool.begin().await?)),
        }
    }

    /// Whether anything can be written, as far as is known.
    fn works(&self) -> Result<()> {
        match self {
            Self::Sqlite(writer) => Ok(writer.works()?),
            Self::Postgres(_) => Ok(()),
        }
    }

    async fn close(&self) {
        match self {
            Self::Sqlite(writer) => writer.pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Whether the server at the other end of a connection is still there.
fn ask_who_rested(
    connection: &mut PgConnection,
    PoolConnectionMetadata { idle_for, .. }: PoolConnectionMetadata,
) -> BoxFuture<'_, std::result::Result<bool, sqlx::Error>> {
    Box::pin(async move { Ok(idle_for < RESTED || connection.ping().await.is_ok()) })
}

impl Tx {
    /// How a statement begins that changes many rows of one table. SQLite can take a statement back
    /// and copies each page before it changes it; `OR FAIL` spares it the copies. Half a statement
    /// never stays: what fails takes the whole transaction with it.
    fn many(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Ends when what was written survives a loss of power.
    async fn commit(self) -> Result<()> {
        self.write().await?.durable().await
    }

    /// Ends when everybody sees what was written.
    async fn write(self) -> Result<Written> {
        Ok(Written(match self {
            Self::Sqlite(tx) => Some(tx.commit().await?),
            Self::Postgres(tx) => {
                tx.commit().await?;
                None
            }
        }))
    }
}

/// What was committed, and on SQLite may still be lost with the power.
#[derive(Debug, Default)]
#[must_use = "it may not have reached the disk"]
pub struct Written(Option<WriteAheadLog>);

impl Written {
    /// Ends when it survives a loss of power.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn durable(self) -> Result<()> {
        if let Some(log) = self.0 {
            log.flushed().await?;
        }
        Ok(())
    }
}
