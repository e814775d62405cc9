//! Windows, the burn rate and saved sums stay what the charges say: late events, old history, clocks that jump, files that fail.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Batch, BatchBuilder, Place, Surroundings};
use costtop::engine::report::ReportQuery;
use costtop::engine::rows::{Rows, Spill};
use costtop::engine::view::{ViewQuery, Window};
use costtop::engine::{Engine, Options};
use costtop::money::Cost;
use costtop::price::Priced;
use costtop::time::{DAY_MS, MINUTE_MS, Timestamp, Zone};
use costtop::usage::{Dimensions, Ids, RawText, Tokens, Usage};

const KEY: IdentityKey = IdentityKey(3, 4);
/// 2026-11-21T10:00:00Z.
const TEN: Timestamp = Timestamp::from_ms(1_795_255_200_000);

/// One charge for each (request, time, pico-dollars).
fn batch(charges: &[(u32, Timestamp, u64)]) -> Batch {
    let mut builder = BatchBuilder::default();
    for (request, time, pico) in charges {
        let request = format!("req_{request:012}");
        let usage = Usage {
            is_final: true,
            ids: Ids { request: RawText::plain(request.as_bytes()), ..Ids::default() },
            time: Some(*time),
            tokens: Tokens { output: 1, ..Tokens::default() },
            model: RawText::plain(b"model"),
            dimensions: Dimensions { user: RawText::plain(b"user"), ..Dimensions::default() },
            reported: Some(Cost::from_pico(*pico)),
            ..Usage::default()
        };
        let ids = KEY.identify(&usage, Place::default());
        builder.push(&usage, Priced::default(), ids, Place::default(), &Surroundings::default());
    }
    builder.finish(true)
}

fn engine(now: Timestamp) -> Engine {
    Engine::new(Options::default(), Rows::in_memory(), now)
}

fn apply(engine: &mut Engine, now: Timestamp, charges: &[(u32, Timestamp, u64)]) {
    engine.tick(now);
    engine.apply(&batch(charges), now, &mut Vec::new()).expect("rows in memory");
    engine.tick(now);
}

fn window(engine: &mut Engine, window: Window) -> i128 {
    engine.view(&ViewQuery { window, ..ViewQuery::default() }).window.cost().pico()
}

/// What a window that is built anew says.
fn anew(engine: &mut Engine, wanted: Window) -> i128 {
    window(engine, Window::M1);
    window(engine, wanted)
}

#[test]
fn a_late_event_at_the_edge_of_a_long_window_leaves_with_its_quarter() {
    for minute in 0..20 {
        let mut engine = engine(TEN);
        apply(&mut engine, TEN, &[(1, TEN, 1)]);
        window(&mut engine, Window::D7);
        // In the first minutes of the window, in a quarter that began before them or not.
        let late = TEN.plus_ms(-7 * DAY_MS + minute * MINUTE_MS + 5 * MINUTE_MS);
        let now = TEN.plus_ms(5 * MINUTE_MS);
        engine.tick(now);
        window(&mut engine, Window::D7);
        apply(&mut engine, now, &[(2, late, 1000)]);
        assert_eq!(window(&mut engine, Window::D7), anew(&mut engine, Window::D7), "{minute} minutes in");
        let later = now.plus_ms(60 * MINUTE_MS);
        engine.tick(later);
        assert_eq!(window(&mut engine, Window::D7), 1, "{minute} minutes in: it has left");
    }
}

#[test]
fn a_window_that_ends_long_ago_has_its_minutes() {
    let event = TEN.plus_ms(-30 * DAY_MS);
    let mut engine = engine(TEN);
    for minute in 0..60 {
        let at = event.plus_ms(minute * MINUTE_MS);
        apply(&mut engine, TEN, &[(1 + u32::try_from(minute).expect("small"), at, 1)]);
    }
    for (wanted, expected) in [(Window::M1, 1), (Window::M5, 5), (Window::M15, 15), (Window::H1, 60)] {
        let view = engine.view(&ViewQuery { window: wanted, ..ViewQuery::default() });
        assert!(view.as_of);
        assert_eq!(view.window.requests, expected, "{wanted:?}");
    }
}

#[test]
fn a_clock_set_back_does_not_silence_the_burn_rate() {
    let mut engine = engine(TEN.plus_ms(3 * DAY_MS));
    apply(&mut engine, TEN, &[(1, TEN.plus_ms(-1000), 5)]);
    assert_eq!(engine.view(&ViewQuery::default()).burn.pico(), 60);
    // A correction of what was spent before the jump takes no more than was there.
    apply(&mut engine, TEN.plus_ms(1000), &[(1, TEN.plus_ms(-1000), 7)]);
    assert_eq!(engine.view(&ViewQuery::default()).burn.pico(), 84);
    engine.tick(TEN.plus_ms(2 * DAY_MS));
    engine.tick(TEN.plus_ms(2000));
    apply(&mut engine, TEN.plus_ms(2000), &[(1, TEN.plus_ms(-1000), 8)]);
    assert_eq!(engine.view(&ViewQuery::default()).burn.pico(), 96);
}

/// A file that can be made to refuse.
struct Flaky(Vec<u8>, Arc<AtomicBool>);

impl Spill for Flaky {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        if self.1.load(Ordering::Relaxed) {
            return Err(io::Error::other("no"));
        }
        let start = usize::try_from(offset).expect("small");
        bytes.copy_from_slice(&self.0[start..start + bytes.len()]);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).expect("small");
        self.0.resize(self.0.len().max(start + bytes.len()), 0);
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

#[test]
fn a_file_that_fails_in_a_batch_leaves_sums_and_charges_equal() {
    let fails = Arc::new(AtomicBool::new(false));
    let rows = Rows::with_spill(Box::new(Flaky(Vec::new(), Arc::clone(&fails))), 0);
    let mut engine = Engine::new(Options::default(), rows, TEN);
    let many: Vec<_> = (0..3000).map(|request| (request, TEN, 1)).collect();
    apply(&mut engine, TEN, &many);
    fails.store(true, Ordering::Relaxed);
    // Two new charges, then one whose row lies in the file.
    let batch = batch(&[(5000, TEN, 1), (5001, TEN, 1), (0, TEN, 9)]);
    engine.apply(&batch, TEN, &mut Vec::new()).expect_err("the file fails");
    fails.store(false, Ordering::Relaxed);
    let query = ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC };
    let report = engine.report(&query).expect("the file works again");
    assert_eq!(report.totals, *engine.total());
    assert_eq!(report.totals.requests, 3002);
    // Feeding it again is safe.
    engine.apply(&batch, TEN, &mut Vec::new()).expect("the file works again");
    assert_eq!(engine.total().cost().pico(), 3010);
}

#[test]
fn folding_keeps_every_sum() {
    let mut engine = engine(TEN);
    for minute in 0..60 {
        let at = TEN.plus_ms(-minute * 7 * MINUTE_MS);
        apply(&mut engine, TEN, &[(1 + u32::try_from(minute).expect("small"), at, 1)]);
    }
    for days in [1, 3, 6, 20, 100, 400, 403] {
        let now = TEN.plus_ms(days * DAY_MS);
        apply(&mut engine, now, &[(100 + u32::try_from(days).expect("small"), now, 1)]);
        let mut requests = 0;
        engine.cells().for_each(i64::MIN / 16, i64::MAX / 16, |_, _, sums| requests += sums.requests);
        assert_eq!(requests, engine.total().requests, "after {days} days");
    }
    assert!(engine.cells().len().iter().all(|cells| *cells > 0), "all tiers are in use: {:?}", engine.cells().len());
}

#[test]
fn what_has_no_time_came_now_and_moves_the_window_to_now() {
    let mut engine = engine(TEN);
    apply(&mut engine, TEN, &[(1, TEN.plus_ms(-7 * DAY_MS), 500)]);
    assert_eq!(window(&mut engine, Window::M15), 500, "as of the newest event");
    let mut builder = BatchBuilder::default();
    let usage = Usage {
        tokens: Tokens { output: 1, ..Tokens::default() },
        model: RawText::plain(b"model"),
        reported: Some(Cost::from_pico(7)),
        ..Usage::default()
    };
    let place = Place { generation: 1, ..Place::default() };
    builder.push(&usage, Priced::default(), KEY.identify(&usage, place), place, &Surroundings::default());
    engine.apply(&builder.finish(false), TEN, &mut Vec::new()).expect("rows in memory");
    let view = engine.view(&ViewQuery { window: Window::M15, ..ViewQuery::default() });
    assert!(!view.as_of);
    assert_eq!(view.window.cost().pico(), 7);
}
