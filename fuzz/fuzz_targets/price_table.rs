//! Arbitrary bytes as a price file: refused, or every model in it can be looked up and bills whatever was used.
//!
//! `cargo fuzz run price_table fuzz/corpus/price_table`; seeds are the maps of `tests/fixtures/prices`.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use costtop::config::{PriceConfig, PriceFile};
use costtop::price::PriceBook;
use costtop::price::grammar::read_map;
use costtop::time::Timestamp;
use costtop::usage::{RawText, Terms, Tokens, Usage};

fn file() -> &'static PathBuf {
    static FILE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FILE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("prices.json");
        (folder, path)
    });
    path
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(map) = read_map(bytes) else { return };
    std::fs::write(file(), bytes).expect("a temporary file");
    let config = PriceConfig { files: vec![PriceFile::from(file().clone())], ..PriceConfig::default() };
    let book = PriceBook::new(&config).expect("what is read once is read twice");
    for (name, _) in map.iter().take(64) {
        for (count, tier) in [(0, ""), (1, "batch"), (300_000, "priority"), (u32::MAX, "flex")] {
            let tokens = Tokens {
                input: count,
                cache_read: count,
                cache_write_5m: count,
                cache_write_1h: count,
                output: count,
                reasoning: count,
                web_searches: count,
            };
            let usage = Usage {
                model: RawText::plain(name.as_bytes()),
                tokens,
                time: Some(Timestamp::from_ms(1_795_000_000_000)),
                terms: Terms { tier: RawText::plain(tier.as_bytes()), ..Terms::default() },
                ..Usage::default()
            };
            assert_eq!(book.quote(&usage).priced, book.price(&usage), "{name}");
        }
    }
});
