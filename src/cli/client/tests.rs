use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server of ours never takes; short, because these tests wait for it.
const PATIENCE: Duration = Duration::from_millis(300);

/// A server that treats each connection so.
async fn server<F: Future<Output = std::io::Result<()>> + Send>(
    treat: impl Fn(TcpStream) -> F + Send + Copy + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { drop(treat(stream).await) });
        }
    });
    Server::new(origin, "token", PATIENCE).unwrap()
}

/// Reads a request and answers it.
async fn answer(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(4096);
    stream.read_buf(&mut request).await?;
    stream.write_all(text.as_bytes()).await
}

async fn failure(server: &Server) -> String {
    let page = server.look::<Page>(server.route(["restricted-users"])).await;
    page.unwrap_err().to_string()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_every_stage() {
    let silent = server(|stream| async move {
        let _stream = stream;
        std::future::pending().await
    });
    assert!(failure(&silent.await).await.contains("no whole answer within"));

    let stuck = server(|mut stream| async move {
        answer(&mut stream, &format!("{HEAD}content-length: 99\r\n\r\n{{")).await?;
        std::future::pending().await
    });
    assert!(failure(&stuck.await).await.contains("no whole answer within"));

    let dripping = server(|mut stream| async move {
        answer(&mut stream, &format!("{HEAD}content-length: 9999\r\n\r\n")).await?;
        loop {
            stream.write_all(b" ").await?;
            tokio::time::sleep(PATIENCE / 10).await;
        }
    });
    assert!(failure(&dripping.await).await.contains("no whole answer within"));
}

#[tokio::test]
async fn what_is_no_answer_of_ours_is_told_and_not_printed() {
    for body in ["<h1>It works!</h1>", "{}", "[1]", "{\"items\":[{}]}", "\u{1b}[2J", ""] {
        let length = body.len();
        let text = format!("{HEAD}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let text: &'static str = text.leak();
        let garbage = server(move |mut stream| async move { answer(&mut stream, text).await });
        let told = failure(&garbage.await).await;
        assert!(told.contains("answered 200 with something"), "{body}: {told}");
    }
    let not_http =
        server(|mut stream| async move { answer(&mut stream, "220 mail ESMTP\r\n").await });
    assert!(failure(&not_http.await).await.contains("cannot be reached"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_kept() {
    let endless = server(|mut stream| async move {
        answer(&mut stream, &format!("{HEAD}connection: close\r\n\r\n")).await?;
        loop {
            stream.write_all(&[b' '; 8_192]).await?;
        }
    });
    let mut endless = endless.await;
    endless.patience = ANSWERS_WITHIN;
    assert!(failure(&endless).await.contains("something that Restricted Users does not say"));
}

#[tokio::test]
async fn a_redirect_does_not_lead_the_token_away() {
    let elsewhere = server(|mut stream| async move {
        answer(
            &mut stream,
            "HTTP/1.1 301 Moved\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n",
        )
        .await
    });
    assert!(failure(&elsewhere.await).await.contains("sends requests elsewhere (301)"));
}

#[tokio::test]
async fn who_asks_too_often_waits_as_long_as_is_asked_and_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let document = r#"{"type":"/problems/too-many-requests","detail":"Too many requests."}"#;
        let list = r#"{"items":[],"next_cursor":null}"#;
        for (head, body) in [("429 Too Many\r\nretry-after: 0", document), ("200 OK", list)] {
            let (mut stream, _) = listener.accept().await?;
            let length = body.len();
            let rest = format!("connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            answer(&mut stream, &format!("HTTP/1.1 {head}\r\n{rest}")).await?;
        }
        std::io::Result::Ok(())
    });
    let server = Server::new(origin, "token", ANSWERS_WITHIN).unwrap();
    let page: Page = server.look(server.route(["restricted-users"])).await.unwrap();
    assert!(page.items.is_empty());
}

#[test]
fn a_name_cannot_lead_out_of_its_place_and_a_path_not_to_another_server() {
    let origin = Url::parse("http://127.0.0.1:8080").unwrap();
    let server = Server::new(origin, "token", PATIENCE).unwrap();
    let url = server.route(["restricted-users", "a/../b?c#d %2e@example.org", "unblock"]);
    let path = "/api/v1/restricted-users/a%2F..%2Fb%3Fc%23d%20%252e@example.org/unblock";
    assert_eq!(url.path(), path);
    for bad in ["//192.0.2.1/x", "http://192.0.2.1/", "@192.0.2.1", "/\\192.0.2.1", "api", ""] {
        assert_eq!(server.typed(bad), None, "{bad}");
    }
    let typed = server.typed("/api/v1/restricted-users?limit=1").unwrap();
    assert_eq!(typed.as_str(), "http://127.0.0.1:8080/api/v1/restricted-users?limit=1");
}

#[test]
fn no_token_is_shown_and_no_character_passes_that_a_header_cannot_hold() {
    let origin = || Url::parse("http://127.0.0.1:8080").unwrap();
    let server = Server::new(origin(), "hunter2", PATIENCE).unwrap();
    assert!(!format!("{server:?}").contains("hunter2"));
    assert!(Server::new(origin(), "a\nb", PATIENCE).is_err());
}
