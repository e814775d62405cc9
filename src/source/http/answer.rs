//! What is answered over HTTP: an outcome enters, a status with a body in the asker's own encoding leaves. Nothing of a request is repeated.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::source::{Encoding, Receiving, Reply, Signal};

pub(super) type Answer = Response<Content>;

/// The body of an answer: bytes, then perhaps trailers.
#[derive(Debug, Default)]
pub(super) struct Content {
    bytes: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Content {
    pub(super) fn new(bytes: Vec<u8>) -> Content {
        Content { bytes: Some(Bytes::from(bytes)).filter(|bytes| !bytes.is_empty()), trailers: None }
    }

    pub(super) fn with_trailers(bytes: Vec<u8>, trailers: HeaderMap) -> Content {
        Content { trailers: Some(trailers), ..Content::new(bytes) }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = self.bytes.take().map(Frame::data);
        Poll::Ready(bytes.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

pub(super) const JSON: &str = "application/json";
pub(super) const PROTOBUF: &str = "application/x-protobuf";

/// When a refused sender may come again, in seconds.
pub(super) const RETRY_SECONDS: u64 = 1;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// What it holds cannot be read at all.
    #[error("nothing in the body can be read: send JSON values, or an OpenTelemetry export request")]
    Unreadable,
    /// What is packed there is not what was packed.
    #[error("the body is not packed as its Content-Encoding says: send it again")]
    Packed,
    /// The body broke off.
    #[error("the body broke off: send it again")]
    BrokeOff,
    /// None, or an unknown one.
    #[error("a token is needed: send Authorization: Bearer and one of token_file")]
    Token,
    /// A web page, not a program.
    #[error("requests of web pages are refused: send without an Origin header")]
    Origin,
    /// A name that is not this machine's, as a rebound name in a browser would be.
    #[error("unknown Host: address this listener as 127.0.0.1, [::1] or localhost")]
    Host,
    /// Nobody answers under that path.
    #[error("nothing answers under this path")]
    Nobody,
    /// Intake takes POST, questions GET or POST.
    #[error("unknown method: use {0}")]
    Method(&'static str),
    /// It does not come, or too slowly.
    #[error("the body came too slowly: send at least 1 kB a second")]
    Slow,
    /// Beyond the cap.
    #[error("the body is larger than {} MiB: send it in parts", .0 >> 20)]
    TooLarge(usize),
    /// Of a kind that is not read.
    #[error("unknown Content-Type: use application/json or application/x-protobuf")]
    Type,
    /// Packed in a way that is not read.
    #[error("unknown Content-Encoding: use gzip, zstd or identity")]
    Encoding,
    /// More is on its way than there is room for, or the disk does not take it.
    #[error("too much is on its way: send it again in a moment")]
    Busy,
    /// It was taken, but nobody can say that it is safe.
    #[error("not known to be safe: send it again, it counts once")]
    Unsafe,
    /// The process ends.
    #[error("costtop is ending: send it again later, it counts once")]
    Ending,
}

impl Refusal {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Refusal::Unreadable | Refusal::Packed | Refusal::BrokeOff => StatusCode::BAD_REQUEST,
            Refusal::Token => StatusCode::UNAUTHORIZED,
            Refusal::Origin => StatusCode::FORBIDDEN,
            Refusal::Host => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Nobody => StatusCode::NOT_FOUND,
            Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Slow => StatusCode::REQUEST_TIMEOUT,
            Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Type | Refusal::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Busy | Refusal::Unsafe | Refusal::Ending => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Coming again helps.
    pub(super) const fn passes(self) -> bool {
        matches!(self, Refusal::Busy | Refusal::Unsafe | Refusal::Ending | Refusal::Slow | Refusal::BrokeOff)
    }

    /// The answer; `otlp` tells how an exporter wants it written.
    pub(super) fn answer(self, otlp: Option<Encoding>) -> Answer {
        let text = self.to_string();
        let (media, body) = match otlp {
            None => (JSON, serde_json::json!({ "error": text }).to_string().into_bytes()),
            Some(Encoding::Json) => {
                (JSON, serde_json::json!({ "code": self.code(), "message": text }).to_string().into_bytes())
            }
            Some(Encoding::Protobuf) => (PROTOBUF, status(self.code(), &text)),
        };
        let mut answer = answer(self.status(), media, body);
        let headers = answer.headers_mut();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        if let Refusal::Method(allowed) = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if self == Refusal::Token {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // What of the body was not read would be taken for the next request.
        if matches!(self, Refusal::Slow | Refusal::TooLarge(_) | Refusal::Ending) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// The status of google.rpc, as OpenTelemetry's answers carry it.
    pub(super) const fn code(self) -> u8 {
        match self {
            Refusal::Unreadable | Refusal::Packed | Refusal::BrokeOff | Refusal::Type => 3, // INVALID_ARGUMENT
            Refusal::Slow => 4,                                                             // DEADLINE_EXCEEDED
            Refusal::Origin | Refusal::Host => 7,                                           // PERMISSION_DENIED
            Refusal::TooLarge(_) => 8,                                                      // RESOURCE_EXHAUSTED
            Refusal::Nobody | Refusal::Method(_) | Refusal::Encoding => 12,                 // UNIMPLEMENTED
            Refusal::Token => 16,                                                           // UNAUTHENTICATED
            Refusal::Busy | Refusal::Unsafe | Refusal::Ending => 14,                        // UNAVAILABLE
        }
    }
}

/// An answer with the headers that all have.
pub(super) fn answer(status: StatusCode, media: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Content::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// What somebody asked for.
pub(super) fn replied(reply: Reply) -> Answer {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, reply.content_type, reply.body)
}

/// A body of events is safe.
pub(super) fn received(receiving: Receiving) -> Answer {
    let Receiving { records, rejected } = receiving;
    let body = serde_json::json!({ "records": records, "rejected": rejected });
    answer(StatusCode::OK, JSON, body.to_string().into_bytes())
}

/// An export request is safe.
pub(super) fn exported(receiving: Receiving, signal: Signal, encoding: Encoding) -> Answer {
    match encoding {
        Encoding::Json => answer(StatusCode::OK, JSON, partial_json(receiving, signal)),
        Encoding::Protobuf => answer(StatusCode::OK, PROTOBUF, partial_protobuf(receiving)),
    }
}

/// What is said of records that were not kept.
const REJECTED: &str = "records whose numbers, model or nesting cannot be read";

fn partial_json(receiving: Receiving, signal: Signal) -> Vec<u8> {
    if receiving.rejected == 0 {
        return b"{}".to_vec();
    }
    let count = match signal {
        Signal::Logs => "rejectedLogRecords",
        Signal::Traces => "rejectedSpans",
        Signal::Metrics => "rejectedDataPoints",
    };
    // The JSON form of Protobuf writes 64-bit numbers as text.
    let partial = serde_json::json!({ count: receiving.rejected.to_string(), "errorMessage": REJECTED });
    serde_json::json!({ "partialSuccess": partial }).to_string().into_bytes()
}

/// `Export…ServiceResponse`: the three have the same numbers of fields.
pub(super) fn partial_protobuf(receiving: Receiving) -> Vec<u8> {
    if receiving.rejected == 0 {
        return Vec::new();
    }
    let mut partial = Vec::new();
    number(1, receiving.rejected, &mut partial);
    bytes(2, REJECTED.as_bytes(), &mut partial);
    let mut response = Vec::new();
    bytes(1, &partial, &mut response);
    response
}

/// `google.rpc.Status`.
pub(super) fn status(code: u8, message: &str) -> Vec<u8> {
    let mut status = Vec::new();
    number(1, code.into(), &mut status);
    bytes(2, message.as_bytes(), &mut status);
    status
}

pub(super) fn number(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    varint(value, out);
}

pub(super) fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_is_written_as_its_readers_expect() {
        assert_eq!(status(3, "no"), b"\x08\x03\x12\x02no");
        let partial = partial_protobuf(Receiving { records: 400, rejected: 300 });
        assert_eq!(partial[..5], [0x0a, partial.len() as u8 - 2, 0x08, 0xac, 0x02]);
        assert!(partial_protobuf(Receiving { records: 400, rejected: 0 }).is_empty());
    }

    #[test]
    fn whoever_may_come_again_is_told_when() {
        for refusal in [Refusal::Busy, Refusal::Unsafe, Refusal::Ending] {
            assert_eq!(refusal.answer(None).headers()[RETRY_AFTER], "1");
        }
        let refused = Refusal::Method("POST").answer(Some(Encoding::Protobuf));
        assert_eq!((refused.status().as_u16(), &refused.headers()[ALLOW]), (405, &HeaderValue::from_static("POST")));
    }
}
