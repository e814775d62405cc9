//! What a commit takes while the ledger grows: from changed rows in the engine to the transaction on the disk.

use std::time::{Duration, Instant};

use costtop::config::Config;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::Surroundings;
use costtop::engine::rows::Rows;
use costtop::engine::{Engine, Options};
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::store::{CellBlob, Commit, RowBlob, Store};
use costtop::time::{Timestamp, Zone};

use super::own;

/// Charges in each measured commit.
const CHARGES: u64 = 500;
/// So few turns that the smaller world stays small.
const TURNS: usize = 21;

/// An engine and its state.
struct World {
    engine: Engine,
    store: Store,
    decoder: LineDecoder,
    /// Charges so far; each turn's lines have another seed, so their ids are new.
    seed: u64,
    offset: u64,
    now: Timestamp,
}

impl World {
    fn new(folder: &std::path::Path, now: Timestamp) -> World {
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
        let options = Options { collect_changes: true, ..Options::default() };
        World {
            engine: Engine::new(options, Rows::in_memory(), now),
            store: Store::open(folder).expect("a new state").0,
            decoder: LineDecoder::new(shared),
            seed: 0,
            offset: 0,
            now,
        }
    }

    /// Charges within `span_ms` before now.
    fn apply(&mut self, charges: u64, span_ms: u64) {
        self.seed += 1;
        let mut bytes = Vec::new();
        let start_ms = self.now.ms() - span_ms.cast_signed();
        own::write(&mut bytes, &own::Plan { charges, users: 120, span_ms, start_ms, seed: self.seed }).expect("memory");
        let length = bytes.len() as u64;
        let chunk = Chunk { bytes, ..Chunk::empty(0, 1, self.offset) };
        self.offset += length;
        let batch = self.decoder.decode(chunk).batch;
        self.engine.apply(&batch, self.now, &mut Vec::new()).expect("rows in memory");
    }

    fn commit(&mut self) -> Duration {
        let begin = Instant::now();
        let changes = self.engine.take_changes().expect("rows in memory");
        let commit = Commit {
            names: changes.names,
            profiles: changes.profiles,
            rows: changes.rows.into_iter().map(|(day, rows, bytes)| RowBlob { day, rows, bytes }).collect(),
            cells: changes.cells.into_iter().map(|(tier, time, bytes)| CellBlob { tier, time, bytes }).collect(),
            sessions: changes.sessions,
            meta: vec![("intake", changes.intake)],
            ..Commit::default()
        };
        self.store.commit(&commit).expect("room on the disk");
        begin.elapsed()
    }
}

/// Median times of a commit at few and at many ids.
pub fn at(few: u64, many: u64) -> [Duration; 2] {
    let now = Timestamp::now();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut worlds = [(few, "few"), (many, "many")].map(|(ids, name)| {
        let mut world = World::new(&folder.path().join(name), now);
        let mut left = ids;
        while left > 0 {
            let charges = left.min(20_000);
            world.apply(charges, 28 * own::DAY_MS);
            world.commit();
            left -= charges;
        }
        world
    });
    let mut times = [Vec::new(), Vec::new()];
    // In turns, so that what else the machine does meets both.
    for _ in 0..TURNS {
        for (world, times) in worlds.iter_mut().zip(&mut times) {
            world.apply(CHARGES, 60_000);
            times.push(world.commit());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[TURNS / 2]
    })
}
