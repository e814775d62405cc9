//! D01: more than a year at a steady pace with a clock that runs as fast as it can: minutes fold into quarters, these into days, days are
//! dropped beyond the horizon; every sum stays, and the state stays small.
//!
//! `.ci/long state` runs it with every minute of 400 days (`RETENTION_STEP=1`).

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use costtop::engine::counters::Counters;
use costtop::engine::days::day_of;
use costtop::engine::identity::{RecordIds, link};
use costtop::engine::record::{Batch, Place, Record};
use costtop::engine::report::{GroupBy, ReportQuery};
use costtop::engine::view::{ViewQuery, Window};
use costtop::engine::{Engine, Options};
use costtop::label::Label;
use costtop::money::Cost;
use costtop::price::Priced;
use costtop::run::spill;
use costtop::store::{Commit, META_DROPPED, META_INTAKE, Store};
use costtop::time::{DAY_MS, MINUTE_MS, Timestamp, Zone};
use costtop::usage::{Dimension, Tokens};

/// 2025-10-10T00:00:00Z.
const BEGIN: i64 = 1_760_054_400_000;
const DAYS: i64 = 400;
/// Profiles that are active in each minute.
const KEYS: u64 = 20;
const HORIZON: i64 = 90;

fn step_minutes() -> i64 {
    std::env::var("RETENTION_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(360)
}

fn options() -> Options {
    Options { zone: "Europe/Berlin".parse().unwrap(), collect_changes: true, ..Options::default() }
}

fn new_engine(now: Timestamp) -> Engine {
    let (rows, trouble) = spill::rows(8 << 20);
    assert!(trouble.is_none());
    Engine::new(options(), rows, now)
}

/// One request of each key, as a gateway logs it: one id of its own.
fn batch(at: Timestamp, next: &mut u64) -> Batch {
    let mut labels = vec![Label::new("")];
    labels.extend((0..KEYS).map(|key| Label::new(&format!("user-{key}"))));
    labels.push(Label::new("claude-sonnet-4-6"));
    let profiles = (0..KEYS).map(|key| {
        let mut dimensions = [0; Dimension::COUNT];
        dimensions[Dimension::User.place()] = key as u32 + 1;
        dimensions[Dimension::Model.place()] = KEYS as u32 + 1;
        dimensions
    });
    let records = (0..KEYS).map(|key| {
        *next += 1;
        let number = u128::from(*next).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Record {
            ids: RecordIds { request: number, links: link::REQUEST, ..RecordIds::default() },
            is_final: true,
            time: Some(at.plus_ms((*next % 60_000) as i64)),
            tokens: Tokens { input: 1200, cache_read: 48_000, output: 340, ..Tokens::default() },
            profile: key as u32,
            status: 200,
            latency_ms: 1800,
            priced: Priced { computed: Some(Cost::from_pico(23_000_000_000 + *next)), ..Priced::default() },
            place: Place { generation: 7, offset: *next * 700, index: 0 },
            ..Record::default()
        }
    });
    let records: Vec<Record> = records.collect();
    Batch { labels, profiles: profiles.collect(), records, ..Batch::default() }
}

fn commit(engine: &mut Engine, store: &mut Store) {
    store.commit(&Commit::of(engine.take_changes().unwrap())).unwrap();
}

/// Opens a state as a restart does.
fn restart(folder: &Path, now: Timestamp) -> Engine {
    let (store, loaded) = Store::open(folder).unwrap();
    assert_eq!(loaded.recovered, None);
    let mut engine = new_engine(now);
    engine.load_names(&loaded.names, &loaded.profiles).unwrap();
    assert!(engine.load_dropped_days(&String::from_utf8_lossy(loaded.value(META_DROPPED).unwrap_or_default())));
    for cell in &loaded.cells {
        engine.load_cells(cell.tier, cell.time, &cell.bytes).unwrap();
    }
    engine.finish_cells(loaded.value(META_INTAKE)).unwrap();
    store.for_each_row_blob(|day, _, bytes| engine.load_rows(day, bytes).unwrap()).unwrap();
    engine.finish_rows().unwrap();
    engine
}

/// What was spent by local day, as a report tells it.
fn by_day(engine: &mut Engine) -> (Counters, BTreeMap<String, i128>) {
    let query = ReportQuery { by: vec![GroupBy::Day], since: None, until: None, zone: options().zone };
    let report = engine.report(&query).unwrap();
    let days = report.groups.iter().map(|group| (group.key[0].as_ref().unwrap().to_string(), group.sums.cost().pico()));
    (report.totals, days.collect())
}

#[test]
fn d01_a_year_folds_and_is_dropped_and_no_sum_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path()).unwrap();
    let mut engine = new_engine(Timestamp::from_ms(BEGIN));
    let (step, zone) = (step_minutes(), options().zone);
    let (mut next, mut requests, mut truth) = (0, 0i64, BTreeMap::<String, i128>::new());
    let mut posts = Vec::new();
    let (mut drops, mut worst_look) = (Vec::new(), Duration::ZERO);
    for day in 0..DAYS {
        for minute in (0..1440).step_by(step as usize) {
            let at = Timestamp::from_ms(BEGIN + day * DAY_MS + minute * MINUTE_MS);
            let batch = batch(at, &mut next);
            for record in &batch.records {
                let day = zone.format(record.time.unwrap(), "%Y-%m-%d");
                *truth.entry(day).or_default() += i128::from(record.priced.computed.unwrap().pico());
                requests += 1;
            }
            posts.clear();
            engine.apply(&batch, at.plus_ms(MINUTE_MS), &mut posts).unwrap();
            // As often as live: a commit holds some minutes at most.
            if minute % 10 == 0 {
                commit(&mut engine, &mut store);
            }
        }
        let before = *engine.total();
        engine.tick(Timestamp::from_ms(BEGIN + (day + 1) * DAY_MS));
        if day >= HORIZON {
            engine.drop_days(&[day_of(BEGIN + (day - HORIZON) * DAY_MS)]);
            let (begin, mut looks) = (Instant::now(), 0);
            loop {
                let look = Instant::now();
                let more = engine.drop_on().unwrap();
                (worst_look, looks) = (worst_look.max(look.elapsed()), looks + 1);
                if !more {
                    break;
                }
            }
            drops.push((begin.elapsed(), looks));
        }
        assert_eq!(*engine.total(), before, "day {day}: neither folding nor dropping changes a sum");
        commit(&mut engine, &mut store);
    }
    let end = Timestamp::from_ms(BEGIN + DAYS * DAY_MS);
    let (totals, days) = by_day(&mut engine);
    assert_eq!((totals.requests, &days), (requests, &truth));
    let mut cells = Counters::default();
    engine.cells().for_each(i64::MIN / 16, i64::MAX / 16, |_, _, sums| cells.add(sums, 1));
    assert_eq!(cells, totals, "three tiers hold what the report says");
    let tiers = engine.cells().len();
    store.close().unwrap();
    let bytes = fs::metadata(folder.path().join("state.db")).unwrap().len();
    let loading = Instant::now();
    let mut again = restart(folder.path(), end);
    let loading = loading.elapsed();
    assert_eq!(by_day(&mut again), (totals, days), "after a restart, too");
    for window in [Window::H24, Window::D7, Window::D30] {
        let query = ViewQuery { window, ..ViewQuery::default() };
        assert_eq!(again.view(&query).window_all, engine.view(&query).window_all, "{window:?}");
    }
    println!(
        "D01: {DAYS} days, {} charges a day, {requests} in all; cells {tiers:?}; {} ids known; state {:.1} MB, loaded in {loading:?}",
        requests / DAYS,
        engine.ledger().0.ids(),
        bytes as f64 / 1e6
    );
    drops.sort_unstable();
    let (median, worst) = (drops[drops.len() / 2], drops[drops.len() - 1]);
    println!(
        "D01: a day dropped in {:?} ({} looks, the worst {worst_look:?}), the worst in {:?}",
        median.0, median.1, worst.0
    );
    // Sums of any number of years take little; single charges take about 70 bytes each, for as long as the horizon says.
    let kept = engine.ledger().0.ids() as u64;
    assert!(bytes < 15_000_000 + 80 * kept, "{bytes} bytes for {kept} charges");
    assert_eq!(zone, "Europe/Berlin".parse::<Zone>().unwrap());
}
