//! The endpoint on real sockets: what clients get, and that those who are slow or hostile hold up
//! nobody.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use endpoint::Settings;
use support::{Served, get, said, until};

#[test]
fn both_formats_and_the_page() {
    let served = Served::start();
    served.metrics.sessions_opened.inc_by(3);
    let text = served.get("/metrics", "");
    assert_eq!(text.status, 200);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(text.head.contains(kind), "{}", text.head);
    assert!(text.body.contains("\ndualwrite_sessions_opened_total 3\n"));

    let wish = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = served.get("/metrics?x=y", wish);
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(open.head.contains(kind), "{}", open.head);
    assert!(open.body.ends_with("# EOF\n"));

    let page = served.get("/", "");
    assert!(page.head.contains("content-type: text/html; charset=utf-8"));
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'")
    );
    assert!(page.body.starts_with("<!DOCTYPE html>"));
}

#[test]
fn nothing_else_is_there() {
    let served = Served::start();
    for path in ["/x", "/metrics/", "/../etc/passwd", "//metrics"] {
        assert_eq!(served.get(path, "").status, 404, "{path}");
    }
    let posted = served.ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(posted.status, 405);
    assert!(posted.head.contains("allow: GET, HEAD"));
    let head = served.ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn numbers_are_of_the_moment() {
    let served = Served::start();
    for number in 1..=3 {
        served.metrics.sessions_opened.inc();
        sleep(Duration::from_millis(150));
        let line = format!("\ndualwrite_sessions_opened_total {number}\n");
        assert!(served.get("/metrics", "").body.contains(&line));
    }
}

#[test]
fn those_who_say_nothing_hold_up_nobody() {
    let served = Served::start();
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(served.at).unwrap();
        // half a request
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nX: ");
        silent.push(stream);
    }
    let asked_at = Instant::now();
    for _ in 0..20 {
        assert_eq!(served.get("/metrics", "").status, 200);
    }
    assert!(asked_at.elapsed() < Duration::from_secs(4), "held up");
    // and all of them are gone after a while
    for mut stream in silent {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut rest = Vec::new();
        let is_over = stream.read_to_end(&mut rest);
        let was_cut = is_over.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock);
        assert!(was_cut || rest.len() < 200, "it was answered");
    }
}

#[test]
fn those_who_do_not_take_their_answer_hold_up_nobody() {
    let served = Served::start();
    for job in 0..300 {
        served
            .metrics
            .job("a job with a name", &format!("{job:032x}"));
    }
    let lazy: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(served.at).unwrap();
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
            stream
        })
        .collect();
    let asked_at = Instant::now();
    assert_eq!(served.get("/metrics", "").status, 200);
    assert!(asked_at.elapsed() < Duration::from_secs(4), "held up");
    drop(lazy);
}

#[test]
fn what_is_no_request_is_refused() {
    let served = Served::start();
    let long = "x".repeat(100_000);
    let many = "X: y\r\n".repeat(200);
    let hostile = [
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /metrics HTTP/1.1\r\nX: {long}\r\n\r\n"),
        format!("GET /metrics HTTP/1.1\r\n{many}\r\n"),
        "\0\u{1}\u{2} nonsense\r\n\r\n".to_owned(),
        "GET /metrics HTTP/9.9\r\n\r\n".to_owned(),
        "\r\n".to_owned(),
    ];
    for request in hostile {
        let mut stream = TcpStream::connect(served.at).unwrap();
        // it may be refused before all of it is written
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    assert_eq!(served.get("/metrics", "").status, 200);
    assert_eq!(served.metrics.panics.get(), 0);
}

#[test]
fn processes_of_one_machine_have_one_port_each() {
    let first = Served::start();
    let ports = first.at.port()..=first.at.port().saturating_add(20);
    let second = Served::at(&Settings {
        ports,
        address: "127.0.0.1".to_owned(),
    });
    assert!(second.at.port() > first.at.port());
    assert_eq!(second.get("/metrics", "").status, 200);
    assert_eq!(first.get("/metrics", "").status, 200);
}

#[test]
fn without_a_free_port_there_is_one_warning() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let nowhere = [
        (port, "127.0.0.1"),
        // of nobody (documentation, RFC 5737)
        (9260, "192.0.2.1"),
        (9260, "no-such-host.invalid"),
    ];
    for (port, address) in nowhere {
        let settings = Settings {
            ports: port..=port,
            address: address.to_owned(),
        };
        let (log, _runtime, metrics) = support::start(&settings);
        until("the warning", || !said(&log).is_empty());
        let lines = said(&log);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let begin = format!(
            "WARN The metrics of this process are not served, all else goes on: no \
             port of dualwrite.metrics.port ({port}-{port}) could be opened"
        );
        assert!(lines[0].starts_with(&begin), "{lines:?}");
        assert_eq!(metrics.panics.get(), 0);
    }
}

#[test]
fn it_ends_with_the_runtime() {
    let served = Served::start();
    let at = served.at;
    drop(served);
    until("the port", || TcpListener::bind(at).is_ok());
    assert!(get(at, "/metrics", "").is_none());
}
