//! Arbitrary bytes: every format's reader and the slow `serde_json` reader must agree, and nothing may panic.
//!
//! `cargo fuzz run scanner fuzz/corpus/scanner -- -dict=fuzz/scanner.dict`; seeds are the lines of `tests/fixtures/formats`.
#![no_main]

#[allow(dead_code, reason = "the tests compare in more ways than one target")]
#[path = "../../tests/support/slow_reader.rs"]
mod slow_reader;

libfuzzer_sys::fuzz_target!(|line: &[u8]| slow_reader::compare(line));
