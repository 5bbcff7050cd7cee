//! Accepting browsers and scripts, with limits that keep a slow one from holding up the others.

use super::client_address::Peer;
use super::{Shared, router};
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at once; one beyond waits to be accepted. Together with the policy port's this
/// must stay below the file descriptors of a process.
const MOST_CONNECTIONS: usize = 2_000;

/// How long a request may take, its body included: a client that sends a byte a minute shall not
/// keep a request open.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// From one request's end, or a connection's begin, to the end of the next request's head: against
/// clients that connect and send little or nothing.
const HEAD_WITHIN: Duration = Duration::from_mins(1);

/// The pause after an accept failed, as it does when file descriptors run out, so that it is not
/// tried in a loop that takes a whole processor.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers browsers and scripts until `stop`, then finishes the requests under way.
pub async fn serve(app: Shared, listener: TcpListener, stop: CancellationToken) {
    let server = Server {
        router: router(app),
        builder: builder(),
        places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        connections: GracefulShutdown::new(),
    };
    while stop.run_until_cancelled(server.accept(&listener)).await.is_some() {}
    server.connections.shutdown().await;
}

struct Server {
    router: Router,
    builder: Builder<TokioExecutor>,
    places: Arc<Semaphore>,
    connections: GracefulShutdown,
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder
}

impl Server {
    async fn accept(&self, listener: &TcpListener) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, peer)) => self.answer(stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn answer(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            let answer = router.clone().oneshot(request.map(Body::new));
            async {
                let answer = timeout(LONGEST_REQUEST, answer).await;
                answer.unwrap_or_else(|_| Ok(StatusCode::REQUEST_TIMEOUT.into_response()))
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.connections.watch(connection);
        tokio::spawn(async move {
            // How a connection ends is the client's business; what was answered is counted.
            let _ = connection.await;
            drop(place);
        });
    }
}
