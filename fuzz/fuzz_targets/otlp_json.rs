//! Arbitrary bytes as an export request in JSON: posted as a body, and as a line, it means the same, and the slow reader agrees.
#![no_main]

#[allow(dead_code, reason = "the tests compare in more ways than one target")]
#[path = "../../tests/support/slow_reader.rs"]
mod slow_reader;

use costtop::format::{Decoder, Format, Line, Skip};
use costtop::source::{Encoding, Frame, Signal};
use costtop::time::Zone;
use costtop::usage::Usage;

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    slow_reader::compare(line);
    let said = |result: Result<&Usage<'_>, Skip>| result.map(|usage| format!("{usage:?}"));
    let (mut as_line, mut as_body) = (Vec::new(), Vec::new());
    let kind = Decoder::new(Zone::UTC).decode(0, line, &mut |at, result| {
        if at.wrapper.is_none() {
            as_line.push(said(result));
        }
    });
    Decoder::new(Zone::UTC)
        .decode_body(Frame::Otlp(Signal::Logs, Encoding::Json), 0, line, &mut |_, result| as_body.push(said(result)));
    if kind == Line::Known(Format::Otlp) && line.trim_ascii_start().starts_with(b"{") && as_line != [Err(Skip::NotUsage)] {
        assert_eq!(as_line, as_body);
    }
});
