//! The demo: a company's traffic in a temporary folder, as its logs would tell it. A time enters; files, a configuration
//! and a writer of live lines leave. It opens no network and touches nothing outside its folder.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::dashboard::{self, DashboardArgs};
use super::flags::Global;
use super::report_options::{Grouping, ReportArgs};
use super::setup::{Setup, load_config};
use super::{Failure, report};
use crate::config::{BudgetConfig, Config, Each, SourceConfig};
use crate::engine::report::GroupBy;
use crate::label::Label;
use crate::money::{Cost, Money};
use crate::time::{Period, Timestamp};
use crate::usage::Dimension;

mod agents;
pub mod company;
mod elsewhere;
pub mod history;
pub mod lines;
pub mod live;
pub mod random;
mod restated;
pub mod samples;
pub mod traffic;
pub mod truth;

use history::{Span, write_history};
use live::{Appender, Live};
use truth::Truth;

/// Every demo tells the same story, only later.
const SEED: u64 = 14;
/// How far the logs reach back.
const HISTORY_MS: i64 = 2 * 3_600_000;
/// Keeps the history below 5 MB.
const HISTORY_CALLS: u64 = 2_200;
/// The day's budget stands at this part of its limit when the demo begins, in percent.
const DAY_STANDS_AT: i128 = 70;

/// A prepared folder; removed when dropped.
#[derive(Debug)]
pub struct Demo {
    /// Holds the logs.
    pub folder: TempDir,
    /// As SOURCE arguments; [`Config::sources`] holds the same with what is known about them.
    pub sources: Vec<String>,
    /// Budgets that are about to break.
    pub config: Config,
    /// What the history tells, each request once.
    pub truth: Truth,
    start: Timestamp,
}

/// Appends live lines until it is dropped.
#[derive(Debug)]
pub struct Writer {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Opens the dashboard over the demo's logs while they are written; without a terminal, prints the report of its history.
///
/// # Errors
/// What the file system or the terminal says.
pub fn run(global: &Global) -> Result<ExitCode, Failure> {
    open(&prepared()?, global)
}

/// The demo of this moment.
///
/// # Errors
/// What the file system says.
pub fn prepared() -> Result<Demo, Failure> {
    let demo = prepare(Timestamp::now());
    Ok(demo.context("cannot write the demo's logs: free space in TMPDIR, or set it to another folder")?)
}

/// Opens the dashboard over a prepared folder, in the operator's own time zone and looks.
///
/// # Errors
/// A refused configuration, and what the terminal says.
pub fn open(demo: &Demo, global: &Global) -> Result<ExitCode, Failure> {
    let own = load_config(global)?.config;
    let config = Config { zone: own.zone, theme: own.theme, graph: own.graph, mouse: own.mouse, ..demo.config.clone() };
    let setup = Setup::with_config(global, config)?;
    let sources = setup.sources(&[])?;
    if !std::io::stdout().is_terminal() {
        let args =
            ReportArgs { by: vec![Grouping::Known(GroupBy::Dimension(Dimension::Model))], ..ReportArgs::default() };
        return report::print(&args, global, &setup, sources);
    }
    let _writer = demo.start_writing();
    dashboard::open(setup, sources, None, None, &DashboardArgs::default(), global)
}

/// Writes the history that ends at `now` and decides the budgets.
///
/// # Errors
/// What the file system says.
pub fn prepare(now: Timestamp) -> io::Result<Demo> {
    let folder = tempfile::Builder::new().prefix("costtop-demo-").tempdir()?;
    let start = now.plus_ms(-HISTORY_MS);
    let span = Span { start, end: now, calls: HISTORY_CALLS, rush_permille: 350, runaway: None };
    let truth = write_history(folder.path(), SEED, span, now.plus_ms(-25 * 60_000))?;

    let below = |name: &str| folder.path().join(name).display().to_string();
    let label = |dimension, text| (dimension, Label::new(text));
    let mara = vec![label(Dimension::User, "mara"), label(Dimension::Team, "search")];
    let source = |spec: String, labels| SourceConfig { labels, ..SourceConfig::new(&spec) };
    let mut config = Config {
        sources: vec![
            source(below("gateway.jsonl*"), Vec::new()),
            source(below(lines::APPLICATION), Vec::new()),
            source(below("claude"), mara),
        ],
        ..Config::default()
    };
    let sources = config.sources.iter().map(|source| source.spec.clone()).collect();
    // Shortly after midnight today holds next to nothing; then the last hour stands for it, and the day begins below.
    let (midnight, _) = config.zone.period(Period::Day, now);
    config.budgets = budgets(truth.spent_since(midnight).max(truth.spent_since(start.plus_ms(HISTORY_MS / 2))));
    Ok(Demo { folder, sources, config, truth, start: now })
}

fn budgets(spent_today: Money) -> Vec<BudgetConfig> {
    let budget = |name, limit, per, each| BudgetConfig {
        name: Label::new(name),
        limit,
        per,
        each,
        warn: vec![800_000],
        matches: Vec::new(),
        overrides: Vec::new(),
        include_subscription: false,
    };
    let day = spent_today.pico() * 100 / DAY_STANDS_AT;
    let day = Cost::from_pico(u64::try_from(day).unwrap_or(u64::MAX).max(1));
    let mut each_user = budget("each user", dollars(6), Some(Period::Hour), Each::Dimension(Dimension::User));
    each_user.overrides = vec![(vec![(Dimension::User, company::RUNAWAY.to_owned())], dollars(2))];
    vec![
        budget("everything", day, Some(Period::Day), Each::All),
        each_user,
        budget("agent run", dollars(2), None, Each::Session),
    ]
}

const fn dollars(whole: u64) -> Cost {
    Cost::from_pico(whole * crate::money::PICO_PER_USD)
}

impl Demo {
    /// Starts the thread that goes on writing.
    #[must_use]
    pub fn start_writing(&self) -> Writer {
        let (stop, stopped) = mpsc::channel::<()>();
        let appender = Appender::new(self.folder.path());
        let mut live = Live::new(SEED + 1, self.start);
        let thread = thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_millis(100)) {
                // A full disk or a removed folder ends the stream; the dashboard goes on with what is there.
                if appender.apply(&live.step(Timestamp::now())).is_err() {
                    return;
                }
            }
        });
        Writer { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was already printed, and nothing depends on its result.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Sunday afternoon in every time zone of Europe: today's money is the whole history's.
    const NOW: Timestamp = Timestamp::from_ms(1_795_356_000_000);

    fn limit(demo: &Demo, name: &str) -> Money {
        demo.config.budgets.iter().find(|budget| budget.name.as_str() == name).unwrap().limit.into()
    }

    fn bytes_below(path: &std::path::Path) -> u64 {
        if !path.is_dir() {
            return path.metadata().unwrap().len();
        }
        path.read_dir().unwrap().map(|entry| bytes_below(&entry.unwrap().path())).sum()
    }

    #[test]
    fn it_begins_quiet_and_breaks_within_twenty_seconds() {
        let mut demo = prepare(NOW).unwrap();
        assert!(bytes_below(demo.folder.path()) < 5_000_000);
        demo.config.budgets = budgets(demo.truth.total.cost);
        for (user, totals) in &demo.truth.by_user {
            assert!(totals.cost < limit(&demo, "each user"), "{user} breaks before anybody looks: {}", totals.cost);
        }
        for (session, totals) in &demo.truth.by_session {
            assert!(totals.cost < limit(&demo, "agent run"), "{session} breaks before anybody looks: {}", totals.cost);
        }
        let (_, runaway_limit) = demo.config.budgets[1].overrides[0];
        let spent = |live: &Live| live.truth().by_user.get(company::RUNAWAY).map_or(Money::ZERO, |totals| totals.cost);
        let mut live = Live::new(SEED + 1, NOW);
        live.step(NOW.plus_ms(4_000));
        assert!(spent(&live) < Money::from(runaway_limit));
        for second in 5..=20 {
            live.step(NOW.plus_ms(second * 1000));
        }
        assert!(spent(&live) > Money::from(runaway_limit), "{}", spent(&live));
        let dearest = live.truth().by_session.values().map(|totals| totals.cost).max();
        assert!(dearest > Some(limit(&demo, "agent run")), "{dearest:?}");
        let day = demo.truth.total.cost + live.truth().total.cost;
        assert!(day < limit(&demo, "everything"), "{day}");
    }

    #[test]
    fn the_writer_writes_and_can_be_stopped() {
        let demo = prepare(Timestamp::now()).unwrap();
        let before = bytes_below(demo.folder.path());
        let writer = demo.start_writing();
        while bytes_below(demo.folder.path()) == before {
            thread::yield_now();
        }
        drop(writer); // joins the thread: a writer that cannot be stopped hangs here
    }
}
