//! Arbitrary sequences of lines, with the context saved and restored at any point: the same result as without, nothing may panic, and what
//! is kept is bounded.
//!
//! `cargo fuzz run agents fuzz/corpus/agents -- -dict=fuzz/scanner.dict`; seeds are the files of `tests/fixtures/formats/codex` and
//! `tests/fixtures/formats/agents`. A line that begins with `!` is a restart before the next one.
#![no_main]

use costtop::format::context::Context;
use costtop::format::{At, Decoder, Skip};
use costtop::time::Zone;
use costtop::usage::Usage;

/// Longest text that a decoder may hold here.
const LIMIT: u64 = 4096;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(read(&lines, false), read(&lines, true));
});

/// What lines say, the process restarted where they tell so, or never.
fn read(lines: &[&[u8]], restarts: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut decoder = fresh(Context::new(LIMIT));
    let mut offset = 0;
    for line in lines {
        if line.first() == Some(&b'!') {
            if restarts {
                let mut context = decoder.go_on_with(Context::default());
                let saved = context.save();
                assert!(saved.len() < 24 << 10 && context.parts().held() < 64 << 10);
                // Unfinished texts are read again, which brings them back as they were.
                let parts = context.replace_parts(costtop::format::wrapper::Parts::new(LIMIT));
                let mut loaded = Context::load(&saved).expect("what was saved is loaded");
                assert_eq!(loaded.save(), saved);
                loaded.replace_parts(parts);
                decoder = fresh(loaded);
            }
        } else {
            decoder.decode(offset, line, &mut |at: At, result: Result<&Usage<'_>, Skip>| {
                out.push(format!("{at:?} {result:?}"));
            });
        }
        offset += line.len() as u64;
    }
    out
}

fn fresh(context: Context) -> Decoder {
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.go_on_with(context);
    decoder
}
