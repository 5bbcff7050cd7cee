//! A mail server that asks without pause, and the least that could answer it.

use restricted_users::postfix::protocol::DUNNO;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Connections that ask at once.
pub const CONNECTIONS: usize = 64;

/// The least that any policy server does: read to the empty line, write an answer.
pub async fn floor_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(say_dunno(stream));
        }
    });
    address
}

async fn say_dunno(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(4096);
    while stream.read_buf(&mut buffer).await.is_ok_and(|received| received > 0) {
        if buffer.ends_with(b"\n\n") {
            buffer.clear();
            if stream.write_all(DUNNO).await.is_err() {
                return;
            }
        }
    }
}

/// What is asked about one mail transaction.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub state: &'a str,
    pub login: &'a str,
    pub recipient: &'a str,
    /// One of a kind for each transaction.
    pub transaction: u64,
}

impl Question<'_> {
    /// What Postfix 3.8 asks.
    pub fn text(self) -> String {
        let Self { state, login, recipient, transaction } = self;
        let (recipients, queue_id) = match state {
            "RCPT" => (0, String::new()),
            _ => (1, format!("4F{transaction:010X}")),
        };
        format!(
            "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n\
             client_address=2001:db8::17\nclient_name=unknown\nclient_port=51514\n\
             reverse_client_name=unknown\nserver_address=2001:db8::25\nserver_port=587\n\
             helo_name=[192.0.2.7]\nsender=someone@example.org\nrecipient={recipient}\n\
             recipient_count={recipients}\nqueue_id={queue_id}\n\
             instance=75c.6561f0aa.{transaction:x}.0\nsize=1906\netrn_domain=\n\
             stress=\nsasl_method=PLAIN\nsasl_username={login}\nsasl_sender=\n\
             ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n\
             encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n\
             encryption_keysize=256\npolicy_context=submission\ncompatibility_level=3.8\n\
             mail_version=3.8.6\n\n"
        )
    }
}

/// One connection to a policy server.
pub struct Asker(TcpStream, Vec<u8>);

impl Asker {
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        Self(stream, Vec::with_capacity(256))
    }

    /// Asks, and answers what came back.
    pub async fn ask(&mut self, request: &str) -> &[u8] {
        let Self(stream, answer) = self;
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        answer.clear();
        while !answer.ends_with(b"\n\n") {
            let received = stream.read_buf(answer).await.expect("the server answers");
            assert!(received > 0, "the server closed");
        }
        answer
    }
}

/// Lets all connections work for `run` and answers how long everything took that they did.
pub async fn all_connections<F>(
    address: &str,
    run: Duration,
    work: impl Fn(Asker, usize, Instant) -> F,
) -> Vec<Duration>
where
    F: Future<Output = Vec<Duration>> + Send + 'static,
{
    let end = Instant::now() + run;
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(work(Asker::connect(address).await, client, end));
    }
    clients.join_all().await.concat()
}
