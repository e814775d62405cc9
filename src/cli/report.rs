//! `costtop report [SOURCE]...`: reads everything, prints totals and groups, ends.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::flags::Global;
use super::report_options::ReportArgs;
use super::setup::{Setup, state_to_read};
use super::{Failure, places, stdout};
use crate::alarm::Adjustments;
use crate::engine::Engine;
use crate::output::Document;
use crate::run::Sources;
use crate::run::once::{self, Manner, Read};

/// Prints the report.
///
/// # Errors
/// Wrong usage, a refused configuration, or a source that cannot be read.
pub fn run(args: &ReportArgs, global: &Global) -> Result<ExitCode, Failure> {
    args.check()?;
    let mut setup = Setup::new(global)?;
    // A wrong span or label is said before anything is read.
    args.query(&setup.config, setup.now)?;
    let state = if args.sources.is_empty() { state_to_read(global)? } else { None };
    if let Some(folder) = &state {
        setup.keep_label_slots(folder)?;
    }
    if let Some(folder) = state
        && let Some(Read { engine, adjustments, notes }) =
            once::read_state(&folder, &setup.config, &setup.book, setup.mode, setup.now)
                .context("cannot read the state")?
    {
        for note in notes {
            stdout::note(&note);
        }
        return answer(args, global, &setup, engine, &adjustments);
    }
    let sources = setup.sources(&args.sources)?;
    if args.sources.is_empty() {
        for line in places::found(&setup.chosen(&[]), !setup.config.sources.is_empty()) {
            stdout::note(&format!("found {line}"));
        }
    }
    print(args, global, &setup, sources)
}

/// Reads `sources` to their ends and prints their report.
///
/// # Errors
/// As [`run`].
pub fn print(args: &ReportArgs, global: &Global, setup: &Setup, sources: Sources) -> Result<ExitCode, Failure> {
    let manner = Manner { mode: setup.mode, ..Manner::default() };
    let read = once::read(sources, &setup.config, &setup.book, setup.now, manner, &mut ());
    let Read { engine, adjustments, notes } = read.map_err(anyhow::Error::from)?;
    for note in notes {
        stdout::note(&note);
    }
    answer(args, global, setup, engine, &adjustments)
}

fn answer(
    args: &ReportArgs,
    global: &Global,
    setup: &Setup,
    mut engine: Engine,
    adjustments: &Adjustments,
) -> Result<ExitCode, Failure> {
    let query = args.query(&setup.config, setup.now)?;
    // What costs look like that logs report.
    engine.use_prices(Arc::clone(&setup.book));
    let mut report = engine.report(&query).context("cannot read the ledger's temporary file")?;
    report.adjusted = adjustments.within(query.since, query.until);
    if let Some(note) = once::misnamed(adjustments, &setup.config, setup.now).context("cannot sum up the budgets")? {
        stdout::note(&note);
    }
    let budgets =
        once::budgets(&mut engine, &setup.config, adjustments, setup.now).context("cannot sum up the budgets")?;
    let document = Document { report, query, budgets, generated_at: setup.now };
    stdout::print(&document, args.format, global.color)?;
    Ok(ExitCode::SUCCESS)
}
