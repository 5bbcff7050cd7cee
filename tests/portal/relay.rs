//! A mail server that does what a story wants, also what none should.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a mail server does.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    Takes,
    /// To `MAIL`, for ever.
    Answers(&'static str),
    /// As its greeting.
    Greets(&'static str),
    GreetsWithoutEnd,
    SaysNothing,
    HangsAfterData,
    ClosesAfterData,
    /// Takes the mail, and has nothing to say to `QUIT`.
    HangsAtTheEnd,
    /// Takes the mail, and never says so.
    TakesInSilence,
}

/// A mail server that may be broken.
pub struct Relay {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    /// The mails that it has taken.
    taken: Arc<Mutex<Vec<String>>>,
    listens: JoinHandle<()>,
}

impl Relay {
    pub async fn that(manner: Manner) -> Self {
        Self::at(0, manner).await
    }

    pub async fn at(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (manner, taken) = (Arc::new(Mutex::new(manner)), Arc::default());
        let (its_manner, its_taken) = (Arc::clone(&manner), Arc::clone(&taken));
        let listens = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                open.spawn(converse(stream, *its_manner.lock().unwrap(), Arc::clone(&its_taken)));
            }
        });
        Self { port, manner, taken, listens }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn is_mended(&self) {
        *self.manner.lock().unwrap() = Manner::Takes;
    }

    /// As when its process is killed: open connections break, and new ones are refused.
    pub async fn goes_down(self) -> u16 {
        self.listens.abort();
        let _ = self.listens.await;
        self.port
    }

    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

/// One connection; an error is the other side's end of it.
async fn converse(
    stream: TcpStream,
    manner: Manner,
    taken: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    match manner {
        Manner::SaysNothing => return std::future::pending().await,
        Manner::Greets(greeting) => stream.write_all(greeting.as_bytes()).await?,
        Manner::GreetsWithoutEnd => loop {
            stream.write_all(&[b'2'; 4096]).await?;
        },
        _ => stream.write_all(b"220 relay.example ESMTP\r\n").await?,
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer = match (line.split_whitespace().next().unwrap_or_default(), manner) {
            ("MAIL", Manner::Answers(answer)) => answer,
            ("DATA", _) => {
                stream.write_all(b"354 go on\r\n").await?;
                let mail = until_the_dot(&mut stream).await?;
                match manner {
                    Manner::HangsAfterData => return std::future::pending().await,
                    Manner::ClosesAfterData => return Ok(()),
                    _ => taken.lock().unwrap().push(mail),
                }
                if matches!(manner, Manner::TakesInSilence) {
                    return std::future::pending().await;
                }
                "250 taken"
            }
            ("QUIT", Manner::HangsAtTheEnd) => return std::future::pending().await,
            _ => "250 relay.example",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

async fn until_the_dot(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    while !mail.ends_with("\r\n.\r\n") {
        if stream.read_line(&mut mail).await? == 0 {
            break;
        }
    }
    Ok(mail)
}

/// The settings with which alerts are mailed there.
pub fn settings(url: &str) -> [(&str, &str); 3] {
    [
        ("smtp_url", url),
        ("alert_from", "Restricted Users <noreply@example.org>"),
        ("alert_recipients", "ops@example.org"),
    ]
}
