//! Arbitrary mappings over arbitrary records: the compiled mapping and the slow reader of the same words must agree, and nothing may panic.
//!
//! The first byte says how many lines of the input are the mapping; what follows is the record. `cargo fuzz run mapping
//! fuzz/corpus/mapping -- -dict=fuzz/scanner.dict`.
#![no_main]

use std::path::Path;

use costtop::config::{Loaded, Overrides};

#[allow(dead_code, reason = "the tests compare in more ways than one target")]
#[path = "../../tests/support/slow_reader.rs"]
mod slow_reader;

/// Words and paths that bytes choose from, so that most inputs are a mapping that holds.
const WORDS: [&str; 20] = [
    "time", "model", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "web_searches", "cost", "user",
    "session", "call_id", "response_id", "status", "latency", "revision", "audio_input", "audio_cache_read", "image_output",
    "video_input",
];
const PATHS: [&str; 16] = [
    "a", "b", "a.b", "b.a", "a.b.c", "model", "usage", "usage.input_tokens", "usage.output_tokens", "input_tokens", "type",
    "message", "ts", "response.id", "id", "metadata.a",
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&length, rest)) = input.split_first() else { return };
    let Some((choices, record)) = rest.split_at_checked(usize::from(length % 24)) else { return };
    let path = |byte: u8| PATHS[usize::from(byte) % PATHS.len()];
    let flags = choices.first().copied().unwrap_or(0);
    let mut toml = format!(
        "[[mapping]]\nname = \"fuzzed\"\nhas = \"{}\"\ninput = \"{}\"\ninput_includes_cache = {}\noutput_includes_reasoning = {}\ncounts_include_media = {}\n",
        path(flags >> 4),
        path(flags),
        flags & 1 == 0,
        flags & 2 == 0,
        flags & 4 == 0
    );
    let mut said = [false; WORDS.len()];
    for pair in choices.get(1..).unwrap_or_default().chunks_exact(2) {
        let word = usize::from(pair[0]) % WORDS.len();
        if !std::mem::replace(&mut said[word], true) {
            toml.push_str(&format!("{} = [\"{}\", \"{}\"]\n", WORDS[word], path(pair[1]), path(pair[1] >> 4)));
        }
    }
    if !said[1] {
        toml.push_str("model = \"model\"\n");
    }
    let file = Some((Path::new("fuzzed.toml"), toml.as_str()));
    let loaded = Loaded::from_layers(file, &Overrides::default(), &|_| None).expect("a mapping that holds");
    slow_reader::compare_with(&loaded.config.mappings, record);
});
