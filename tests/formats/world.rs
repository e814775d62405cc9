//! Logs read, priced and counted as a report does it.

use std::sync::Arc;

use costtop::config::PriceConfig;
use costtop::engine::bill::CostMode;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::Surroundings;
use costtop::engine::report::{Report, ReportQuery};
use costtop::engine::{Engine, Options};
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::time::{Timestamp, Zone};

/// After every time of the fixtures.
const NOW: Timestamp = Timestamp::from_ms(1_795_900_000_000);

thread_local! {
    // Of every case of a property the same.
    static BOOK: Arc<PriceBook> = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
}

/// A decoder of a source of which so much is known.
pub fn decoder(around: Surroundings) -> LineDecoder {
    LineDecoder::new(Shared {
        bodies: Arc::default(),
        zone: Zone::UTC,
        key: IdentityKey(1, 2),
        book: BOOK.with(Arc::clone),
        around: [around].into(),
        labels: None,
        keep_names: false,
    })
}

/// What a report over these logs says, each a file of its own, read in order; by the dimensions of `query`.
pub fn report_by(logs: &[String], query: &ReportQuery, around: Surroundings) -> Report {
    let mut decoder = decoder(around);
    let (rows, _) = costtop::run::spill::rows(1 << 20);
    let options = Options { zone: Zone::UTC, mode: CostMode::Auto, ..Options::default() };
    let mut engine = Engine::new(options, rows, NOW);
    for (generation, log) in (1..).zip(logs) {
        let chunk = Chunk { bytes: log.as_bytes().to_vec(), ends: true, ..Chunk::empty(0, generation, 0) };
        engine.apply(&decoder.decode(chunk).batch, NOW, &mut Vec::new()).unwrap();
    }
    engine.report(query).unwrap()
}

/// The query of a report over everything.
pub fn everything() -> ReportQuery {
    ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC }
}

/// What a report over these lines says, all in one file.
pub fn report(lines: &[&str]) -> Report {
    report_by(&[lines.join("\n")], &everything(), Surroundings::default())
}
