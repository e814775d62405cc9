//! The engine's thread from files to snapshots: it sleeps when nothing happens, and a restart goes on exactly where it ended.

#[path = "live/disk.rs"]
mod disk;
#[path = "live/drill.rs"]
mod drill;
#[path = "live/repeats.rs"]
mod repeats;
#[path = "live/reprice.rs"]
mod reprice;
#[path = "live/state.rs"]
mod state;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use costtop::config::{BudgetConfig, Config, Each, SourceConfig};
use costtop::engine::bill::CostMode;
use costtop::engine::counters::Counters;
use costtop::label::Label;
use costtop::money::{Cost, Money};
use costtop::run::live::{self, Wires};
use costtop::run::{RunError, Setup, Sources};
use costtop::time::Timestamp;
use costtop::ui::action::Effect;
use costtop::ui::snapshot::Snapshot;
use costtop::usage::Dimension;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

struct Running {
    snapshots: Receiver<Arc<Snapshot>>,
    effects: Sender<Effect>,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Running {
    fn start(log: &Path, state: Option<&Path>) -> Running {
        Running::start_with(log, state, Config::default())
    }

    fn start_with(log: &Path, state: Option<&Path>, config: Config) -> Running {
        let source = SourceConfig::new(&log.display().to_string());
        let setup = Setup {
            said: Vec::new(),
            sources: Sources::new(&[source], &config).expect("works on this machine"),
            book: costtop::run::prices(&config).expect("works on this machine"),
            config,
            mode: CostMode::Auto,
            state: state.map(Path::to_path_buf),
            from_end: false,
            notify: false,
            log: None,
        };
        let (snapshots_in, snapshots) = bounded(1);
        let (effects, effects_out) = unbounded();
        let (rings, _) = bounded(1);
        let wires = Wires { snapshots: snapshots_in, effects: effects_out, rings };
        Running { snapshots, effects, thread: std::thread::spawn(move || live::run(setup, &wires)) }
    }

    /// The first snapshot with so many lines that is up to date.
    fn until(&self, lines: u64) -> Arc<Snapshot> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let snapshot = self.snapshots.recv_deadline(end).expect("the lines in time");
            if snapshot.view.intake.lines >= lines && snapshot.progress.is_none() {
                return snapshot;
            }
        }
    }

    fn quit(self) {
        self.effects.send(Effect::Quit).expect("works on this machine");
        drop(self.snapshots);
        self.thread.join().expect("works on this machine").expect("ends well");
    }
}

/// Two thirds have ids, some repeat, some are broken, some are of two days ago.
fn write(log: &Path, numbers: std::ops::Range<u32>) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).expect("works on this machine");
    for number in numbers {
        let id = if number % 3 == 0 { String::new() } else { format!("\"request_id\":\"r{}\",", number / 2) };
        let model = if number % 7 == 0 { "nobody-knows" } else { "claude-sonnet-4-6" };
        let line = format!(
            "{{{id}\"ts\":\"2026-11-{:02}T10:{:02}:00Z\",\"user\":\"u{}\",\"session_id\":\"s{}\",\"model\":\"{model}\",\"input_tokens\":{number},\"output_tokens\":{}}}",
            19 + number % 2,
            number % 60,
            number % 5,
            number % 11,
            number % 13,
        );
        writeln!(file, "{}", if number % 17 == 0 { "{broken" } else { line.as_str() }).expect("works on this machine");
    }
}

fn sums(snapshot: &Snapshot) -> (Counters, u64) {
    (snapshot.view.total, snapshot.view.sessions)
}

#[test]
fn restarts_count_what_one_run_counts() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let mut lines = 0;
    for round in 1..=4u32 {
        write(&log, (round - 1) * 300..round * 300);
        lines = u64::from(round) * 300;
        let running = Running::start(&log, Some(&state));
        running.until(lines);
        running.quit();
    }
    let again = Running::start(&log, Some(&state));
    let resumed = again.until(lines);
    again.quit();
    let fresh = Running::start(&log, None);
    let once = fresh.until(lines);
    fresh.quit();
    assert_eq!(sums(&resumed), sums(&once));
    assert_eq!(resumed.view.intake.lines, lines);
    let fates = |snapshot: &Snapshot| {
        let intake = &snapshot.view.intake;
        let sum = intake.charges + intake.updates + intake.duplicates + intake.merged + intake.not_usage;
        assert_eq!(intake.records, sum + intake.rejected_total() + intake.late);
        (intake.records, intake.charges, intake.rejected)
    };
    assert_eq!(fates(&resumed), fates(&once));
}

/// One line cut at a time: whatever a restart comes between, a record in parts is counted once.
#[test]
fn a_restart_in_the_middle_of_a_record_in_parts_misbills_nothing() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("0.log"), folder.path().join("state"));
    let cri = |stream: &str, tag: &str, text: &str| format!("2026-11-21T10:00:00Z {stream} {tag} {text}\n");
    let charge = |number: u32| format!(r#"{{"model":"claude-sonnet-4-6","input_tokens":{number},"output_tokens":1}}"#);
    let (one, other) = (charge(1_000), charge(2_000));
    let parts = [
        cri("stdout", "F", &charge(7)),
        cri("stdout", "P", &one[..20]),
        cri("stderr", "P", &other[..9]),
        cri("stdout", "P", &one[20..33]),
        cri("stderr", "F", &other[9..]) + &cri("stderr", "F", "plain"),
        cri("stdout", "F", &one[33..]),
        cri("stdout", "P", &charge(5)[..5]),
    ];
    let mut lines = 0;
    for part in &parts {
        let mut file = OpenOptions::new().create(true).append(true).open(&log).expect("works on this machine");
        file.write_all(part.as_bytes()).expect("works on this machine");
        lines += part.lines().count() as u64;
        let running = Running::start(&log, Some(&state));
        running.until(lines);
        running.quit();
    }
    let again = Running::start(&log, Some(&state));
    let resumed = again.until(lines);
    again.quit();
    let fresh = Running::start(&log, None);
    let once = fresh.until(lines);
    fresh.quit();
    assert_eq!(sums(&resumed), sums(&once));
    assert_eq!(resumed.view.intake, once.view.intake);
    let intake = &once.view.intake;
    assert_eq!((intake.charges, intake.not_usage, intake.records, intake.no_id), (3, 1, 4, 3));
}

/// While costtop was down, a log that ended in the middle of a record went on, was rotated and packed.
#[test]
fn a_record_in_parts_goes_on_in_an_archive_after_a_restart() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (logs, state) = (folder.path().join("logs"), folder.path().join("state"));
    std::fs::create_dir(&logs).expect("works on this machine");
    let cri = |tag: &str, text: &str| format!("2026-11-21T10:00:00Z stdout {tag} {text}\n");
    let charge = |number: u32| format!(r#"{{"model":"claude-sonnet-4-6","input_tokens":{number},"output_tokens":1}}"#);
    let whole: String = (1..=8).map(|number| cri("F", &charge(number))).collect();
    let (long, plain) = (charge(1_000), logs.join("0.log"));
    let begin = whole + &cri("P", &long[..20]);
    std::fs::write(&plain, &begin).expect("works on this machine");
    let running = Running::start(&logs, Some(&state));
    running.until(9);
    running.quit();

    let all = begin + &cri("P", &long[20..33]) + &cri("F", &long[33..]);
    let file = std::fs::File::create(logs.join("0.log.1.gz")).expect("works on this machine");
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    packed.write_all(all.as_bytes()).expect("works on this machine");
    packed.finish().expect("works on this machine");
    std::fs::remove_file(&plain).expect("works on this machine");
    let again = Running::start(&logs, Some(&state));
    let resumed = again.until(11);
    again.quit();
    let intake = &resumed.view.intake;
    assert_eq!((intake.charges, intake.records, intake.torn), (9, 9, 0), "{intake:?}");
    assert_eq!(resumed.view.total.input, 1_036);
}

#[test]
fn a_sessions_budget_counts_the_same_charges_after_a_restart() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let now = Timestamp::now();
    let line = |model: &str, second: i64| {
        let ts = now.plus_ms(second * 1000 - 60_000);
        format!(
            "{{\"request_id\":\"{model}{second}\",\"ts\":\"{ts}\",\"session_id\":\"run\",\"model\":\"{model}\",\"cost_usd\":1}}\n"
        )
    };
    // The budget counts the dear model only; the session begins with the other one.
    let text = line("cheap", 0) + &line("dear", 1) + &line("cheap", 2) + &line("dear", 3);
    std::fs::write(&log, text).expect("works on this machine");
    let budget = BudgetConfig {
        name: Label::new("agent run"),
        limit: Cost::from_pico(10_000_000_000_000),
        per: None,
        each: Each::Session,
        warn: vec![800_000],
        matches: vec![(Dimension::Model, "dear".to_owned())],
        overrides: Vec::new(),
        include_subscription: false,
    };
    let spent = || {
        let config = Config { budgets: vec![budget.clone()], ..Config::default() };
        let running = Running::start_with(&log, Some(&state), config);
        let snapshot = running.until(4);
        running.quit();
        snapshot.budgets.iter().map(|budget| budget.spent.pico()).collect::<Vec<_>>()
    };
    assert_eq!(spent(), [2_000_000_000_000]);
    assert_eq!(spent(), [2_000_000_000_000], "after the restart");
}

/// Requests of one model a minute apart, dearer than their price from the hundredth on.
fn write_prices(log: &Path, numbers: std::ops::Range<i64>) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).expect("works on this machine");
    for number in numbers {
        let time = Timestamp::from_ms(1_795_168_800_000 + number * 60_000);
        let dollars = if number >= 100 { "0.0489" } else { "0.00489" };
        let line = format!(
            "{{\"request_id\":\"request-{number:06}\",\"ts\":\"{time}\",\"model\":\"claude-sonnet-4-6\",\"input_tokens\":1000,\"output_tokens\":126,\"cost_usd\":\"{dollars}\"}}"
        );
        writeln!(file, "{line}").expect("works on this machine");
    }
}

/// What stands once history is folded, the message that comes last left out: it says when it was told.
fn standing(running: &Running, lines: u64) -> Vec<(String, Timestamp, Money)> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let snapshot = running.snapshots.recv_deadline(end).expect("an alarm in time");
        if snapshot.view.intake.lines >= lines && snapshot.progress.is_none() && !snapshot.alarms.is_empty() {
            return snapshot.alarms.iter().map(|alarm| (alarm.incident.clone(), alarm.first, alarm.excess)).collect();
        }
    }
}

#[test]
fn detectors_go_on_where_they_were_after_a_restart() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    for (from, until) in [(0, 60), (60, 95), (95, 104)] {
        write_prices(&log, from..until);
        let running = Running::start(&log, Some(&state));
        let snapshot = running.until(until.cast_unsigned());
        assert!(snapshot.alarms.is_empty());
        running.quit();
    }
    // In the middle of a block of ten.
    for until in [117, 133] {
        write_prices(&log, if until == 117 { 104 } else { 117 }..until);
        let resumed = Running::start(&log, Some(&state));
        let stands = standing(&resumed, until.cast_unsigned());
        resumed.quit();
        let fresh = Running::start(&log, None);
        assert_eq!(stands, standing(&fresh, until.cast_unsigned()), "as if it had never been down");
        fresh.quit();
    }
}

/// Processor time of this process, from the kernel.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("works on this machine");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("works on this machine").split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("works on this machine")
        + fields[12].parse::<u64>().expect("works on this machine");
    Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux
}

#[test]
#[cfg(target_os = "linux")]
fn without_hooks_and_without_lines_the_engine_sleeps() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let log = folder.path().join("log.jsonl");
    write(&log, 0..10);
    let running = Running::start(&log, None);
    running.until(10);
    // The other test of this file may run beside: the quietest of many short spans counts.
    let quietest = (0..30).map(|_| {
        let before = processor_time();
        std::thread::sleep(Duration::from_millis(200));
        processor_time().saturating_sub(before)
    });
    assert!(quietest.min().expect("works on this machine") < Duration::from_millis(60), "a loop spins");
    running.quit();
}
