//! Accepting browsers and scripts, with limits that keep a slow one from holding up the others.

use super::client_address::Peer;
use super::{Shared, router};
use crate::attempts::network;
use crate::places::{Place, Places};
use crate::seldom::Seldom;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hyper::Request;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections that one client may have, an IPv6 client by its network (/64). Those of this machine and
/// of trusted proxies, which come for many, have no such limit.
const MOST_OF_ONE_CLIENT: usize = 200;

/// How long a request may take, its body included: a client that sends a byte a minute shall not
/// keep a request open.
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// From one request's end, or a connection's begin, to the end of the next request's head: against
/// clients that connect and send little or nothing.
const HEAD_WITHIN: Duration = Duration::from_mins(1);

/// The pause after an accept failed, as it does when file descriptors run out, so that it is not
/// tried in a loop that takes a whole processor.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers browsers and scripts, on `most` connections at once, until `stop`; then finishes the
/// requests under way.
pub async fn serve(app: Shared, listener: TcpListener, most: usize, stop: CancellationToken) {
    let server = Server {
        trusted_proxies: app.config.trusted_proxies.clone(),
        router: router(app),
        builder: builder(HEAD_WITHIN),
        longest_request: LONGEST_REQUEST,
        places: Places::new(most),
        connections: GracefulShutdown::new(),
        not_accepted_told: Seldom::default(),
    };
    while stop.run_until_cancelled(server.accept(&listener)).await.is_some() {}
    server.connections.shutdown().await;
}

struct Server {
    trusted_proxies: Vec<IpNet>,
    router: Router,
    builder: Builder<TokioExecutor>,
    longest_request: Duration,
    places: Arc<Places>,
    connections: GracefulShutdown,
    not_accepted_told: Seldom,
}

fn builder(head_within: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_within);
    builder
}

impl Server {
    async fn accept(&self, listener: &TcpListener) {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (client, most) = self.client(peer.ip().to_canonical());
                // Where one client is busy on all of its connections, another of it is closed unread.
                if let Ok(place) = self.places.wait_for(Some(client), most).await {
                    self.answer(stream, peer, place);
                }
            }
            Err(error) => {
                if self.not_accepted_told.is_due(Instant::now()) {
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whom a connection counts for, and how many that client may have.
    fn client(&self, peer: IpAddr) -> (IpAddr, usize) {
        let comes_for_many = peer.is_loopback()
            || self.trusted_proxies.iter().any(|network| network.contains(&peer));
        let most = if comes_for_many { usize::MAX } else { MOST_OF_ONE_CLIENT };
        (network(peer), most)
    }

    fn answer<S>(&self, stream: S, peer: SocketAddr, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, longest) = (self.router.clone(), self.longest_request);
        let (leave, place) = (place.leave(), Arc::new(place));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            let place = Arc::clone(&place);
            let request = request.map(|body| UntilWhole::of(body, &place));
            let answer = router.clone().oneshot(request.map(Body::new));
            async move {
                let answer = timeout(longest, answer).await;
                let answer =
                    answer.unwrap_or_else(|_| Ok(StatusCode::REQUEST_TIMEOUT.into_response()));
                answer.map(|answer| answer.map(|body| UntilSent::of(body, place)))
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.connections.watch(connection);
        // How a connection ends is the client's business; what was answered is counted.
        tokio::spawn(async move { leave.run_until_cancelled(connection).await });
    }
}

/// The body of a request. Until it is whole the client is waited for, and makes way as one does that has
/// sent half a head.
struct UntilWhole {
    body: Incoming,
    place: Arc<Place>,
}

impl UntilWhole {
    fn of(body: Incoming, place: &Arc<Place>) -> Self {
        if body.is_end_stream() {
            place.busy();
        } else {
            place.idle();
        }
        Self { body, place: Arc::clone(place) }
    }
}

impl hyper::body::Body for UntilWhole {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.place.busy();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; until it is sent the connection is busy, and a stream of events is for long.
struct UntilSent {
    body: Body,
    place: Arc<Place>,
}

impl UntilSent {
    fn of(body: Body, place: Arc<Place>) -> Self {
        place.busy();
        Self { body, place }
    }
}

impl Drop for UntilSent {
    fn drop(&mut self) {
        self.place.idle();
    }
}

impl hyper::body::Body for UntilSent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn server() -> Server {
        Server {
            trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
            router: Router::new().fallback(async |_: Bytes| ""),
            builder: builder(Duration::from_millis(20)),
            longest_request: Duration::from_millis(10),
            places: Places::new(1),
            connections: GracefulShutdown::new(),
            not_accepted_told: Seldom::default(),
        }
    }

    #[test]
    fn one_client_has_200_connections_but_who_comes_for_many_has_no_limit() {
        for (peer, client, most) in [
            ("198.51.100.7", "198.51.100.7", 200),
            ("2001:db8::1:2:3:4", "2001:db8::", 200),
            ("192.0.2.9", "192.0.2.9", usize::MAX),
            ("127.0.0.2", "127.0.0.2", usize::MAX),
            ("::1", "::", usize::MAX),
        ] {
            let found = server().client(peer.parse().unwrap());
            assert_eq!(found, (client.parse().unwrap(), most), "{peer}");
        }
    }

    #[tokio::test]
    async fn who_sends_no_whole_head_or_body_is_waited_for_and_then_let_go() {
        for (sent, answer) in [
            ("", ""),
            ("GET / HTTP/1.1\r\n", ""),
            ("POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf", "HTTP/1.1 408"),
        ] {
            let server = server();
            let (mut client, stream) = tokio::io::duplex(1_024);
            let place = server.places.wait_for(None, 1).await.unwrap();
            server.answer(stream, ([192, 0, 2, 1], 1).into(), place);
            client.write_all(sent.as_bytes()).await.unwrap();
            let mut got = [0; 12];
            let length = client.read(&mut got).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&got[..length]), answer, "{sent}");
        }
    }
}
