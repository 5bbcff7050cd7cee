//! One connection of a mail server: requests in, answers out.

use super::PolicyPort;
use super::protocol::{ProtocolError, Request, Scanner, excerpt};
use std::{io, sync::Arc};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// What a connection keeps for reading: several requests of Postfix.
const BUFFER: usize = 4 * 1024;

pub(super) struct Connection<S> {
    port: Arc<PolicyPort>,
    stream: S,
    /// What was received and not answered yet.
    buffer: Vec<u8>,
    scanner: Scanner,
    /// Since when the client has owed us a request, or the rest of one.
    waiting_since: Instant,
}

/// Why a connection ended before its client closed it.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    #[error("the client closed before its request was complete")]
    HalfRequest,
    #[error("the client did not complete its request in time")]
    SlowRequest,
    #[error("the client did not take its answer in time")]
    SlowReader,
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(port: Arc<PolicyPort>, stream: S) -> Self {
        Self {
            port,
            stream,
            buffer: Vec::with_capacity(BUFFER),
            scanner: Scanner::default(),
            waiting_since: Instant::now(),
        }
    }

    /// Answers requests until the client closes, idles, breaks the protocol, or `stop`.
    pub(super) async fn serve(mut self, stop: CancellationToken) {
        if let Err(broken) = self.answer_all(&stop).await {
            self.tell(&broken);
        }
    }

    async fn answer_all(&mut self, stop: &CancellationToken) -> Result<(), Broken> {
        while self.receive(stop).await? {
            while let Some(length) = self.scanner.scan(&self.buffer)? {
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

    /// Waits for more of what the client sends; says whether there is more to come.
    async fn receive(&mut self, stop: &CancellationToken) -> Result<bool, Broken> {
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
    async fn answer(&mut self, length: usize) -> Result<(), Broken> {
        let answer = self.port.answer(&Request::read(&self.buffer[..length])).await;
        timeout(self.port.limits.answer, self.stream.write_all(answer))
            .await
            .map_err(|_| Broken::SlowReader)??;
        self.buffer.drain(..length);
        self.waiting_since = Instant::now();
        Ok(())
    }

    fn tell(&self, broken: &Broken) {
        if matches!(broken, Broken::Connection(_)) {
            return tracing::debug!(%broken, "policy connection");
        }
        self.port.metrics.protocol_errors.increment(1);
        if self.port.broken_told.is_due(Instant::now().into_std()) {
            tracing::warn!(%broken, received = %excerpt(&self.buffer), "policy connection closed without an answer");
        }
    }
}
