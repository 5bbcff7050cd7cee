//! What faults do: nothing acknowledged is lost, nobody counts as well who is not, and everything is
//! well again once the cause is gone.

mod clocks;
mod column_added;
mod disk;
mod file_gone;
mod frozen_replica;
mod pooler;
mod read_only;
mod refused_values;
mod silent_connections;
mod start_without_database;
mod went_back;

use crate::harness::{DUNNO, Database, Portal, eventually};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Mail servers that send at once.
const MAIL_SERVERS: usize = 4;
/// A mail server's pause between two messages; a gate is no benchmark.
const PAUSE: Duration = Duration::from_millis(5);

/// Mail servers that send without end, and remember which messages were acknowledged.
struct Load {
    over: Arc<AtomicBool>,
    servers: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(policy: &str) -> Self {
        let over = Arc::<AtomicBool>::default();
        let servers = (0..MAIL_SERVERS)
            .map(|server| tokio::spawn(send(policy.to_owned(), server, Arc::clone(&over))));
        Self { servers: servers.collect(), over }
    }

    /// Goes on for so long.
    async fn lasts(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Ends it and answers the queue ids that were acknowledged.
    async fn stop(self) -> BTreeSet<String> {
        self.over.store(true, Relaxed);
        let mut all = BTreeSet::new();
        for server in self.servers {
            all.extend(server.await.unwrap());
        }
        assert!(all.len() > 10, "it is a load: {}", all.len());
        all
    }
}

async fn send(policy: String, server: usize, over: Arc<AtomicBool>) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(policy).await.unwrap());
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if over.load(Relaxed) {
            break;
        }
        let queue_id = format!("S{server}N{number}");
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\n\
             sasl_username=user{}@example.org\nrecipient=\ninstance={queue_id}\n\
             recipient_count=1\nqueue_id={queue_id}\nclient_address=192.0.2.7\n\n",
            number % 50
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        assert_eq!(answer.trim_end(), DUNNO, "mail flows");
        stream.read_line(&mut answer).await.unwrap();
        acknowledged.push(queue_id);
        tokio::time::sleep(PAUSE).await;
    }
    acknowledged
}

impl Database {
    /// The queue ids of all messages, each as often as it stands there.
    async fn queue_ids(&self) -> Vec<String> {
        let all = "SELECT queue_id FROM messages WHERE queue_id IS NOT NULL ORDER BY queue_id";
        let ids: Result<Vec<String>, _> = if self.is_postgres() {
            match PgConnection::connect(&self.url).await {
                Ok(mut connection) => sqlx::query_scalar(all).fetch_all(&mut connection).await,
                Err(error) => Err(error),
            }
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(all).fetch_all(&mut connection).await
        };
        ids.unwrap_or_default()
    }

    /// Waits until every acknowledged message is there, and makes sure that none is there twice.
    async fn has_all(&self, acknowledged: &BTreeSet<String>) {
        eventually("every acknowledged message is counted", async || {
            let counted: BTreeSet<String> = self.queue_ids().await.into_iter().collect();
            acknowledged.is_subset(&counted)
        })
        .await;
        let counted = self.queue_ids().await;
        let once: BTreeSet<&String> = counted.iter().collect();
        assert_eq!(counted.len(), once.len(), "none is counted twice");
    }
}

impl Portal {
    /// What a mail server is answered that tells of a message, counted or not.
    async fn tell_end_of_message(&self, login: &str, queue_id: &str) -> String {
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nsasl_username={login}\n\
             recipient=\ninstance={queue_id}\nrecipient_count=1\nqueue_id={queue_id}\n\n"
        );
        self.ask_at_once(&request).await
    }

    /// What a mail server is answered at RCPT, whatever is not counted yet.
    async fn policy_answer_at_once(&self, login: &str) -> String {
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username={login}\n\
             recipient=bob@remote.example\n\n"
        );
        self.ask_at_once(&request).await
    }
}
