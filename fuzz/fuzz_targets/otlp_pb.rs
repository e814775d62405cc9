//! Arbitrary bytes as an export request in protobuf: nothing panics, a request counts whole or not at all, and what it says in JSON means
//! the same. The first byte chooses the signal.
#![no_main]

#[path = "../../tests/support/otlp_twin.rs"]
#[allow(dead_code, reason = "the writer is for tests")]
mod otlp_twin;

use costtop::format::{Decoder, Skip};
use costtop::source::{Encoding, Frame, Signal};
use costtop::time::Zone;
use costtop::usage::{RawText, Rejection};

fn said(frame: Frame, body: &[u8]) -> Vec<Result<String, Skip>> {
    let mut all = Vec::new();
    Decoder::new(Zone::UTC).decode_body(frame, 0, body, &mut |at, result| {
        assert_eq!(at.index as usize, all.len());
        all.push(result.map(|usage| {
            let (ids, who) = (&usage.ids, &usage.dimensions);
            let texts = [ids.request, ids.response, ids.call, ids.span, usage.model, who.user, who.session, usage.producer];
            let texts = texts.map(RawText::bytes);
            format!("{:?} {:?} {:?} {:?} {texts:?}", usage.origin, usage.time, usage.tokens, usage.reported)
        }));
    });
    all
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let signal = [Signal::Logs, Signal::Traces, Signal::Metrics][usize::from(first % 3)];
    let protobuf = said(Frame::Otlp(signal, Encoding::Protobuf), body);
    assert!(protobuf.len() <= body.len() + 1);
    match otlp_twin::json_of(signal, body) {
        Some(json) => {
            let json = json.to_string();
            assert_eq!(protobuf, said(Frame::Otlp(signal, Encoding::Json), json.as_bytes()), "{json}");
        }
        None => {
            // Not to be read; or a text is no UTF-8, which JSON cannot hold.
            let refused = protobuf.iter().any(|fate| *fate == Err(Skip::Rejected(Rejection::Json)));
            assert!(!refused || protobuf.len() == 1, "all or nothing");
        }
    }
});
