//! `costtop alarms [SOURCE]...`: what would have fired.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::bounds::Bound;
use super::flags::Global;
use super::setup::{Setup, state_to_read};
use super::{Failure, stdout};
use crate::alarm::{AlarmState, Transition};
use crate::config::Severity;
use crate::run::once::{self, Manner, Read};
use crate::run::replay::{ReplayError, replay};
use crate::time::{Timestamp, Zone};

/// What `alarms` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct AlarmsArgs {
    /// What to replay [default: the state, else the configured sources or known places]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Print what happened from this time on; what came before is learned from
    #[arg(long, value_name = "TIME", value_parser = Bound::parse)]
    pub since: Option<Bound>,
    /// Print what happened before this time
    #[arg(long, value_name = "TIME", value_parser = Bound::parse)]
    pub until: Option<Bound>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = format(), default_value = "table")]
    pub format: AlarmsFormat,
}

/// How transitions are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlarmsFormat {
    /// For people.
    #[default]
    Table,
    /// One JSON object for each transition.
    Ndjson,
}

const EXAMPLES: &str = "\
Examples:
  costtop alarms --since 7d                      what the last week would have rung for
  costtop --config new.toml alarms logs/         what other budgets would have done
  costtop alarms --format ndjson app.jsonl | jq -r 'select(.state == \"firing\") | .message'

History goes through budgets and detectors in the order of its times, as if it came in now; nothing rings.";

fn format() -> impl TypedValueParser<Value = AlarmsFormat> {
    PossibleValuesParser::new(["table", "ndjson"])
        .map(|name| if name == "ndjson" { AlarmsFormat::Ndjson } else { AlarmsFormat::Table })
}

/// Replays a history and prints every transition.
///
/// # Errors
/// Wrong usage, a refused configuration, or a source that cannot be read.
pub fn run(args: &AlarmsArgs, global: &Global) -> Result<ExitCode, Failure> {
    let setup = Setup::new(global)?;
    let bound = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.resolve(setup.config.zone, setup.now));
    let (since, until) = (bound(&args.since), bound(&args.until));
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(Failure::usage(format!(
            "--since {since} is not before --until {until}: nothing lies between, move one of them"
        )));
    }
    let state = if args.sources.is_empty() { state_to_read(global)? } else { None };
    let saved = match state {
        Some(folder) => once::read_state(&folder, &setup.config, &setup.book, setup.mode, setup.now)
            .context("cannot read the state")?,
        None => None,
    };
    let Read { mut engine, adjustments, notes } = if let Some(read) = saved {
        read
    } else {
        let sources = setup.sources(&args.sources)?;
        let manner = Manner { mode: setup.mode, ..Manner::default() };
        let read = once::read(sources, &setup.config, &setup.book, setup.now, manner, &mut ());
        read.map_err(anyhow::Error::from)?
    };
    let misnamed = once::misnamed(&adjustments, &setup.config, setup.now).map_err(anyhow::Error::from)?;
    for note in notes.into_iter().chain(misnamed) {
        stdout::note(&note);
    }
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut printer = Printer { out, format: args.format, zone: setup.config.zone, fired: [0; 4] };
    let charges = replay(&mut engine, &setup.config, adjustments.kept(), |transition| {
        let time = transition.time;
        let printed = since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until);
        if printed { printer.print(transition) } else { Ok(()) }
    });
    let charges = charges.map_err(|error| match error {
        ReplayError::Scope(error) => anyhow::Error::from(error),
        ReplayError::Io(error) => anyhow::Error::from(error).context("cannot print the alarms"),
    })?;
    printer.finish(charges, engine.newest()).context("cannot print the alarms")?;
    Ok(ExitCode::SUCCESS)
}

struct Printer<W: Write> {
    out: W,
    format: AlarmsFormat,
    zone: Zone,
    /// By severity.
    fired: [u64; 4],
}

impl<W: Write> Printer<W> {
    fn print(&mut self, transition: &Transition) -> io::Result<()> {
        if transition.state == AlarmState::Firing {
            self.fired[transition.severity as usize] += 1;
        }
        match self.format {
            AlarmsFormat::Ndjson => writeln!(self.out, "{}", transition.to_json()),
            AlarmsFormat::Table => writeln!(
                self.out,
                "{}  {:<8}  {:<8}  {:<6}  {}",
                self.zone.format(transition.time, "%Y-%m-%d %H:%M:%S"),
                transition.state.name(),
                transition.severity.name(),
                transition.cause,
                transition.message
            ),
        }
    }

    fn finish(mut self, charges: u64, newest: Option<Timestamp>) -> io::Result<()> {
        if self.format == AlarmsFormat::Table {
            let [_, warned, paged, critical] = self.fired;
            if warned + paged + critical > 0 {
                writeln!(self.out)?;
            }
            let until = newest.map_or(String::new(), |newest| self.zone.format(newest, " until %Y-%m-%d %H:%M"));
            let words = [(critical, Severity::Critical), (paged, Severity::Page), (warned, Severity::Warn)]
                .map(|(count, severity)| format!("{count} {}", severity.name()));
            writeln!(self.out, "{charges} charges{until}: {}", words.join(", "))?;
        }
        self.out.flush()
    }
}
