//! `costtop [SOURCE]...`: the dashboard.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use crossbeam_channel::{bounded, unbounded};

use super::flags::{Color, From, Global};
use super::report_options::ReportArgs;
use super::setup::{Setup, state_to_own};
use super::viewer::look_while_owned;
use super::{Failure, demo, places, report, stdout};
use crate::config::{SourceConfig, themes_folder};
use crate::engine::view::Window;
use crate::run::live::{self, Wires};
use crate::run::{self, Sources};
use crate::time::Timestamp;
use crate::ui::graph::Graph;
use crate::ui::snapshot::Mark;
use crate::ui::theme::{ColorChoice, Depth, ThemeRefusal, Themes};
use crate::ui::welcome::{self, Choice, Welcome};
use crate::ui::{self, Exit, UiError};

/// What the dashboard takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct DashboardArgs {
    /// What to follow [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Where to begin in a file that was never read: start or end
    #[arg(long, value_name = "WHERE", value_enum, default_value_t, hide_possible_values = true)]
    pub from: From,
    /// Look at files once a second instead of asking the system to be told of changes
    #[arg(long)]
    pub no_notify: bool,
}

/// Opens the dashboard; where stdout is no terminal, prints the report instead.
///
/// # Errors
/// Wrong usage, a refused configuration, a state in use, or a terminal that refuses.
pub fn run(args: &DashboardArgs, global: &Global) -> Result<ExitCode, Failure> {
    if !std::io::stdout().is_terminal() {
        let args = ReportArgs { sources: args.sources.clone(), ..ReportArgs::default() };
        return report::run(&args, global);
    }
    let mut setup = Setup::new(global)?;
    let state = state_to_own(global, !args.sources.is_empty())?;
    if let Some(folder) = &state {
        if look_while_owned(folder, &setup, global)? {
            return Ok(ExitCode::SUCCESS);
        }
        setup.keep_label_slots(folder)?;
    }
    let chosen = setup.chosen(&args.sources);
    if chosen.is_empty() {
        return welcome(&setup, global);
    }
    let sources = setup.sources(&args.sources)?;
    let found = Found { sources: chosen, configured: !setup.config.sources.is_empty() };
    open(setup, sources, state, args.sources.is_empty().then_some(found), args, global)
}

/// What is read without having been named; to be looked at once the screen is up.
pub struct Found {
    /// Where.
    pub sources: Vec<SourceConfig>,
    /// Because the configuration says so, and not because it is known.
    pub configured: bool,
}

/// Nothing to read: offers the demo and shows what feeds costtop. What was on the screen then stays in the shell's.
fn welcome(setup: &Setup, global: &Global) -> Result<ExitCode, Failure> {
    let feed = places::FEED.map(|(command, what)| (command.to_owned(), what.to_owned()));
    let welcome = Welcome { looked: places::looked(), feed: feed.to_vec() };
    let refused = |error: UiError| anyhow!("cannot use the terminal ({error}): is TERM right?");
    let mut open = welcome::Open::new(welcome, &shown(setup, global)?).map_err(refused)?;
    match open.choose().map_err(refused)? {
        Choice::Demo => {
            let demo = demo::prepared()?;
            drop(open);
            demo::open(&demo, global)
        }
        Choice::Leave(Exit::TerminalLost) => {
            drop(open);
            std::process::exit(1)
        }
        Choice::Leave(_) => {
            drop(open);
            stdout::note(&places::nothing_to_read());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Opens the dashboard over what is already decided.
///
/// # Errors
/// As [`run()`].
pub fn open(
    setup: Setup,
    sources: Sources,
    state: Option<PathBuf>,
    found: Option<Found>,
    args: &DashboardArgs,
    global: &Global,
) -> Result<ExitCode, Failure> {
    let themes = shown(&setup, global)?;
    let mouse = setup.config.mouse;
    let zone = setup.config.zone;
    let own = setup.config.labels.iter().map(|config| config.label).collect();
    // The list of events is short of room: the file's name will do.
    let folder = themes_folder().map(|folder| format!("{}/", folder.display())).unwrap_or_default();
    let said = themes.refused().map(|error| (Mark::Warn, "theme", error.to_string().replace(&folder, ""))).collect();
    let mut setup = run::Setup {
        said,
        sources,
        config: setup.config,
        book: setup.book,
        mode: setup.mode,
        state,
        from_end: args.from == From::End,
        notify: !args.no_notify,
        log: global.log.clone(),
    };
    // One snapshot waits at most: a newer one is made when the screen has taken it.
    let (snapshots_in, snapshots) = bounded(1);
    let (effects_in, effects) = unbounded();
    let (rings_in, rings) = bounded(1);
    let wires = Wires { snapshots: snapshots_in, effects, rings: rings_in };
    let engine = std::thread::Builder::new()
        .name("costtop-engine".to_owned())
        .spawn(move || {
            let found = found.map(|found| places::found(&found.sources, found.configured)).unwrap_or_default();
            setup.said.extend(found.into_iter().map(|line| (Mark::Note, "found", line)));
            live::run(setup, &wires)
        })
        .map_err(|error| anyhow!("cannot start the engine ({error}): check the limits of processes"))?;
    let options = ui::Options { themes, mouse, zone, window: Window::default(), own, clock: Timestamp::now };
    let closed = ui::run(options, &snapshots, &effects_in, &rings);
    // The engine stops when nobody asks any more, and commits what it has applied.
    drop((effects_in, snapshots));
    let ended = engine.join();
    match (closed, ended) {
        (_, Err(_)) => Err(anyhow!("the engine ended by a panic (see above); what was committed is safe").into()),
        (_, Ok(Err(error))) => Err(anyhow::Error::from(error).into()),
        (Err(UiError::Terminal(error)), _) => Err(anyhow!("cannot use the terminal ({error}): is TERM right?").into()),
        (Err(error), _) => Err(anyhow::Error::from(error).into()),
        (Ok(Exit::TerminalLost), _) => std::process::exit(1),
        (Ok(Exit::Signal(_) | Exit::Quit | Exit::EngineGone), Ok(Ok(()))) => Ok(ExitCode::SUCCESS),
    }
}

/// The themes of this machine, the named one shown.
///
/// # Errors
/// No theme of this name, or its file is refused.
pub fn themes(name: &str, depth: Depth, graph: Graph) -> Result<Themes, ThemeRefusal> {
    Themes::load(themes_folder().as_deref(), name, (depth, graph), |name| std::env::var(name).ok())
}

/// The themes for this terminal, the configured one shown.
///
/// # Errors
/// As [`themes`].
pub fn shown(setup: &Setup, global: &Global) -> Result<Themes, Failure> {
    let graph = Graph::detect(setup.config.graph, |name| std::env::var(name).ok());
    themes(&setup.config.theme, depth(global.color), graph).map_err(Failure::configuration)
}

/// How many colours this terminal shows.
fn depth(color: Color) -> Depth {
    let choice = match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Ansi16 => ColorChoice::Ansi16,
        Color::Ansi256 => ColorChoice::Ansi256,
        Color::TrueColor => ColorChoice::TrueColor,
    };
    Depth::detect(choice, |name| std::env::var(name).ok())
}
