//! The least that takes mail: it says yes to everything and notes who got how many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// When each recipient got mail.
pub type Mailboxes = Arc<Mutex<BTreeMap<String, Vec<Instant>>>>;

/// Takes mail until the process ends; where, and what came.
pub async fn mail_sink() -> (String, Mailboxes) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let mailboxes = Mailboxes::default();
    let noted = Arc::clone(&mailboxes);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, Arc::clone(&noted)));
        }
    });
    (format!("smtp://{address}"), mailboxes)
}

async fn take(stream: TcpStream, mailboxes: Mailboxes) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut recipient = String::new();
    write.write_all(b"220 sink ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        if let Some(to) = line.strip_prefix("RCPT TO:<") {
            recipient = to.split('>').next().unwrap_or_default().to_owned();
        }
        if line == "DATA" {
            write.write_all(b"354 go on\r\n").await?;
            while lines.next_line().await?.is_some_and(|line| line != ".") {}
            let mut mailboxes = mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
            mailboxes.entry(recipient.clone()).or_default().push(Instant::now());
        }
        write.write_all(b"250 yes\r\n").await?;
    }
    Ok(())
}
