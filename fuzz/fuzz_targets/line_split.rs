//! Arbitrary bytes, cut into reads in two ways: the lines are the same, and so is what they say. The first byte chooses the longest line
//! and the second seeds the cuts.
//!
//! `cargo fuzz run line_split fuzz/corpus/line_split`; seeds are the lines of `tests/fixtures/formats`.
#![no_main]

use std::sync::{Arc, OnceLock};

use costtop::config::PriceConfig;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::Surroundings;
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::source::lines::StreamCutter;
use costtop::time::Zone;

/// Reads of these sizes, again and again; a read is never longer than a line may be.
fn cut(bytes: &[u8], cap: usize, mut size: impl FnMut() -> usize) -> (Vec<(u64, Vec<u8>)>, u64) {
    let (mut cutter, mut cuts, mut too_long, mut rest) = (StreamCutter::new(cap), Vec::new(), 0, bytes);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(size().clamp(1, cap).min(rest.len()));
        rest = later;
        if let Some(cut) = cutter.push(now) {
            too_long += cut.too_long;
            cuts.push((cut.offset, cut.bytes));
        }
    }
    let torn = cutter.finish();
    cuts.push((torn.offset, torn.bytes));
    (cuts, too_long + torn.too_long)
}

/// Every record in order and the counts beside them, as text.
fn said(cuts: &[(u64, Vec<u8>)]) -> String {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Shared {
        bodies: std::sync::Arc::default(),
        zone: Zone::UTC,
        key: IdentityKey(1, 2),
        book: Arc::new(PriceBook::new(&PriceConfig::default()).expect("the embedded prices")),
        around: [Surroundings::default()].into(),
        labels: None,
        keep_names: true,
    });
    let mut decoder = LineDecoder::new(shared.clone());
    let (mut text, mut names, mut intake) = (String::new(), Vec::new(), costtop::engine::record::Intake::default());
    for (place, (offset, bytes)) in cuts.iter().enumerate() {
        let ends = place + 1 == cuts.len();
        let decoded = decoder.decode(Chunk { bytes: bytes.clone(), ends, ..Chunk::empty(0, 1, *offset) });
        for record in &decoded.batch.records {
            // Labels are numbered, and names placed, anew in each batch.
            let label = |at: u32| decoded.batch.labels.get(at as usize).map_or("", |label| label.as_str());
            let dimensions = decoded.batch.dimensions(record);
            let labels: Vec<&str> =
                dimensions.iter().chain([&record.session, &record.stop_reason]).map(|at| label(*at)).collect();
            text += &format!(
                "{:?} {:?} {:?} {:?} {:?} {labels:?}\n",
                record.ids, record.tokens, record.time, record.priced, record.reported
            );
        }
        names.extend(decoded.batch.names);
        intake.add(&decoded.batch.intake);
    }
    format!("{text}{names:?} {intake:?}")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [kind, seed, text @ ..] = bytes else { return };
    let mut state = u64::from(*seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % 97) as usize
    };
    let cap = if kind % 2 == 0 { 16 } else { 256 << 10 };
    let (at_once, long) = cut(text, cap, || cap);
    let (in_parts, also_long) = cut(text, cap, &mut random);
    let whole = |cuts: &[(u64, Vec<u8>)]| cuts.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<u8>>();
    assert_eq!((whole(&at_once), long), (whole(&in_parts), also_long));
    for (offset, bytes) in &in_parts {
        assert!(text[*offset as usize..].starts_with(bytes), "a cut says where it stands");
    }
    if long == 0 {
        assert_eq!(said(&at_once), said(&in_parts));
    }
});
