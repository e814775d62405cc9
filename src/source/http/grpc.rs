//! OpenTelemetry over gRPC: the call of an exporter enters as a request of HTTP/2, its status leaves in trailers. One message each way,
//! so the framing is five bytes; of gRPC nothing else is needed, and nothing else is spoken.

use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::answer::{self, Answer, Content, RETRY_SECONDS, Refusal};
use super::body::{self, Whole};
use super::watch::Running;
use super::{Site, hand_over, packing, word};
use crate::source::{Encoding, Frame, Receiving, Signal, SourceId};

/// Largest message, unpacked: what OpenTelemetry's collector takes.
const MAX_MESSAGE: usize = 4 << 20;
/// A flag for packed messages, then the length in four bytes.
const PREFIX: usize = 5;

const MEDIA: &str = "application/grpc";
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const PACKED: HeaderName = HeaderName::from_static("grpc-encoding");

/// Whether a request is a call.
pub(super) fn is_call(headers: &HeaderMap) -> bool {
    let media = word(headers, &CONTENT_TYPE);
    media == MEDIA || media == "application/grpc+proto"
}

/// What the method at a path exports.
pub(super) fn method(path: &str) -> Option<Signal> {
    Some(match path {
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Signal::Logs,
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Signal::Traces,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Signal::Metrics,
        _ => return None,
    })
}

/// Takes one call's message; what became of it once that is safe.
pub(super) async fn export(
    request: Request<Incoming>,
    signal: Signal,
    source: SourceId,
    running: &Running,
    site: &Site,
) -> Result<Receiving, Refusal> {
    let packing = packing(request.headers(), &PACKED)?;
    let declared = request.body().size_hint().exact();
    let outlet = &site.outlet;
    let call = body::collect(request.into_body(), declared, MAX_MESSAGE + PREFIX, running, outlet).await?;
    running.waits();
    let (packed, mut message) = message(call)?;
    if packed {
        message = body::unpack(message, packing.ok_or(Refusal::Packed)?, MAX_MESSAGE, outlet).await?;
    }
    hand_over(message, Frame::Otlp(signal, Encoding::Protobuf), source, site).await
}

/// The one message of a call, and whether it is packed.
fn message(call: Whole) -> Result<(bool, Whole), Refusal> {
    let Whole { mut bytes, reserved } = call;
    let Some((prefix, message)) = bytes.split_at_checked(PREFIX) else { return Err(Refusal::BrokeOff) };
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if prefix[0] > 1 || message.len() != length {
        return Err(Refusal::Unreadable);
    }
    let packed = prefix[0] == 1;
    bytes.drain(..PREFIX);
    Ok((packed, Whole { bytes, reserved }))
}

/// The call is answered: its message, then its status.
pub(super) fn exported(receiving: Receiving) -> Answer {
    let message = answer::partial_protobuf(receiving);
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let mut response = Response::new(Content::with_trailers(framed, trailers));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    response
}

/// The call is refused: a status alone, in the headers.
pub(super) fn refused(refusal: Refusal) -> Answer {
    let text = refusal.to_string();
    let mut response = Response::new(Content::new(Vec::new()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    headers.insert(STATUS, HeaderValue::from(u16::from(refusal.code())));
    // Refusals are texts of ours: printable ASCII without '%', which need no escape.
    headers.insert(MESSAGE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("refused")));
    if refusal.passes()
        && let Ok(details) = HeaderValue::from_str(&base64(&retry(refusal.code(), &text)))
    {
        headers.insert(DETAILS, details);
    }
    response
}

/// `google.rpc.Status` with a `google.rpc.RetryInfo`: exporters come again only if they are told when.
fn retry(code: u8, text: &str) -> Vec<u8> {
    let (mut delay, mut info, mut any) = (Vec::new(), Vec::new(), Vec::new());
    answer::number(1, RETRY_SECONDS, &mut delay);
    answer::bytes(1, &delay, &mut info);
    answer::bytes(1, b"type.googleapis.com/google.rpc.RetryInfo", &mut any);
    answer::bytes(2, &info, &mut any);
    let mut status = answer::status(code, text);
    answer::bytes(3, &any, &mut status);
    status
}

/// RFC 4648, without padding, as gRPC writes binary headers.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for letter in 0..=part.len() {
            out.push(char::from(LETTERS[(word >> (18 - 6 * letter) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_headers_are_written_as_rfc_4648_says() {
        let known = [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in known {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn every_refusal_is_told_in_its_own_words_and_with_a_delay_where_coming_again_helps() {
        for (refusal, again) in [
            (Refusal::Busy, true),
            (Refusal::Ending, true),
            (Refusal::Unreadable, false),
            (Refusal::TooLarge(4 << 20), false),
        ] {
            let refused = refused(refusal);
            assert_eq!(refused.headers()[MESSAGE], refusal.to_string());
            assert!(refusal.to_string().bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'%'));
            assert_eq!(refused.headers().contains_key(DETAILS), again, "{refusal}");
        }
    }
}
