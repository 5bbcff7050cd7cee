//! The only SQL. One text serves both databases; see `Backend`.

mod alerts;
mod attempts;
mod audit;
mod audit_chain;
mod audit_seal;
mod changes;
mod checkpointer;
mod columns;
pub(crate) mod comparable;
mod connections;
mod counting;
mod database_file;
mod error;
mod events;
mod evidence;
mod half_sign_ins;
mod idempotent_requests;
mod import;
mod integrity;
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
mod postgres;
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
mod sqlite;
mod sqlite_writer;
mod statement;
mod token_requests;
mod token_uses;
mod tokens;
mod trace;
mod unblocks;
mod write_ahead_log;

pub use alerts::{AlertPage, AlertQuery, Audience, Channel, Claimed, Delivery, Queue};
pub use audit::{AuditPosition, AuditQuery, AuditRecord};
pub use audit_chain::ChainEnd;
pub use counting::{Counted, CountingTransaction, KnownPolicies, Standing, Sum};
pub use error::{Result, StoreError};
pub use events::Happened;
pub use evidence::{ClientAddress, ClientAddresses, MESSAGES_LOOKED_AT};
pub use half_sign_ins::{HalfSignIn, SECOND_FACTOR_ATTEMPTS};
pub use idempotent_requests::{Begun, KeptAnswer};
pub use import::{ImportRow, ImportTally};
pub use integrity::Integrity;
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
use crate::model::organization::Organization;
use checkpointer::Checkpointer;
pub(crate) use columns::columns;
use connections::{Connections, Transaction};
use look_ups::LookUps;
use postgres::Postgresql;
use presence::Presence;
use sqlite_writer::{SqliteTransaction, SqliteWriter};
use sqlx::{Postgres, Sqlite};
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
type Pool = Backend<Connections<Sqlite>, Connections<Postgres>>;
type Writer = Backend<SqliteWriter, Connections<Postgres>>;
type Tx = Backend<SqliteTransaction, Transaction<Postgres>>;

/// How long to wait for another process that writes to the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections to Postgres that a command makes at most; most make one.
const COMMAND_CONNECTIONS: u32 = 6;
/// Texts that a connection which counts keeps prepared: on SQLite one for each number of messages up to
/// 64, all new or not, and of the senders among them, who are mostly as many.
const COUNTING_STATEMENTS: usize = 300;

/// The database. A clone shares its connections.
#[derive(Debug, Clone)]
pub struct Store {
    read: Pool,
    write: Writer,
    /// What counts: on SQLite it writes like everybody else.
    counting: Writer,
    /// What people cannot take up: for what happens by itself.
    background: (Pool, Writer),
    checkpointer: Option<Checkpointer>,
    presence: Option<Arc<Presence>>,
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
    /// Opens the database for a command, creating and migrating it where needed.
    ///
    /// # Errors
    /// When it cannot be reached, read or migrated.
    pub async fn open(url: &DatabaseUrl) -> anyhow::Result<Self> {
        let store = Self::at(url, COMMAND_CONNECTIONS).await?;
        store.prepare().await?;
        Ok(store)
    }

    /// The database at `url`, on Postgres over `most` connections at most; there it may be away until
    /// [`Store::prepare`] goes well.
    pub async fn at(url: &DatabaseUrl, most: u32) -> anyhow::Result<Self> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let presence = Presence::enter(path).await?;
                Ok(Self::in_file(sqlite::File::open(path).await?, presence))
            }
            DatabaseUrl::Postgres(url) => {
                Ok(Self::on_server(Postgresql::with(&url.parse()?, most)))
            }
        }
    }

    /// Migrates the database where needed.
    ///
    /// # Errors
    /// When it cannot be reached, read or migrated.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        self.migrate().await?;
        self.presence.as_deref().map_or(Ok(()), Presence::share)?;
        Ok(())
    }

    /// Lets restricted users of the organisation get a notice of their own.
    pub fn with_own_notices(self, organization: Organization) -> Self {
        Self { own_notices: Some(organization), ..self }
    }

    /// The same database over connections that no request takes.
    pub fn in_background(&self) -> Self {
        let (read, write) = self.background.clone();
        Self { read, write, ..self.clone() }
    }

    fn in_file(file: sqlite::File, presence: Presence) -> Self {
        let write = Backend::Sqlite(file.writer);
        Self {
            read: Backend::Sqlite(file.people),
            background: (Backend::Sqlite(file.background), write.clone()),
            counting: write.clone(),
            write,
            checkpointer: Some(file.checkpointer),
            presence: Some(Arc::new(presence)),
            look_ups: LookUps::over(Backend::Sqlite(file.look_ups)),
            own_notices: None,
        }
    }

    fn on_server(server: Postgresql) -> Self {
        let (people, background) = (server.people, server.background);
        Self {
            look_ups: LookUps::over(Backend::Postgres(people.clone())),
            read: Backend::Postgres(people.clone()),
            write: Backend::Postgres(people),
            background: (Backend::Postgres(background.clone()), Backend::Postgres(background)),
            counting: Backend::Postgres(server.counting),
            checkpointer: None,
            presence: None,
            own_notices: None,
        }
    }

    /// Begins a transaction that will write.
    async fn begin(&self) -> Result<Tx> {
        self.write.begin().await
    }

    /// Moves pages from SQLite's write-ahead log to its file, and cuts a log that has grown too large.
    pub async fn checkpoint(&self) -> Result<()> {
        let Some(checkpointer) = &self.checkpointer else { return Ok(()) };
        self.write.works()?;
        Ok(checkpointer.checkpoint().await?)
    }

    /// The size of SQLite's write-ahead log in bytes.
    pub fn write_ahead_log(&self) -> Option<u64> {
        self.checkpointer.as_ref().map(Checkpointer::log)
    }

    /// How many connections are open, and how many of them wait for work.
    pub fn connections(&self) -> (u32, usize) {
        let count = |pool: &Pool| on!(pool, |it| (it.pool().size(), it.pool().num_idle()));
        let (people, background) = (count(&self.read), count(&self.background.0));
        (people.0 + background.0, people.1 + background.1)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        for pool in [&self.read, &self.background.0, &self.look_ups.pool] {
            on!(pool, |it| it.pool().close().await);
        }
        self.write.close().await;
        self.counting.close().await;
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.close().await;
        }
    }
}

impl Writer {
    async fn begin(&self) -> Result<Tx> {
        match self {
            Self::Sqlite(writer) => Ok(Backend::Sqlite(writer.begin().await?)),
            Self::Postgres(server) => {
                Ok(Backend::Postgres(Transaction::begin(server, "BEGIN").await?))
            }
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
            Self::Sqlite(writer) => writer.pool().close().await,
            Self::Postgres(server) => server.pool().close().await,
        }
    }
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
    pub async fn durable(self) -> Result<()> {
        if let Some(log) = self.0 {
            log.flushed().await?;
        }
        Ok(())
    }
}
