//! The port and its connections. One request each; the oldest gives way when there are too many,
//! and none lives long, so that no client can hold up another.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::answer::answer;
use crate::rendered::Rendered;
use crate::settings::Settings;

/// Connections at a time, at most.
const CONNECTIONS_AT_MOST: usize = 32;
/// Bytes of a request's line and headers, at most.
const HEADER_BYTES_AT_MOST: usize = 16 << 10;
/// A request's headers, at most.
const HEADERS_AT_MOST: usize = 64;
/// The headers must be there after this.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// The answer must be taken after this, counted from the connection's beginning.
const ALL_WITHIN: Duration = Duration::from_secs(10);
/// Between attempts to take a connection where the system has no file for it.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens the first free port and serves, in tasks of `runtime`, until that ends.
pub fn start(settings: Settings, metrics: Arc<Metrics>, runtime: &Handle) {
    runtime.spawn(async move {
        match listen(&settings).await {
            Ok(listener) => serve(listener, metrics).await,
            Err(error) => tracing::warn!(
                "The metrics of this process are not served, all else goes on: no port of \
                 dualwrite.metrics.port ({}-{}) could be opened at \
                 dualwrite.metrics.bind-address ({}): {error}.",
                settings.ports.start(),
                settings.ports.end(),
                settings.address
            ),
        }
    });
}

/// The first port that is free.
async fn listen(settings: &Settings) -> io::Result<TcpListener> {
    let address = address(&settings.address).await?;
    let mut refused = io::Error::from(ErrorKind::AddrInUse);
    for port in settings.ports.clone() {
        match TcpListener::bind((address, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
        // no other port would serve
        if !matches!(
            refused.kind(),
            ErrorKind::AddrInUse | ErrorKind::PermissionDenied
        ) {
            break;
        }
    }
    Err(refused)
}

async fn address(text: &str) -> io::Result<IpAddr> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = lookup_host((text, 0)).await?.next();
    let found = found.ok_or_else(|| io::Error::from(ErrorKind::AddrNotAvailable))?;
    Ok(found.ip())
}

async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    if let Ok(bound) = listener.local_addr() {
        tracing::info!("Metrics of this process are at {}", url(bound, &host));
    }
    let rendered = Arc::new(Rendered::new(Arc::clone(&metrics), host));
    let mut connections = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    metrics.panics.inc();
                }
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        oldest_first.retain(|connection| !connection.is_finished());
        if oldest_first.len() >= CONNECTIONS_AT_MOST
            && let Some(oldest) = oldest_first.pop_front()
        {
            oldest.abort();
        }
        let one = connection(stream, Arc::clone(&rendered));
        oldest_first.push_back(connections.spawn(one));
    }
}

/// One request and its answer; what goes wrong is the client's loss.
async fn connection(stream: TcpStream, rendered: Arc<Rendered>) {
    let service = service_fn(|request| answer(request, &rendered));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADER_BYTES_AT_MOST)
        .max_headers(HEADERS_AT_MOST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(ALL_WITHIN, connection).await;
}

/// How others reach it: by the machine's name where it listens at every address.
fn url(bound: SocketAddr, host: &str) -> String {
    if bound.ip().is_unspecified() {
        format!("http://{host}:{}/metrics", bound.port())
    } else {
        format!("http://{bound}/metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_an_address_that_can_be_opened() {
        let urls = ["0.0.0.0:9260", "[::]:9260", "10.0.0.7:9261", "[::1]:9262"];
        let urls = urls.map(|bound| url(bound.parse().unwrap(), "tm7"));
        let expected = [
            "http://tm7:9260/metrics",
            "http://tm7:9260/metrics",
            "http://10.0.0.7:9261/metrics",
            "http://[::1]:9262/metrics",
        ];
        assert_eq!(urls, expected);
    }
}
