//! Strangers who connect and are silent keep nobody out, however few files the process may have open.

use crate::harness::Database;
use crate::program::{Serve, in_shell, serve_command};
use restricted_users::open_files::raise_limit;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;

const FEW_FILES: usize = 1_024;

/// An answer takes a millisecond; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(5);

const QUESTION: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\n\
    sasl_username=alice@example.org\nrecipient=bob@remote.example\n\n";

/// Connections on which nothing more comes than `beginning`.
async fn silent(address: &str, count: usize, beginning: &str) -> Vec<TcpStream> {
    let mut strangers = Vec::new();
    for _ in 0..count {
        let mut stranger = TcpStream::connect(address).await.unwrap();
        // It may have been closed already, for another stranger.
        let _ = stranger.write_all(beginning.as_bytes()).await;
        strangers.push(stranger);
    }
    strangers
}

async fn answer(address: &str, request: &str) -> String {
    answer_on(&mut TcpStream::connect(address).await.unwrap(), request).await
}

async fn answer_on<S>(client: &mut S, request: &str) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = async {
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1_024];
        let length = client.read(&mut answer).await.unwrap();
        String::from_utf8(answer[..length].to_vec()).unwrap()
    };
    timeout(SOON, asked).await.expect("it answers soon")
}

#[tokio::test]
async fn a_thousand_silent_browsers_stop_neither_mail_servers_nor_scripts() {
    raise_limit();
    let database = Database::create().await;
    let serve = Serve::with_files(&database, FEW_FILES);
    let web = serve.url.strip_prefix("http://").unwrap();
    let _strangers = silent(web, 1_100, "GET / HTTP/1.1\r\n").await;
    assert_eq!(answer(&serve.policy, QUESTION).await, "action=DUNNO\n\n");
    let health = answer(web, "GET /readyz HTTP/1.1\r\nhost: it\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
}

#[tokio::test]
async fn hundreds_who_send_half_a_form_keep_no_script_out() {
    raise_limit();
    let database = Database::create().await;
    let serve = Serve::with_files(&database, FEW_FILES);
    let web = serve.url.strip_prefix("http://").unwrap();
    let half = format!(
        "POST /sign-in HTTP/1.1\r\nhost: {web}\r\norigin: http://{web}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 99\r\n\
         expect: 100-continue\r\n\r\naddress="
    );
    let mut strangers = Vec::new();
    for _ in 0..300 {
        let mut stranger = TcpStream::connect(web).await.unwrap();
        let waits = answer_on(&mut stranger, &half).await;
        assert!(waits.starts_with("HTTP/1.1 100 Continue"), "{waits}");
        strangers.push(stranger);
    }
    let health = answer(web, "GET /readyz HTTP/1.1\r\nhost: it\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
}

#[tokio::test]
async fn two_thousand_silent_mail_servers_keep_no_other_from_its_answer() {
    raise_limit();
    let database = Database::create().await;
    let serve = Serve::with_files(&database, FEW_FILES);
    let _strangers = silent(&serve.policy, 2_000, "").await;
    for _ in 0..10 {
        assert_eq!(answer(&serve.policy, QUESTION).await, "action=DUNNO\n\n");
    }
}

#[tokio::test]
async fn all_local_users_over_tcp_are_one_client_and_take_nobody_elses_connection() {
    raise_limit();
    let database = Database::create().await;
    let socket = database.folder.path().join("policy.sock");
    let listen = format!("127.0.0.1:0,unix:{}", socket.display());
    let serve = serve_command(&database, &[("POLICY_LISTEN", listen)]);
    let serve = Serve::running(in_shell(&format!("ulimit -n {FEW_FILES}"), &serve));
    let mut postfix = UnixStream::connect(&socket).await.unwrap();
    assert_eq!(answer_on(&mut postfix, QUESTION).await, "action=DUNNO\n\n");

    let mut strangers = Vec::new();
    for number in (0..8).cycle().take(2_000) {
        let socket = TcpSocket::new_v4().unwrap();
        // Loopback has more addresses than one.
        socket.bind(([127, 0, 0, 2 + number], 0).into()).unwrap();
        strangers.push(socket.connect(serve.policy.parse().unwrap()).await.unwrap());
    }
    assert_eq!(answer_on(&mut postfix, QUESTION).await, "action=DUNNO\n\n");
}
