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
use super::{Failure, report};
use crate::engine::view::Window;
use crate::run::Sources;
use crate::run::live::{self, Wires};
use crate::time::Timestamp;
use crate::ui::theme::{ColorChoice, Depth, Theme};
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
        setup.keep_label_slots(folder)?;
    }
    let sources = setup.sources(&args.sources)?;
    open(setup, sources, state, args, global)
}

/// Opens the dashboard over what is already decided.
///
/// # Errors
/// As [`run`].
pub fn open(
    setup: Setup,
    sources: Sources,
    state: Option<PathBuf>,
    args: &DashboardArgs,
    global: &Global,
) -> Result<ExitCode, Failure> {
    let theme = theme(&setup.config.theme, global.color)?;
    let zone = setup.config.zone;
    let own = setup.config.labels.iter().map(|config| config.label).collect();
    let setup = live::Setup {
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
        .spawn(move || live::run(setup, &wires))
        .map_err(|error| anyhow!("cannot start the engine ({error}): check the limits of processes"))?;
    let options = ui::Options { theme, zone, window: Window::default(), own, clock: Timestamp::now };
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

fn theme(name: &str, color: Color) -> Result<Theme, Failure> {
    if name != "midnight" {
        return Err(Failure::configuration(format!("unknown theme '{name}': use midnight")));
    }
    let choice = match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    Ok(Theme::midnight(Depth::detect(choice, |name| std::env::var(name).ok())))
}
