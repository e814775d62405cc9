//! What the whole program takes, beside what it may take: CPU time, memory, first frame. `cargo bench --bench whole [-- PART...]`
//!
//! Parts: history, own, litellm, dashboard, state, commit, huge; without names all but the last. Figures are CPU times of
//! processes, or ratios to another program in the same run, so they hold on a machine that does other things, too; only the
//! first frames are wall times. Everything that is counted is compared with the generator's truth. Needs Linux and `grep`.
//!
//! `COSTTOP_BENCH=full` takes the sizes the budgets are stated for (half an hour's work, 10 GB through pipes, 1 GB below the
//! temporary folder); else a fifth of them, in less than two minutes. `COSTTOP_BENCH_IDLE` is the seconds of the idle look (10, full 60).
//! Exit code 1 when a budget is missed.

mod commit;
#[path = "../../examples/history/corpus.rs"]
mod corpus;
#[path = "../../examples/workload/litellm.rs"]
mod litellm;
#[path = "../../examples/workload/own.rs"]
mod own;
mod process;
mod table;
#[path = "../../examples/kill_check/terminal.rs"]
mod terminal;
#[path = "../../examples/history/truth.rs"]
mod truth;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use costtop::money::Money;
use costtop::time::Timestamp;
use serde_json::Value;

use process::{Run, run};
use table::{Bound, Table};
use terminal::Terminal;

const COSTTOP: &str = env!("CARGO_BIN_EXE_costtop");
const PARTS: [&str; 7] = ["history", "own", "litellm", "dashboard", "state", "commit", "huge"];
const MIB: f64 = 1_048_576.0;
/// Of so many runs the one with the least CPU time counts: the others met something else.
const RUNS: usize = 3;
const FRAMES: usize = 5;
/// A history is loaded within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

struct Bench {
    table: Table,
    folder: tempfile::TempDir,
    history_bytes: u64,
    charges: [u64; 2],
    litellm_bytes: u64,
    idle: Duration,
    is_full: bool,
}

fn main() -> ExitCode {
    let is_full = std::env::var("COSTTOP_BENCH").is_ok_and(|size| size == "full");
    let idle = std::env::var("COSTTOP_BENCH_IDLE").ok().and_then(|seconds| seconds.parse().ok());
    // Cargo adds `--bench`.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(part) = named.iter().find(|part| !PARTS.contains(&part.as_str())) {
        eprintln!("unknown part '{part}': use {}", PARTS.join(", "));
        return ExitCode::from(2);
    }
    let mut bench = Bench {
        table: Table::head(),
        folder: tempfile::tempdir().expect("a temporary folder"),
        history_bytes: if is_full { 500_000_000 } else { 100_000_000 },
        charges: if is_full { [350_000, 1_000_000] } else { [200_000, 200_000] },
        litellm_bytes: if is_full { 500_000_000 } else { 200_000_000 },
        idle: Duration::from_secs(idle.unwrap_or(if is_full { 60 } else { 10 })),
        is_full,
    };
    for part in PARTS {
        if named.is_empty() && part != "huge" || named.iter().any(|name| name == part) {
            match part {
                "history" => bench.history(),
                "own" => bench.own(),
                "litellm" => bench.litellm(),
                "dashboard" => bench.dashboard(),
                "state" => bench.state(),
                "commit" => bench.commit(),
                _ => bench.huge(),
            }
        }
    }
    if bench.table.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Bench {
    /// Below a fresh folder, without the settings and the state of the one who measures.
    fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("HOME", "home")].map(|(name, folder)| {
            let folder = self.folder.path().join(folder);
            fs::create_dir_all(&folder).expect("room for an empty folder");
            (name, folder)
        })
    }

    fn report(&self, source: &Path) -> Command {
        let mut command = Command::new(COSTTOP);
        command.args(["report", "--format", "json", "--timezone", "UTC", "--by", "model"]).arg(source);
        command.envs(self.environment());
        command
    }

    /// The history, written once.
    fn corpus(&self) -> (PathBuf, truth::Truth) {
        let folder = self.folder.path().join("history");
        let truth = corpus::write(&folder, self.history_bytes, 1).expect("room on the disk");
        (folder.join("projects"), truth)
    }

    fn history(&mut self) {
        let (projects, truth) = self.corpus();
        let name = format!("history of {} MB in {} files", truth.bytes / 1_000_000, truth.files);
        let files: Vec<PathBuf> = fs::read_dir(&projects)
            .expect("was written")
            .flat_map(|project| fs::read_dir(project.expect("a folder").path()).expect("a folder"))
            .map(|file| file.expect("a file").path())
            .collect();
        let (mut greps, mut reports) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            greps.push(run(Command::new("grep").env("LC_ALL", "C").args(["-c", "\"usage\""]).args(&files), None));
            reports.push(run(&mut self.report(&projects), None));
        }
        let (grep, report) = (least(&greps), least(&reports));
        let json: Value = serde_json::from_slice(&report.stdout).expect("a report is JSON");
        self.table.exact(&format!("{name}: tokens and dollars"), &truth.check(&json, "model"));
        let ratio = report.cpu.as_secs_f64() / grep.cpu.as_secs_f64();
        self.table.line(&format!("{name}: CPU"), ratio, Bound::AtMost, 2.5, "x grep");
        Table::note(&format!("{name}: CPU"), report.cpu.as_secs_f64(), "s");
        Table::note(&format!("{name}: wall"), report.wall.as_secs_f64(), "s");
        self.peak(&name, &reports, 60.0);
    }

    fn own(&mut self) {
        for (charges, users, rate, mib) in [(self.charges[0], 120, 1.0, 60.0), (self.charges[1], 10_000, 0.7, 120.0)] {
            let name = format!("{charges} charges of {users} users");
            let file = self.folder.path().join(format!("own-{users}.jsonl"));
            let truth = write_own(&file, charges, users, 28, Timestamp::now());
            let reports: Vec<Run> = (0..RUNS).map(|_| run(&mut self.report(&file), None)).collect();
            let report = least(&reports);
            self.table.exact(&format!("{name}: dollars"), &same_cost(report, truth.charges, truth.cost));
            let rate_now = charges as f64 / report.cpu.as_secs_f64() / 1e6;
            self.table.line(&format!("{name}: report"), rate_now, Bound::AtLeast, rate, "M charges per CPU second");
            self.peak(&name, &reports, mib);
            let mut screen = self.open(&[file.as_os_str()]);
            loaded(&mut screen);
            self.resident(&name, &screen, mib);
            screen.quit(PATIENCE).expect("q ends it");
            fs::remove_file(file).expect("was written");
        }
    }

    fn litellm(&mut self) {
        let file = self.folder.path().join("litellm.jsonl");
        let mut out = BufWriter::new(File::create(&file).expect("room on the disk"));
        let truth = litellm::write(&mut out, self.litellm_bytes).expect("room on the disk");
        let name = format!("{} lines of LiteLLM, {} MB", truth.charges, truth.bytes / 1_000_000);
        let reports: Vec<Run> = (0..RUNS).map(|_| run(&mut self.report(&file), None)).collect();
        let report = least(&reports);
        self.table.exact(&format!("{name}: dollars"), &same_cost(report, truth.charges, truth.cost));
        let rate = truth.bytes as f64 / 1e6 / report.cpu.as_secs_f64();
        self.table.line(&format!("{name}: report"), rate, Bound::AtLeast, 700.0, "MB per CPU second");
        fs::remove_file(file).expect("was written");
    }

    fn dashboard(&mut self) {
        let (projects, truth) = self.corpus();
        let name = format!("dashboard, {} MB in {} files", truth.bytes / 1_000_000, truth.files);
        self.first_frame(&name, &[projects.as_os_str()]);
        let mut screen = self.open(&[projects.as_os_str()]);
        let after = loaded(&mut screen);
        Table::note(&format!("{name}: all read after"), after.as_secs_f64(), "s");
        self.resident(&name, &screen, 60.0);
        let process = screen.process().expect("it runs");
        let (cpu, begin, before) = (process::cpu_so_far(process), Instant::now(), process::memory(process, "VmRSS"));
        while begin.elapsed() < self.idle {
            sleep(Duration::from_millis(100));
            screen.must_live().expect("it goes on");
        }
        let share =
            process::cpu_so_far(process).saturating_sub(cpu).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
        let name = format!("{name}: idle for {} s", self.idle.as_secs());
        self.table.line(&name, share, Bound::AtMost, 0.3, "% of a core");
        let grown = process::memory(process, "VmRSS") as f64 - before as f64;
        self.table.line(&format!("{name}: grows by"), grown / MIB, Bound::AtMost, 1.0, "MiB");
        screen.quit(PATIENCE).expect("q ends it");
        fs::remove_dir_all(projects).expect("was written");
    }

    /// Ninety days in a state, and nothing new since.
    fn state(&mut self) {
        let file = self.folder.path().join("days.jsonl");
        let truth = write_own(&file, self.charges[0], 120, 90, Timestamp::now());
        let name = format!("state of 90 days, {} charges", truth.charges);
        let arguments = [file.as_os_str(), "--state".as_ref(), "bench".as_ref()];
        let mut screen = self.open(&arguments);
        let after = loaded(&mut screen);
        Table::note(&format!("{name}: first reading"), after.as_secs_f64(), "s");
        screen.quit(PATIENCE).expect("q ends it");
        let report = run(
            Command::new(COSTTOP).args(["report", "--format", "json", "--state", "bench"]).envs(self.environment()),
            None,
        );
        self.table.exact(&format!("{name}: dollars"), &same_cost(&report, truth.charges, truth.cost));
        self.first_frame(&name, &arguments);
        let mut totals: Vec<Duration> = (0..FRAMES)
            .map(|_| {
                let begin = Instant::now();
                let mut screen = self.open(&arguments);
                let after = until(&mut screen, |screen| states_money(&screen.screen()).then(|| begin.elapsed()));
                screen.quit(PATIENCE).expect("q ends it");
                after
            })
            .collect();
        totals.sort_unstable();
        let median = totals[FRAMES / 2].as_secs_f64() * 1e3;
        self.table.line(&format!("{name}: totals on screen"), median, Bound::AtMost, 300.0, "ms, median");
        fs::remove_file(file).expect("was written");
    }

    fn commit(&mut self) {
        let many = if self.is_full { 1_000_000 } else { 200_000 };
        let [few, much] = commit::at(10_000, many);
        let ratio = much.as_secs_f64() / few.as_secs_f64();
        Table::note("commit of 500 charges of a minute at 10000 ids", few.as_secs_f64() * 1e3, "ms, median");
        self.table.line(&format!("the same at {many} ids"), ratio, Bound::AtMost, 2.0, "x that");
    }

    /// What no disk should hold comes through a pipe.
    fn huge(&mut self) {
        for (charges, users) in [(2_000_000, 1_000_000), (10_000_000, 10_000)] {
            let name = format!("{charges} charges of {users} users, piped");
            let plan = own_plan(charges, users, 28, Timestamp::now());
            let (told, truth) = std::sync::mpsc::channel();
            let report = run(
                &mut self.report(Path::new("-")),
                Some(Box::new(move |stdin| {
                    let truth = own::write(&mut BufWriter::with_capacity(1 << 18, stdin), &plan)?;
                    told.send(truth).map_err(std::io::Error::other)
                })),
            );
            let truth = truth.recv().expect("all was written");
            self.table.exact(&format!("{name}: dollars"), &same_cost(&report, truth.charges, truth.cost));
            let rate = charges as f64 / report.cpu.as_secs_f64() / 1e6;
            Table::note(&format!("{name}: report"), rate, "M charges per CPU second");
            self.peak(&name, std::slice::from_ref(&report), 300.0);
        }
    }

    fn open(&self, arguments: &[&std::ffi::OsStr]) -> Terminal {
        Terminal::start(Path::new(COSTTOP), arguments, &self.environment()).expect("a pseudo-terminal")
    }

    fn first_frame(&mut self, name: &str, arguments: &[&std::ffi::OsStr]) {
        let mut times: Vec<Duration> = (0..FRAMES)
            .map(|_| {
                let begin = Instant::now();
                let mut screen = self.open(arguments);
                let after = until(&mut screen, |screen| screen.is_drawn().then(|| begin.elapsed()));
                screen.quit(PATIENCE).expect("q ends it");
                after
            })
            .collect();
        times.sort_unstable();
        let worst = times[FRAMES - 1].as_secs_f64() * 1e3;
        self.table.line(&format!("{name}: first frame"), worst, Bound::AtMost, 100.0, "ms, worst of 5");
    }

    fn peak(&mut self, name: &str, runs: &[Run], budget: f64) {
        let peak = runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0);
        self.table.line(&format!("{name}: report's peak"), peak as f64 / MIB, Bound::AtMost, budget, "MiB");
    }

    fn resident(&mut self, name: &str, screen: &Terminal, budget: f64) {
        let process = screen.process().expect("it runs");
        let [now, peak] = ["VmRSS", "VmHWM"].map(|field| process::memory(process, field) as f64 / MIB);
        self.table.line(&format!("{name}: dashboard's memory"), now, Bound::AtMost, budget, "MiB");
        Table::note(&format!("{name}: dashboard's peak"), peak, "MiB");
    }
}

fn least(runs: &[Run]) -> &Run {
    runs.iter().min_by_key(|run| run.cpu).expect("at least one run")
}

fn own_plan(charges: u64, users: u64, days: u64, end: Timestamp) -> own::Plan {
    let span_ms = days * own::DAY_MS;
    own::Plan { charges, users, span_ms, start_ms: end.ms() - span_ms.cast_signed(), seed: 1 }
}

/// A file whose last charge is about now.
fn write_own(file: &Path, charges: u64, users: u64, days: u64, end: Timestamp) -> own::Truth {
    let mut out = BufWriter::new(File::create(file).expect("room on the disk"));
    own::write(&mut out, &own_plan(charges, users, days, end)).expect("room on the disk")
}

fn same_cost(report: &Run, charges: u64, cost: Money) -> Result<(), String> {
    let report: Value = serde_json::from_slice(&report.stdout).map_err(|error| error.to_string())?;
    let totals = &report["totals"];
    let true_cost = cost.to_string();
    if totals["requests"] == charges && totals["cost_usd"] == true_cost.as_str() {
        Ok(())
    } else {
        Err(format!("true: {charges} charges, ${true_cost}; stated: {totals}"))
    }
}

/// Dollars stand on the screen that are neither zero nor a legend's bound (`<$1`).
fn states_money(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let digits = text[at + 1..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        !text[..at].ends_with(['<', '≥']) && digits.clone().any(|digit| matches!(digit, '1'..='9'))
    })
}

/// Waits for what `look` finds on the screen.
fn until(screen: &mut Terminal, mut look: impl FnMut(&mut Terminal) -> Option<Duration>) -> Duration {
    let begin = Instant::now();
    loop {
        if let Some(after) = look(screen) {
            return after;
        }
        screen.must_live().expect("it goes on");
        assert!(begin.elapsed() < PATIENCE, "not in {PATIENCE:?}; the screen:\n{}", screen.screen());
        sleep(Duration::from_millis(1));
    }
}

/// From the start to the screen that has nothing left to read, for half a second.
fn loaded(screen: &mut Terminal) -> Duration {
    until(screen, |screen| screen.caught_up(Duration::from_millis(500)))
}
