//! Arbitrary bytes as the body of a request: the first byte chooses what the sender says it is. Whatever it holds, reading it ends, panics
//! nowhere, tells every record's place once, and says the same the second time.
//!
//! `cargo fuzz run http_body fuzz/corpus/http_body`
#![no_main]

use costtop::format::{At, Decoder, Skip};
use costtop::source::unpack::{Packing, Unpacker};
use costtop::source::{Encoding, Frame, Signal};
use costtop::time::Zone;
use costtop::usage::Usage;

/// As much of a packed body as a request may unpack to, and no more than a run has time for.
const MAX_BODY: usize = 1 << 20;

fn frame(kind: u8) -> Frame {
    let signal = [Signal::Logs, Signal::Traces, Signal::Metrics][usize::from(kind) % 3];
    match kind / 3 % 4 {
        0 => Frame::Lines,
        1 => Frame::Values,
        2 => Frame::Otlp(signal, Encoding::Json),
        _ => Frame::Otlp(signal, Encoding::Protobuf),
    }
}

/// The content, if all of it is there and it is no larger than a body may be.
fn unpacked(packing: Packing, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut unpacker = Unpacker::of_bytes(packing, bytes);
    let (mut content, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while unpacker.end().is_none() {
        let read = unpacker.read(&mut buffer).expect("memory has no errors");
        content.extend_from_slice(&buffer[..read]);
        if content.len() > MAX_BODY {
            return None;
        }
    }
    Some(content)
}

fn read(frame: Frame, body: &[u8]) -> Vec<(u32, String)> {
    let mut told = Vec::new();
    Decoder::new(Zone::UTC).decode_body(frame, 0, body, &mut |at: At, result: Result<&Usage<'_>, Skip>| {
        told.push((at.index, format!("{result:?}")));
    });
    told
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else { return };
    let body = match kind / 12 % 3 {
        0 => body.to_vec(),
        1 => unpacked(Packing::Gzip, body).unwrap_or_default(),
        _ => unpacked(Packing::Zstd, body).unwrap_or_default(),
    };
    let frame = frame(*kind);
    let told = read(frame, &body);
    if frame == Frame::Values {
        assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "a place is told twice");
    }
    assert_eq!(told, read(frame, &body));
});
