//! An endpoint on a runtime of its own, and a client that is nothing but a socket.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use endpoint::Settings;
use telemetry::Metrics;
use tokio::runtime::{Builder, Runtime};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

pub type Log = Arc<Mutex<Vec<String>>>;

/// One that serves.
pub struct Served {
    pub at: SocketAddr,
    pub metrics: Arc<Metrics>,
    _runtime: Runtime,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Served {
    /// On some free port.
    pub fn start() -> Self {
        // a port that was free a moment ago
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self::at(&Settings {
            ports: port..=port.saturating_add(20),
            address: "127.0.0.1".to_owned(),
        })
    }

    pub fn at(settings: &Settings) -> Self {
        let (log, runtime, metrics) = start(settings);
        until("the address in the log", || !said(&log).is_empty());
        let lines = said(&log);
        let url = lines[0].strip_prefix("INFO Metrics of this process are at http://");
        let at = url.and_then(|url| url.strip_suffix("/metrics"));
        let at = at.unwrap_or_else(|| panic!("{lines:?}"));
        Self {
            at: at.parse().unwrap(),
            metrics,
            _runtime: runtime,
        }
    }

    pub fn get(&self, path: &str, headers: &str) -> Answer {
        get(self.at, path, headers).expect("an answer")
    }

    pub fn ask(&self, request: &str) -> Answer {
        ask(self.at, request).expect("an answer")
    }
}

/// Starts one, whatever comes of it.
pub fn start(settings: &Settings) -> (Log, Runtime, Arc<Metrics>) {
    let log = Log::default();
    let subscriber = Listening(Arc::clone(&log));
    let mut builder = Builder::new_multi_thread();
    // as many as the product has
    builder.worker_threads(2).enable_all();
    let dispatch = tracing::Dispatch::new(subscriber);
    builder.on_thread_start(move || {
        // for the rest of the thread's life
        std::mem::forget(tracing::dispatcher::set_default(&dispatch));
    });
    let runtime = builder.build().unwrap();
    let metrics = Metrics::new().unwrap();
    endpoint::start(settings.clone(), Arc::clone(&metrics), runtime.handle());
    (log, runtime, metrics)
}

pub fn said(log: &Log) -> Vec<String> {
    log.lock().unwrap().clone()
}

pub fn get(at: SocketAddr, path: &str, headers: &str) -> Option<Answer> {
    ask(
        at,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"),
    )
}

fn ask(at: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(30), "no {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Keeps what the endpoint logs.
struct Listening(Log);

impl Subscriber for Listening {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("endpoint")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, "{value:?}");
            }
        }
        let mut text = Text(format!("{} ", event.metadata().level()));
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
