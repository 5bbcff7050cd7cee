//! How the service connects to Postgres.

use super::connections::Connections;
use super::{BoxFuture, COUNTING_STATEMENTS};
use anyhow::{Context, bail};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Error, Postgres, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for a connection before the database counts as away: an overloaded or
/// unreachable database shall not pile up requests.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that rested for so long is asked whether the server is still there: against one that
/// was restarted meanwhile. To ask every time takes as long as to look up a restriction.
const RESTED: Duration = Duration::from_millis(10);
/// How long the server has to say that it is still there.
const THERE_WITHIN: Duration = Duration::from_secs(1);
/// A connection that nobody used for so long is given back to the server.
const IDLE: Duration = Duration::from_mins(1);
/// How long a statement of people may take; a page that takes longer is of use to nobody.
const PEOPLE_WAIT: Duration = Duration::from_secs(8);
/// How long any other statement may take. It is longer than a replica that freezes in a transaction
/// can hold its locks.
const PARTS_WAIT: Duration = Duration::from_secs(6);
/// How much longer than the server the client waits for the end of a statement.
const GRACE: Duration = Duration::from_millis(500);

/// Connections that count: one transaction after the other.
const COUNTING_CONNECTIONS: u32 = 2;

/// What every session asks of the server, as far as it knows the setting: to end a transaction whose
/// client keeps silent, so that a process that freezes or is cut off in one does not stop all others;
/// and to notice within half a minute that a client is gone.
const SESSION: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "5s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "15s"),
];
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

/// The connections of one process.
pub(super) struct Postgresql {
    pub(super) people: Connections<Postgres>,
    pub(super) background: Connections<Postgres>,
    pub(super) counting: Connections<Postgres>,
}

impl Postgresql {
    /// `most` connections to a server, all together; none is made yet.
    pub(super) fn with(options: &PgConnectOptions, most: u32) -> Self {
        // Poolers refuse it, and Postgres has written numbers exactly without it since version 12.
        let options = options.clone().extra_float_digits(None);
        let background = (most / 4).max(2);
        let people = most - background - COUNTING_CONNECTIONS;
        let counting = options.clone().statement_cache_capacity(COUNTING_STATEMENTS);
        Self {
            people: connections(options.clone(), people, PEOPLE_WAIT, &[]),
            background: connections(options, background, PARTS_WAIT, &[]),
            counting: connections(counting, COUNTING_CONNECTIONS, PARTS_WAIT, &COUNTING_PLANS),
        }
    }
}

fn connections(
    options: PgConnectOptions,
    most: u32,
    wait: Duration,
    own: &'static [(&'static str, &'static str)],
) -> Connections<Postgres> {
    let pool = PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .before_acquire(ask_who_rested)
        .after_connect(move |connection, _| Box::pin(set(connection, wait, own)))
        .connect_lazy_with(options);
    Connections::of(pool, wait + GRACE)
}

/// Makes settings of a session; those that the server does not know are left out. Startup options
/// would do the same, but poolers refuse them, and so does a server that does not know one.
async fn set(
    connection: &mut PgConnection,
    wait: Duration,
    own: &[(&'static str, &'static str)],
) -> Result<(), Error> {
    let wait = wait.as_millis().to_string();
    // What the client no longer waits for shall not go on and hold its locks.
    let settings = SESSION.iter().chain(own).copied().chain([("statement_timeout", &*wait)]);
    let (names, values): (Vec<&str>, Vec<&str>) = settings.unzip();
    sqlx::query(
        "SELECT set_config(wanted.name, wanted.value, FALSE)
           FROM UNNEST($1::text[], $2::text[]) AS wanted (name, value)
           JOIN pg_settings ON pg_settings.name = wanted.name",
    )
    .persistent(false)
    .bind(names)
    .bind(values)
    .execute(connection)
    .await
    .map(drop)
}

/// Whether the server at the other end of a connection is still there.
fn ask_who_rested(
    connection: &mut PgConnection,
    PoolConnectionMetadata { idle_for, .. }: PoolConnectionMetadata,
) -> BoxFuture<'_, Result<bool, Error>> {
    Box::pin(async move {
        Ok(idle_for < RESTED
            || matches!(timeout(THERE_WITHIN, connection.ping()).await, Ok(Ok(()))))
    })
}

/// A connection of its own, whose statements have no limit: for what may take long.
pub(super) fn patient(pool: &PgPool) -> PgPool {
    let options: PgConnectOptions = (*pool.connect_options()).clone();
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
    one.connect_lazy_with(options)
}

async fn connect(pool: &PgPool) -> Result<PgConnection, Error> {
    let options: Arc<PgConnectOptions> = pool.connect_options();
    let connected = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
    connected.unwrap_or(Err(Error::PoolTimedOut))
}

/// Makes sure that a connection stays with its server process for as long as it is open. One that a
/// pooler lends by transaction loses its prepared statements, settings and locks.
pub(super) async fn refuse_pooling_by_transaction(pool: &PgPool) -> anyhow::Result<()> {
    const PROCESS: &str = "SELECT pg_backend_pid()";
    let mut first = connect(pool).await?;
    let mut second = connect(pool).await?;
    let mut process = Vec::new();
    for connection in [&mut first, &mut second] {
        let row = timeout(ACQUIRE_TIMEOUT, sqlx::raw_sql(PROCESS).fetch_one(connection)).await;
        let row = row.context("the database does not answer on two connections at once")??;
        process.push(row.try_get_unchecked::<i32, _>(0)?);
    }
    if process[0] == process[1] {
        bail!(
            "the pooler in front of the database lends connections by transaction; set pool_mode = \
             session for this database, or connect past the pooler"
        );
    }
    let _ = (first.close().await, second.close().await);
    Ok(())
}
