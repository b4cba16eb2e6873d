//! One request and its answer. Takes GET and HEAD of two paths; no query, no body, no cookie is
//! looked at.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use hyper::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};

use crate::accept;
use crate::rendered::{Document, Rendered};

type Answer = Response<Full<Bytes>>;

/// The page has a style of its own and nothing else that is active, from wherever.
const NOTHING_ACTIVE: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(crate) async fn answer<B>(
    request: Request<B>,
    rendered: &Rendered,
) -> Result<Answer, Infallible> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return Ok(answer);
    }
    let document = match request.uri().path() {
        "/" => Document::Page,
        "/metrics" => {
            // a client may send several, which count as one list
            let all = request.headers().get_all(ACCEPT).iter();
            let all: Vec<_> = all.filter_map(|value| value.to_str().ok()).collect();
            Document::Metrics(accept::format(&all.join(",")))
        }
        _ => {
            let there_is = "There are / and /metrics.\n";
            return Ok(plain(StatusCode::NOT_FOUND, there_is));
        }
    };
    let Some(bytes) = rendered.get(document).await else {
        let why = "The numbers could not be written.\n";
        return Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, why));
    };
    let kind = match document {
        Document::Metrics(format) => accept::content_type(format),
        Document::Page => "text/html; charset=utf-8",
    };
    Ok(of(StatusCode::OK, kind, bytes))
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    of(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn of(status: StatusCode, kind: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes));
    *answer.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, NOTHING_ACTIVE),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}
