//! The command line: words enter, one command with its checked flags leaves, and one exit code at the end.
//!
//! This file is the table of commands; each has a file of its own that says what it takes and does it.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub mod alarms;
pub mod attach;
pub mod bounds;
pub mod check;
pub mod completions;
pub mod config;
pub mod core_dump;
pub mod dashboard;
pub mod demo;
pub mod events;
pub mod explain;
pub mod failure;
pub mod flags;
pub mod man;
pub mod order;
pub mod places;
pub mod prices;
pub mod reconcile;
pub mod remote;
pub mod report;
pub mod report_options;
pub mod serve;
pub mod setup;
pub mod status;
pub mod stdout;

pub use failure::Failure;

const EXAMPLES: &str = "\
Examples:
  costtop                                    follow what this machine has
  costtop /var/log/litellm/                  follow a folder and what appears in it
  kubectl logs -f gateway | costtop -        follow a pipe
  costtop report --by user --since today     who spent what today
  costtop report --format json | jq .totals  the same for programs

SOURCE is a file, a folder, a glob, '-' for stdin, unix:PATH or tcp://HOST:PORT. Without a command: the
dashboard; when stdout is no terminal, the report.
Exit codes: 0 done, 1 failed, 2 wrong usage, 10/11/20 of 'check', 12 'reconcile' past its tolerance,
78 refused config.";

/// htop for LLM spend: who burns what, how fast, and when the budget ends
#[derive(Clone, Debug, Parser)]
#[command(name = "costtop", version, about, after_help = EXAMPLES, max_term_width = 120, subcommand_help_heading = "Commands")]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: flags::Global,
    /// What the dashboard takes.
    #[command(flatten)]
    pub dashboard: dashboard::DashboardArgs,
    /// Another command than the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Every command but the dashboard.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print totals and groups once.
    Report(report_options::ReportArgs),
    /// Print every charge as NDJSON, normalised and priced.
    Events(events::EventsArgs),
    /// Show what would have fired: replay a history through budgets and detectors.
    Alarms(alarms::AlarmsArgs),
    /// Show how each line was read and priced, term by term.
    Explain(explain::ExplainArgs),
    /// Show what a model costs here, from which table, and how the name matched.
    Prices(prices::PricesArgs),
    /// Compare what a provider bills with what costtop counted.
    Reconcile(reconcile::ReconcileArgs),
    /// Follow, listen, alarm and answer HTTP, without a screen.
    Serve(serve::ServeArgs),
    /// Open the dashboard of a costtop elsewhere; it rings here.
    Attach(attach::AttachArgs),
    /// Print in one line how things stand: for prompts and bars.
    Status(status::StatusArgs),
    /// Tell by exit code how budgets stand: for scripts and CI.
    Check(check::CheckArgs),
    /// Acknowledge alarms, as the key does.
    Ack(order::AckArgs),
    /// Hear of alarms again later, as the key does.
    Snooze(order::SnoozeArgs),
    /// Silence the bell.
    Silence(order::SilenceArgs),
    /// Let the bell ring again.
    Resume(order::ResumeArgs),
    /// Correct a budget: a refund, a cost that no log has.
    Adjust(order::AdjustArgs),
    /// Show, check or create the configuration.
    Config(config::ConfigArgs),
    /// Open the dashboard on a made-up day, in a folder that is removed afterwards.
    Demo,
    /// Print the completion script of a shell.
    Completions(completions::CompletionsArgs),
    /// Print the manual page.
    Man,
}

impl Command {
    /// The word it is called by.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Report(_) => "report",
            Command::Events(_) => "events",
            Command::Alarms(_) => "alarms",
            Command::Explain(_) => "explain",
            Command::Prices(_) => "prices",
            Command::Reconcile(_) => "reconcile",
            Command::Serve(_) => "serve",
            Command::Attach(_) => "attach",
            Command::Status(_) => "status",
            Command::Check(_) => "check",
            Command::Ack(_) => "ack",
            Command::Snooze(_) => "snooze",
            Command::Silence(_) => "silence",
            Command::Resume(_) => "resume",
            Command::Adjust(_) => "adjust",
            Command::Config(_) => "config",
            Command::Demo => "demo",
            Command::Completions(_) => "completions",
            Command::Man => "man",
        }
    }
}

impl Cli {
    /// Refuses what the parser cannot see: the dashboard's words before a command, and a misspelt command.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self) -> Result<(), Failure> {
        if let Some(command) = &self.command {
            let name = command.name();
            if let Some(source) = self.dashboard.sources.first() {
                return Err(Failure::usage(format!("SOURCE '{source}' before '{name}': name it after the command")));
            }
            if self.dashboard != dashboard::DashboardArgs::default() {
                return Err(Failure::usage(format!(
                    "--from and --no-notify are the dashboard's, not those of '{name}'"
                )));
            }
            return if let Command::Report(args) = command { args.check() } else { Ok(()) };
        }
        for source in &self.dashboard.sources {
            let Some(command) = misspelt(source) else { continue };
            if std::path::Path::new(source).exists() {
                continue;
            }
            if command == *source {
                return Err(Failure::usage(format!(
                    "command '{command}' after a SOURCE: write it first (a file to come: './{command}')"
                )));
            }
            return Err(Failure::usage(format!(
                "no command and no file '{source}': did you mean '{command}'? (a file to come: './{source}')"
            )));
        }
        Ok(())
    }
}

/// The command that a bare word nearly spells.
fn misspelt(word: &str) -> Option<String> {
    if !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let commands = Cli::command();
    let near = commands
        .get_subcommands()
        .map(|command| (strsim::damerau_levenshtein(command.get_name(), word), command.get_name()))
        .min()?;
    // Two slips of the finger, in words long enough for two not to make another word.
    (near.0 <= if word.len() < 5 { 1 } else { 2 }).then(|| near.1.to_owned())
}

/// Does what the command line says.
///
/// # Errors
/// The one failure to be printed; see [`Failure::end`].
pub fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    cli.check()?;
    match &cli.command {
        Some(Command::Completions(args)) => completions::run(args),
        Some(Command::Man) => man::run(),
        Some(Command::Report(args)) => report::run(args, &cli.global),
        Some(Command::Events(args)) => events::run(args, &cli.global),
        Some(Command::Alarms(args)) => alarms::run(args, &cli.global),
        Some(Command::Demo) => demo::run(&cli.global),
        Some(Command::Explain(args)) => explain::run(args, &cli.global),
        Some(Command::Prices(args)) => prices::run(args, &cli.global),
        Some(Command::Reconcile(args)) => reconcile::run(args, &cli.global),
        Some(Command::Serve(args)) => serve::run(args, &cli.global),
        Some(Command::Attach(args)) => attach::run(args, &cli.global),
        Some(Command::Status(args)) => status::run(args, &cli.global),
        Some(Command::Check(args)) => check::run(args, &cli.global),
        Some(Command::Ack(args)) => order::ack(args, &cli.global),
        Some(Command::Snooze(args)) => order::snooze(args, &cli.global),
        Some(Command::Silence(args)) => order::silence(args, &cli.global),
        Some(Command::Resume(args)) => order::resume(args, &cli.global),
        Some(Command::Adjust(args)) => order::adjust(args, &cli.global),
        Some(Command::Config(args)) => config::run(args, &cli.global),
        None => dashboard::run(&cli.dashboard, &cli.global),
    }
}
