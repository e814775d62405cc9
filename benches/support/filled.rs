//! Engines with a made-up past: charges enter as decoders would hand them over.

use costtop::config::Config;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Batch, Surroundings};
use costtop::engine::rows::Rows;
use costtop::engine::{Engine, Options};
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::time::{Timestamp, Zone};

use super::own;

/// 2026-02-01T00:00:00Z: the workload's days lie before it.
pub const NOW: Timestamp = Timestamp::from_ms(1_769_904_000_000);
/// Batches as decoders make them: `charges` of `users` within `span_ms` before now.
pub fn batches(charges: u64, users: u64, span_ms: u64, seed: u64) -> Vec<Batch> {
    let config = Config::default();
    let book = PriceBook::new(&config.prices).expect("the default prices are right");
    let shared = Shared {
        zone: Zone::UTC,
        key: IdentityKey::random(),
        book: book.into(),
        around: vec![Surroundings { user_order: config.user, ..Surroundings::default() }].into(),
        labels: None,
        keep_names: false,
        bodies: std::sync::Arc::default(),
    };
    let mut decoder = LineDecoder::new(shared);
    let mut lines = Vec::new();
    let start_ms = NOW.ms() - span_ms.cast_signed();
    own::write(&mut lines, &own::Plan { charges, users, span_ms, start_ms, seed }).expect("memory");
    let mut offset = 0;
    let mut batches = Vec::new();
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        // About 256 KiB, as the sources cut.
        let end = rest.len().min(256 << 10);
        let end = memchr::memchr(b'\n', &rest[end - 1..]).map_or(rest.len(), |more| end + more);
        let (bytes, later) = rest.split_at(end);
        let chunk = Chunk { bytes: bytes.to_vec(), ..Chunk::empty(0, 1, offset) };
        offset += end as u64;
        batches.push(decoder.decode(chunk).batch);
        rest = later;
    }
    batches
}

pub fn filled(batches: &[Batch], collect_changes: bool) -> Engine {
    let mut engine = Engine::new(Options { collect_changes, ..Options::default() }, Rows::in_memory(), NOW);
    let mut posts = Vec::new();
    for batch in batches {
        posts.clear();
        engine.apply(batch, NOW, &mut posts).expect("rows in memory");
    }
    engine
}
