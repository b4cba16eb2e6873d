//! Somebody between clients and a `NameNode` who delays, holds and loses single calls.
//!
//! Hadoop's RPC frames are followed as far as needed to know a call's number and method: see
//! `frame`. Refuses to change a byte of what it lets through, and to see a `DataNode`.

mod frame;

use std::collections::HashMap;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::ports::Port;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes through; instead of its answer comes the connection's end.
    LoseReply,
    /// It does not go through before [`Proxy::let_go`].
    Hold,
    /// Its answer comes so much later, as over a long way; no answer overtakes it.
    Delay(Duration),
}

/// Which calls meet with a fate.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The method's name in `ClientNamenodeProtocol`, e.g. `rename2`, `complete`, `create`; with
    /// nothing each one.
    pub method: &'static str,
    /// What the request must contain, e.g. a part of a path; with nothing each one does.
    pub of: &'static str,
    /// Every so many of these calls, beginning with the first.
    pub every: u64,
    /// What happens to them.
    pub fate: Fate,
}

/// A running proxy. Dropped, all its connections end.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    closed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rule: Option<Rule>,
    /// Calls that were such as the rule says.
    seen: u64,
    /// Calls that met with their fate.
    struck: u64,
    held: Vec<(Arc<Link>, Vec<u8>)>,
    links: Vec<Weak<Link>>,
}

/// One connection.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// Frames go to the server whole.
    turn: Mutex<()>,
    /// What is to happen to answers, by the call's number.
    fates: Mutex<HashMap<u64, Fate>>,
    ended: AtomicBool,
}

impl Proxy {
    /// Listens on a port of 127.0.0.1 for the `NameNode` at `target`, e.g. `127.0.0.1:21000`. Each
    /// connection needs one there.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(target: &str) -> Result<Self> {
        let port = Port::take()?;
        let listener = TcpListener::bind(port.address()).context("cannot listen")?;
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            closed: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.closed.load(Ordering::Relaxed) {
                    break;
                }
                // A client that cannot be served sees its connection end.
                let _ = client.and_then(|client| connect(&accepting, client));
            }
        });
        Ok(Self { port, shared })
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// From now on calls meet with what the rule says, and with nothing else.
    pub fn rule(&self, rule: Rule) {
        let mut state = self.shared.lock();
        state.rule = Some(rule);
        (state.seen, state.struck) = (0, 0);
    }

    /// How many calls have met with their fate since the rule was made. A lost reply counts once
    /// it is lost.
    pub fn struck(&self) -> u64 {
        self.shared.lock().struck
    }

    /// Ends the rule. What was held goes through, unless whoever asked for it is gone.
    pub fn let_go(&self) {
        let held = {
            let mut state = self.shared.lock();
            state.rule = None;
            std::mem::take(&mut state.held)
        };
        for (link, frame) in held {
            if !link.ended.load(Ordering::Relaxed) {
                link.to_server(&frame);
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        for link in self.shared.lock().links.drain(..) {
            if let Some(link) = link.upgrade() {
                link.end();
            }
        }
        // Wakes who accepts.
        let _ = TcpStream::connect(self.port.address());
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream) -> std::io::Result<()> {
    let server = TcpStream::connect(&shared.target)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let link = Arc::new(Link {
        client,
        server,
        turn: Mutex::default(),
        fates: Mutex::default(),
        ended: AtomicBool::new(false),
    });
    {
        let links = &mut shared.lock().links;
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&link));
    }
    // Each thread ends with either end of the connection.
    let (asking, asked) = (Arc::clone(&link), Arc::clone(shared));
    std::thread::spawn(move || {
        let _ = requests(&asked, &asking, &mut from_client);
        asking.end();
    });
    let (queue, due) = channel();
    let (answering, shared) = (Arc::clone(&link), Arc::clone(shared));
    std::thread::spawn(move || {
        let _ = answers(&shared, &answering, &mut from_server, &queue);
        // What is in the queue still goes its way; then the connection ends.
    });
    std::thread::spawn(move || {
        let _ = deliver(&link, &due);
        link.end();
    });
    Ok(())
}

fn requests(shared: &Shared, link: &Arc<Link>, from: &mut TcpStream) -> std::io::Result<()> {
    let preamble = frame::preamble(from)?;
    link.to_server(&preamble);
    loop {
        let frame = frame::next(from)?;
        let Some(call) = frame::call(&frame) else {
            link.to_server(&frame);
            continue;
        };
        match shared.fate(&call.method, &frame) {
            None => link.to_server(&frame),
            Some(Fate::Hold) => shared.hold(link, frame),
            Some(fate) => {
                lock(&link.fates).insert(call.number, fate);
                link.to_server(&frame);
            }
        }
    }
}

fn answers(
    shared: &Shared,
    link: &Link,
    from: &mut TcpStream,
    queue: &Sender<(Instant, Vec<u8>)>,
) -> Result<()> {
    loop {
        let frame = frame::next(from)?;
        let fate = frame::answered(&frame).and_then(|call| lock(&link.fates).remove(&call));
        let mut due = Instant::now();
        if fate.is_some() {
            shared.lock().struck += 1;
        }
        match fate {
            Some(Fate::LoseReply) => return Ok(()),
            Some(Fate::Delay(pause)) => due += pause,
            Some(Fate::Hold) | None => {}
        }
        queue.send((due, frame))?;
    }
}

/// Gives the client its answers, each when it is due.
fn deliver(link: &Link, queue: &Receiver<(Instant, Vec<u8>)>) -> std::io::Result<()> {
    for (due, frame) in queue {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        (&link.client).write_all(&frame)?;
    }
    Ok(())
}

impl Shared {
    fn fate(&self, method: &str, frame: &[u8]) -> Option<Fate> {
        let mut state = self.lock();
        let rule = state
            .rule
            .as_ref()
            .filter(|rule| rule.is_of(method, frame))?;
        let (every, fate) = (rule.every, rule.fate);
        state.seen += 1;
        (state.seen - 1).is_multiple_of(every).then_some(fate)
    }

    fn hold(&self, link: &Arc<Link>, frame: Vec<u8>) {
        let mut state = self.lock();
        state.struck += 1;
        state.held.push((Arc::clone(link), frame));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Rule {
    fn is_of(&self, method: &str, frame: &[u8]) -> bool {
        let of = self.of.as_bytes();
        let mentions = || of.is_empty() || frame.windows(of.len()).any(|bytes| bytes == of);
        (self.method.is_empty() || method == self.method) && mentions()
    }
}

impl Link {
    fn to_server(&self, bytes: &[u8]) {
        let _turn = lock(&self.turn);
        // The other direction sees the connection's end.
        let _ = (&self.server).write_all(bytes);
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        // Fails only for what has ended.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let messages = messages.iter().flat_map(|message| {
            let length = u8::try_from(message.len()).unwrap();
            std::iter::once(length).chain(message.iter().copied())
        });
        let body: Vec<u8> = messages.collect();
        let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend(body);
        frame
    }

    fn request(call: u8, method: &str, path: &str) -> Vec<u8> {
        let mut name = vec![10, u8::try_from(method.len()).unwrap()];
        name.extend(method.as_bytes());
        framed(&[&[8, 2, 16, 0, 24, call * 2], &name, path.as_bytes()])
    }

    fn answer(call: u8) -> Vec<u8> {
        framed(&[&[8, call]])
    }

    /// Answers every call, and keeps what it was asked.
    fn server() -> (String, Arc<Mutex<Vec<u64>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::<Mutex<Vec<u64>>>::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(std::io::Result::ok) {
                frame::preamble(&mut client).unwrap();
                while let Ok(frame) = frame::next(&mut client) {
                    let call = frame::call(&frame).unwrap().number;
                    lock(&seen).push(call);
                    client
                        .write_all(&answer(u8::try_from(call).unwrap()))
                        .unwrap();
                }
            }
        });
        (address, asked)
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        client.write_all(b"hrpc\x09\x00\x00").unwrap();
        client
    }

    fn rule(fate: Fate) -> Rule {
        Rule {
            method: "rename2",
            of: "/x",
            every: 2,
            fate,
        }
    }

    #[test]
    fn a_lost_reply_is_of_a_call_that_went_through() {
        let (address, asked) = server();
        let proxy = Proxy::start(&address).unwrap();
        proxy.rule(rule(Fate::LoseReply));
        let mut client = client(&proxy);
        for (call, method, path) in [(1, "create", "/x"), (2, "rename2", "/y")] {
            client.write_all(&request(call, method, path)).unwrap();
            assert_eq!(frame::next(&mut client).unwrap(), answer(call));
        }
        client.write_all(&request(3, "rename2", "/x/1")).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "an answer, not the end");
        assert_eq!((proxy.struck(), &**lock(&asked)), (1, &[1, 2, 3][..]));

        // Of these calls it is the second.
        let mut client = self::client(&proxy);
        client.write_all(&request(4, "rename2", "/x/2")).unwrap();
        assert_eq!(frame::next(&mut client).unwrap(), answer(4));
    }

    #[test]
    fn what_is_held_goes_through_later_and_the_rest_passes_it_by() {
        let (address, asked) = server();
        let proxy = Proxy::start(&address).unwrap();
        proxy.rule(rule(Fate::Hold));
        let mut client = client(&proxy);
        for call in [1, 2] {
            client.write_all(&request(call, "rename2", "/x")).unwrap();
        }
        assert_eq!(frame::next(&mut client).unwrap(), answer(2));
        assert_eq!((proxy.struck(), &**lock(&asked)), (1, &[2][..]));
        proxy.let_go();
        assert_eq!(frame::next(&mut client).unwrap(), answer(1));
    }

    #[test]
    fn a_delayed_answer_comes_late() {
        let (address, _) = server();
        let proxy = Proxy::start(&address).unwrap();
        let pause = Duration::from_millis(200);
        proxy.rule(rule(Fate::Delay(pause)));
        let mut client = client(&proxy);
        let start = Instant::now();
        client.write_all(&request(1, "rename2", "/x")).unwrap();
        assert_eq!(frame::next(&mut client).unwrap(), answer(1));
        assert!(start.elapsed() >= pause);
    }
}
