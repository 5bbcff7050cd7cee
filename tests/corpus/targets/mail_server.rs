//! Mail servers that ask at a port.

use super::PIECE;
use restricted_users::mail_port::{Connection, Limits, MailPort, Metrics, Protocol};
use restricted_users::places::Places;
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_all().build().expect("the system has threads")
});

/// What a client is answered that sends these octets and closes. They are taken in whatever pieces
/// they come.
pub fn answers<P: Protocol>(protocol: impl Fn() -> P, octets: &[u8]) -> Vec<u8> {
    let [whole, dripping] = [64 * 1024, PIECE].map(|piece| answered(protocol(), octets, piece));
    assert_eq!(whole, dripping);
    whole
}

fn answered<P: Protocol>(protocol: P, octets: &[u8], piece: usize) -> Vec<u8> {
    let limits = Limits { connections: 1, ..Limits::default() };
    let port = Arc::new(MailPort::new(protocol, vec![], limits, Metrics::noop()));
    let place = Places::new(1).take(None, 1, CancellationToken::new()).expect("it is free");
    let (client, server) = duplex(piece);
    let (mut reader, mut writer) = split(client);
    let mut answered = Vec::new();
    RUNTIME.block_on(async {
        let asking = async {
            // The port closes as soon as it does not understand.
            let _ = writer.write_all(octets).await;
            let _ = writer.shutdown().await;
        };
        let serving = Connection::new(port, server, place).serve();
        let ((), (), read) = tokio::join!(serving, asking, reader.read_to_end(&mut answered));
        read.expect("a pipe in memory is read to its end");
    });
    answered
}
