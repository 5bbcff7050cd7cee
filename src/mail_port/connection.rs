//! One connection of a mail server: requests in, answers out.

use super::{MailPort, Protocol, Scanner};
use crate::places::Place;
use std::{error::Error, fmt, io, sync::Arc};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// What a connection keeps for reading: several requests of Postfix.
const BUFFER: usize = 4 * 1024;

/// Octets of a broken request that the log shows.
const LONGEST_EXCERPT: usize = 60;

/// A connection of a mail server.
#[derive(Debug)]
pub struct Connection<P: Protocol, S> {
    port: Arc<MailPort<P>>,
    stream: S,
    place: Place,
    /// What was received and not answered yet.
    buffer: Vec<u8>,
    scanner: P::Scanner,
    /// Since when the client has owed us a request, or the rest of one.
    waiting_since: Instant,
}

/// Why a connection ended before its client closed it.
#[derive(Debug, thiserror::Error)]
enum Broken<E: Error> {
    #[error("{0}")]
    Protocol(E),
    #[error("the client closed before its request was complete")]
    HalfRequest,
    #[error("the client did not complete its request in time")]
    SlowRequest,
    #[error("the client did not take its answer in time")]
    SlowReader,
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
}

type Result<P, T> = std::result::Result<T, Broken<<<P as Protocol>::Scanner as Scanner>::Error>>;

impl<P: Protocol, S: AsyncRead + AsyncWrite + Unpin> Connection<P, S> {
    /// A connection to `port` on which nothing has arrived yet.
    pub fn new(port: Arc<MailPort<P>>, stream: S, place: Place) -> Self {
        Self {
            port,
            stream,
            place,
            buffer: Vec::with_capacity(BUFFER),
            scanner: P::Scanner::default(),
            waiting_since: Instant::now(),
        }
    }

    /// Answers requests until the client closes, idles, breaks the protocol, or has to go.
    pub async fn serve(mut self) {
        let stop = self.place.leave();
        if let Err(broken) = self.answer_all(&stop).await {
            self.tell(&broken);
        }
    }

    async fn answer_all(&mut self, stop: &CancellationToken) -> Result<P, ()> {
        while self.receive(stop).await? {
            while let Some(length) = self.scan()? {
                self.answer(length).await?;
                if stop.is_cancelled() {
                    return Ok(());
                }
            }
            // One long request must not hold its memory for as long as the connection is kept.
            self.buffer.shrink_to(BUFFER);
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<P, Option<usize>> {
        self.scanner.scan(&self.buffer).map_err(Broken::Protocol)
    }

    /// Waits for more of what the client sends; says whether there is more to come.
    async fn receive(&mut self, stop: &CancellationToken) -> Result<P, bool> {
        let idle = self.buffer.is_empty();
        let limits = &self.port.limits;
        let deadline = self.waiting_since + if idle { limits.idle } else { limits.request };
        let received = tokio::select! {
            // What has arrived comes before the stop, so that a request already here is answered.
            biased;
            received = timeout_at(deadline, self.stream.read_buf(&mut self.buffer)) => received,
            () = stop.cancelled() => return Ok(false),
        };
        match received {
            Ok(Ok(0)) | Err(_) if idle => Ok(false),
            Ok(Ok(0)) => Err(Broken::HalfRequest),
            Err(_) => Err(Broken::SlowRequest),
            Ok(received) => {
                received?;
                if idle {
                    self.waiting_since = Instant::now();
                }
                Ok(true)
            }
        }
    }

    /// Answers the request of `length` that the buffer begins with.
    async fn answer(&mut self, length: usize) -> Result<P, ()> {
        self.place.busy();
        let answer = self.port.protocol.answer(&self.buffer[..length]).await;
        timeout(self.port.limits.answer, self.stream.write_all(&answer))
            .await
            .map_err(|_| Broken::SlowReader)??;
        self.buffer.drain(..length);
        self.waiting_since = Instant::now();
        self.place.idle();
        Ok(())
    }

    fn tell(&self, broken: &Broken<<P::Scanner as Scanner>::Error>) {
        if matches!(broken, Broken::Connection(_)) {
            return tracing::debug!(port = P::PORT, %broken, "connection");
        }
        self.port.metrics.protocol_errors.increment(1);
        if self.port.broken_told.is_due(Instant::now().into_std()) {
            let received = excerpt(&self.buffer);
            tracing::warn!(port = P::PORT, %broken, %received, "connection closed without an answer");
        }
    }
}

/// The beginning of what a client sent, on one line and without control characters, for the log.
fn excerpt(sent: &[u8]) -> impl fmt::Display + '_ {
    sent[..sent.len().min(LONGEST_EXCERPT)].escape_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b"\x1b[2J\r\n").to_string(), r"\x1b[2J\r\n");
        assert_eq!(excerpt(&vec![b'a'; 1_000_000]).to_string().len(), LONGEST_EXCERPT);
    }
}
