//! What a state on disk survives, seen from where the screen sees it: damage, days that are dropped, a disk that refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use costtop::cli::demo::random::Random;
use costtop::config::{Config, Loaded, Overrides, StateConfig};
use costtop::engine::bill::CostMode;
use costtop::engine::report::{GroupBy, ReportQuery};
use costtop::money::Money;
use costtop::price::PriceBook;
use costtop::run::keep_label_slots;
use costtop::run::once::read_state;
use costtop::store::copy;
use costtop::time::{DAY_MS, Timestamp};
use costtop::ui::snapshot::Snapshot;

use super::Running;

const CENT: i128 = 10_000_000_000;

impl Running {
    /// The first snapshot that is up to date and of which `is_it` holds.
    fn snapshot(&self, is_it: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let snapshot = self.snapshots.recv_deadline(end).expect("it in time");
            if snapshot.progress.is_none() && is_it(&snapshot) {
                return snapshot;
            }
        }
    }
}

/// A charge of a cent for each number, so many days before `now`.
fn lines(numbers: std::ops::Range<u32>, days: i64, now: Timestamp) -> String {
    let line = |number: u32| {
        let ts = now.plus_ms(-days * DAY_MS - i64::from(number % 500) * 1000);
        format!(
            "{{\"request_id\":\"request-{days}-{number:06}\",\"ts\":\"{ts}\",\"user\":\"u{}\",\"model\":\"m\",\"session_id\":\"s{}\",\"input_tokens\":5,\"cost_usd\":0.01}}\n",
            number % 7,
            number % 19
        )
    };
    numbers.map(line).collect()
}

/// A folder with the state of `logs`, read to their ends, and a copy of it if wanted.
fn state_of(folder: &Path, logs: &Path, with_copy: bool) -> PathBuf {
    let state = folder.join("state");
    let running = Running::start(logs, Some(&state));
    running.snapshot(|snapshot| snapshot.view.intake.lines >= 900);
    running.quit();
    if with_copy {
        copy::copy(&state, Timestamp::now()).expect("room for a copy");
    }
    state
}

/// The state again, with 100 bytes changed.
fn damaged(state: &Path, folder: &Path, seed: u64) -> PathBuf {
    let target = folder.join(format!("damaged-{seed}"));
    fs::create_dir(&target).expect("a folder");
    for entry in fs::read_dir(state).expect("the state") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), target.join(entry.file_name())).expect("room");
    }
    let path = target.join("state.db");
    let mut bytes = fs::read(&path).expect("the database");
    let mut random = Random::new(seed);
    for _ in 0..100 {
        let (at, value) = (random.bits() as usize % bytes.len(), random.bits() as u8);
        bytes[at] ^= value;
    }
    fs::write(&path, bytes).expect("room");
    target
}

/// How many damaged states are tried; `.ci/long` tries more.
fn cases() -> u64 {
    std::env::var("STATE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

/// What is shown of a state after it was damaged: money, and the note beside it.
fn after_damage(state: &Path, folder: &Path, logs: &Path, seed: u64) -> (Money, Option<String>, bool) {
    let target = damaged(state, folder, seed);
    let running = Running::start(logs, Some(&target));
    let snapshot = running.snapshot(|_| true);
    running.quit();
    let entries = fs::read_dir(&target).expect("the folder");
    let set_aside =
        entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().contains(".damaged-"));
    (snapshot.view.total.cost(), snapshot.state_note.clone(), set_aside)
}

/// T27: sources that still exist are read again.
#[test]
fn t27_with_its_sources_a_damaged_state_is_exact_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("a folder");
    let now = Timestamp::now();
    for days in 0..3 {
        fs::write(logs.join(format!("{days}.log")), lines(0..300, days, now)).expect("room");
    }
    let mut found = [0; 2];
    for with_copy in [false, true] {
        let place = tempfile::tempdir().expect("a folder");
        let state = state_of(place.path(), &logs, with_copy);
        for seed in 0..cases() {
            let (cost, note, set_aside) = after_damage(&state, place.path(), &logs, seed);
            assert_eq!(cost.pico(), 900 * CENT, "seed {seed}, copy {with_copy}: {note:?}");
            found[usize::from(with_copy)] += u64::from(set_aside);
        }
    }
    println!("T27 sources there: {} damaged states, {found:?} set aside, all exact", 2 * cases());
    assert!(found[0] > 0 && found[1] > 0, "the damage misses what is read: {found:?}");
}

/// T27: what only the state knew is told to the cent where the state can still say it, and never silently gone.
#[test]
fn t27_what_cannot_be_found_again_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("a folder");
    let now = Timestamp::now();
    for days in 0..3 {
        fs::write(logs.join(format!("{days}.log")), lines(0..300, days, now)).expect("room");
    }
    let (without, with) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let states = [(&without, state_of(without.path(), &logs, false)), (&with, state_of(with.path(), &logs, true))];
    fs::remove_file(logs.join("1.log")).expect("it is there");
    let mut told = 0;
    for (with_copy, (place, state)) in states.iter().enumerate() {
        for seed in 100..100 + cases() {
            let (cost, note, set_aside) = after_damage(state, place.path(), &logs, seed);
            if cost.pico() == 900 * CENT {
                continue;
            }
            assert!(set_aside && with_copy == 0, "a copy has it all: seed {seed}");
            assert_eq!(cost.pico(), 600 * CENT, "seed {seed}: what is there is counted");
            let note = note.unwrap_or_else(|| panic!("seed {seed}: silently wrong"));
            assert!(note.starts_with("unverified"), "seed {seed}: {note}");
            if !note.contains("or more") && !note.contains("not all") {
                assert!(note.starts_with("unverified $3.00:"), "seed {seed}: {note}");
            }
            told += 1;
        }
    }
    println!("T27 a source gone: {} damaged states, {told} told as unverified, the others exact", 2 * cases());
    assert!(told > 0);
}

/// A day that was dropped: what is there stays in all sums, what comes again is late and told in money.
#[test]
fn a_dropped_day_is_told_as_late_and_stays_in_every_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, state) = (folder.path().join("logs"), folder.path().join("state"));
    fs::create_dir(&logs).expect("a folder");
    let now = Timestamp::now();
    let old = lines(0..200, 40, now);
    fs::write(logs.join("a.log"), format!("{old}{}", lines(0..100, 1, now))).expect("room");
    let dropping = || Config {
        state: StateConfig { horizon_days: 31, settled: Duration::ZERO, ..StateConfig::default() },
        ..Config::default()
    };
    let running = Running::start_with(&logs, Some(&state), dropping());
    running.until(300);
    // The same charges in a copy that no identity can tell from news. The day may take a moment to go.
    let mut seen = None;
    for number in 0..100 {
        let copy = format!("{{\"other\":{number}}}\n{old}");
        fs::write(logs.join(format!("copy-{number}.log")), copy).expect("room");
        let lines = 300 + (number + 1) * 201;
        let snapshot = running.snapshot(|snapshot| snapshot.view.intake.lines >= lines);
        if snapshot.view.intake.late > 0 {
            seen = Some(snapshot);
            break;
        }
        assert_eq!(snapshot.view.total.cost().pico(), 300 * CENT);
    }
    let snapshot = seen.expect("the day is dropped");
    assert_eq!(snapshot.view.total.cost().pico(), 300 * CENT, "nothing is added");
    let intake = &snapshot.view.intake;
    assert_eq!((intake.late, intake.late_cost.pico()), (200, 200 * CENT));
    assert_eq!(intake.charges, 300);
    running.quit();

    let mut engine = read_state(&state, &Config::default(), &book(), CostMode::Auto, now)
        .expect("a state")
        .expect("is there")
        .engine;
    let query = ReportQuery {
        by: vec![GroupBy::named("user").expect("a grouping")],
        since: None,
        until: None,
        zone: Config::default().zone,
    };
    let report = engine.report(&query).expect("rows");
    assert_eq!((report.totals.requests, report.totals.cost().pico()), (300, 300 * CENT), "the report is whole");
    assert_eq!((report.groups.len(), report.sessions), (7, 19));
    let mut rows = 0;
    let (ledger, names) = engine.ledger();
    ledger
        .for_each_bill(names, |_, _, _| {
            rows += 1;
            Ok(())
        })
        .expect("rows");
    assert_eq!(rows, 100, "of the dropped day there are only sums");

    let again = Running::start_with(&logs, Some(&state), dropping());
    let snapshot = again.snapshot(|_| true);
    assert_eq!(snapshot.view.total.cost().pico(), 300 * CENT);
    assert_eq!(snapshot.view.intake.late_cost.pico(), 200 * CENT);
    again.quit();
}

fn book() -> Arc<PriceBook> {
    Arc::new(PriceBook::new(&Config::default().prices).expect("the embedded prices"))
}

/// D03: what every released schema holds is brought forward whole, and goes on; a newer one is refused in words.
#[test]
fn d03_states_of_every_released_schema_go_on() {
    let labels = "timezone = \"UTC\"\n[labels]\nvariant = \"variant\"\n";
    let parsed = || {
        let loaded = Loaded::from_layers(Some((Path::new("config.toml"), labels)), &Overrides::default(), &|_| None);
        loaded.expect("a configuration").config
    };
    let by: Vec<GroupBy> = ["user", "team", "project", "agent", "key", "model", "tier", "session", "day"]
        .map(|name| GroupBy::named(name).expect("a grouping"))
        .to_vec();
    for schema in 1..=2 {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = PathBuf::from(format!("tests/fixtures/state_{schema}"));
        let (log, state, fresh) =
            (folder.path().join("log.jsonl"), folder.path().join("state"), folder.path().join("fresh"));
        fs::copy(fixture.join("log.jsonl"), &log).expect("the fixture");
        fs::create_dir(&state).expect("a folder");
        fs::copy(fixture.join("state.db"), state.join("state.db")).expect("the fixture");
        let lines = fs::read_to_string(&log).expect("the log").lines().count() as u64;
        let answer = |state: &Path| {
            let mut config = parsed();
            keep_label_slots(&mut config, state).expect("its labels");
            let engine = read_state(state, &config, &book(), CostMode::Auto, Timestamp::now()).expect("it opens");
            let query = ReportQuery { by: by.clone(), since: None, until: None, zone: config.zone };
            let report = engine.expect("a state").engine.report(&query).expect("rows");
            (report.totals, report.sessions, format!("{:?}", report.groups))
        };
        let read = |state: &Path, lines: u64| {
            let mut config = parsed();
            keep_label_slots(&mut config, state).expect("its labels");
            let running = Running::start_with(&log, Some(state), config);
            let snapshot = running.until(lines);
            running.quit();
            snapshot
        };
        read(&fresh, lines);
        let expected = answer(&fresh);
        assert_eq!(answer(&state), expected, "schema {schema}, as it is");
        // Its log again, and one line more: what it knows it knows.
        let more = "{\"ts\":\"2026-11-20T11:00:00Z\",\"request_id\":\"r-new\",\"model\":\"claude-sonnet-4-6\",\"input_tokens\":1}\n";
        fs::write(&log, fs::read_to_string(&log).expect("the log") + more).expect("room");
        let known = answer(&state).0.requests;
        let snapshot = read(&state, lines + 1);
        assert_eq!((snapshot.view.total.requests, snapshot.view.intake.late), (known + 1, 0), "schema {schema}");
        read(&fresh, lines + 1);
        assert_eq!(answer(&state), answer(&fresh), "schema {schema}, gone on");
    }
}
