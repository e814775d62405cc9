//! `costtop reconcile FILE [SOURCE]...`: what a provider bills beside what costtop counted, by day, model and key. Nothing is corrected: it says
//! what differs, by how much, and what the likely cause is.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Failure;
use super::flags::Global;
use super::setup::{Setup, state_to_read};
use crate::engine::Engine;
use crate::output::figures;
use crate::run::once::{self, Manner};

mod cause;
mod compare;
mod export;
mod figure;
mod ours;
mod print;

use compare::Comparison;
use export::Export;
use figure::Tolerance;
use print::Outcome;

/// A figure is past the tolerance.
const PAST: u8 = 12;

/// What figures can be compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The UTC day, as providers bill.
    Day,
    /// The model, without provider and date.
    Model,
    /// The API key.
    Key,
}

impl By {
    /// In the order help lists them.
    pub const ALL: [By; 3] = [By::Day, By::Model, By::Key];

    /// The word of the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            By::Day => "day",
            By::Model => "model",
            By::Key => "key",
        }
    }
}

/// How the comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// `costtop.reconcile.v1`.
    Json,
}

impl Format {
    /// In the order help lists them.
    pub const ALL: [Format; 2] = [Format::Table, Format::Json];

    /// The word of `--format`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
        }
    }
}

/// What `reconcile` takes.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ReconcileArgs {
    /// What the provider's admin API answered, pages one after another; '-' for stdin
    #[arg(value_name = "FILE")]
    pub file: String,
    /// What to compare with it [default: the state, else the configured sources or known places]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Compare by these, outermost first [default: day,model, where the report has them]
    #[arg(long, value_name = "KEY,...", value_delimiter = ',', value_parser = by())]
    pub by: Vec<By>,
    /// How far figures may be apart, in percent of theirs
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = tolerance)]
    pub tolerance: u32,
    /// The name that our logs have for a key of theirs
    #[arg(long = "key", value_name = "ID=NAME", value_parser = key_name)]
    pub keys: Vec<(String, String)>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = format(), default_value = "table")]
    pub format: Format,
}

const EXAMPLES: &str = "\
Examples:
  costtop reconcile anthropic-usage.json                    with the state of this machine
  cat costs-*.json | costtop reconcile - logs/ --by day     one page after another
  costtop reconcile usage.json --by key --key apikey_01Rj2=gateway --tolerance 0.5%
  costtop reconcile usage.json --format json | jq '.reports[].causes'

FILE is what an admin API answered: OpenAI's organization/usage/completions or organization/costs,
Anthropic's usage_report/messages or cost_report. Charges outside its span, those of other
providers and answers from a gateway's cache are left out. Days are UTC's.
Exit codes: 0 within the tolerance, 12 past it.";

fn by() -> impl TypedValueParser<Value = By> {
    PossibleValuesParser::new(By::ALL.map(By::name))
        .try_map(|name| By::ALL.into_iter().find(|by| by.name() == name).ok_or("no such key"))
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .try_map(|name| Format::ALL.into_iter().find(|format| format.name() == name).ok_or("no such format"))
}

fn tolerance(text: &str) -> Result<u32, String> {
    Tolerance::parse(text).map(|it| it.0)
}

fn key_name(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(id, name)| !id.is_empty() && !name.is_empty());
    parts.map(|(id, name)| (id.to_owned(), name.to_owned())).ok_or_else(|| {
        format!("'{text}' is no pair: write the provider's id, '=' and your name, such as apikey_01=gateway")
    })
}

impl ReconcileArgs {
    /// Refuses what cannot be read or is named twice.
    fn check(&self) -> Result<(), Failure> {
        if self.file == "-" && self.sources.iter().any(|source| source == "-") {
            return Err(Failure::usage(
                "FILE and SOURCE are both '-': standard input is read once, name a file for one of them",
            ));
        }
        for (place, by) in self.by.iter().enumerate() {
            if self.by[..place].contains(by) {
                return Err(Failure::usage(format!("--by names '{}' twice: name it once", by.name())));
            }
        }
        Ok(())
    }
}

/// Prints the comparison; ends with 12 if a figure is past the tolerance.
///
/// # Errors
/// Wrong usage, a refused configuration, a file that is no export, or a source that cannot be read.
pub fn run(args: &ReconcileArgs, global: &Global) -> Result<ExitCode, Failure> {
    args.check()?;
    let setup = Setup::new(global)?;
    let export = read_export(&args.file)?;
    let wanted = if args.by.is_empty() { vec![By::Day, By::Model] } else { args.by.clone() };
    for by in &args.by {
        if !export.reports.values().any(|report| compare::has(report, *by)) {
            return Err(Failure::usage(format!("--by {}: {}", by.name(), missing(*by))));
        }
    }
    let (mut engine, mut notes) = engine(args, global, &setup)?;
    if export.repeats > 0 {
        let buckets = figures::number_of(export.repeats as u64, "bucket stands", "buckets stand");
        notes.push(format!("{buckets} in the file twice, word for word, and counted once"));
    }
    for object in &export.passed_over {
        notes.push(format!("passed over: {object} has no text tokens"));
    }
    let keys: BTreeMap<String, String> = args.keys.iter().cloned().collect();
    let mut parts = Vec::new();
    let tolerance = Tolerance(args.tolerance);
    for (whose, report) in &export.reports {
        let comparison = Comparison::new(*whose, report, &wanted, &keys, &mut engine, &setup.book)
            .context("cannot read the ledger's temporary file")?;
        for by in args.by.iter().filter(|by| !comparison.by.contains(by)) {
            let (provider, kind) = (comparison.provider.title(), comparison.kind.name());
            notes.push(format!("{provider} {kind} is not compared by {}: {}", by.name(), missing(*by)));
        }
        let causes = cause::likely(&comparison, tolerance, setup.config.zone, setup.now);
        parts.push((comparison, causes));
    }
    let outcome = Outcome { parts, tolerance, notes, generated_at: setup.now };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => outcome.table(&mut out)?,
        Format::Json => outcome.json(&mut out)?,
    }
    out.flush()?;
    Ok(if outcome.is_within() { ExitCode::SUCCESS } else { ExitCode::from(PAST) })
}

/// Why a report cannot be compared so, and how to get one that can.
fn missing(by: By) -> String {
    match by {
        By::Day => "the report's buckets are longer than a day: ask the API with bucket_width=1d".to_owned(),
        By::Model => {
            "the report names no model: ask the API with group_by=model (Anthropic's costs: description, OpenAI's: line_item)"
                .to_owned()
        }
        By::Key => "the report names no key: ask the API with group_by=api_key_id".to_owned(),
    }
}

fn read_export(file: &str) -> Result<Export, Failure> {
    let name = if file == "-" { "standard input".to_owned() } else { format!("'{}'", figures::path(Path::new(file))) };
    let mut text = Vec::new();
    let read = match file {
        "-" => io::stdin().lock().read_to_end(&mut text),
        _ => std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut text)),
    };
    read.with_context(|| format!("cannot read the report {name}: name a file that the provider's admin API answered"))?;
    Export::read(&text).with_context(|| format!("report {name}")).map_err(Failure::from)
}

/// Every charge: of the state where no SOURCE is named and there is one, else of the sources.
fn engine(args: &ReconcileArgs, global: &Global, setup: &Setup) -> Result<(Engine, Vec<String>), Failure> {
    let state = if args.sources.is_empty() { state_to_read(global)? } else { None };
    if let Some(folder) = state
        && let Some(read) = once::read_state(&folder, &setup.config, &setup.book, setup.mode, setup.now)
            .context("cannot read the state")?
    {
        return Ok((read.engine, read.notes));
    }
    let sources = setup.sources(&args.sources)?;
    let manner = Manner { mode: setup.mode, ..Manner::default() };
    let read = once::read(sources, &setup.config, &setup.book, setup.now, manner, &mut ());
    let read = read.map_err(anyhow::Error::from)?;
    Ok((read.engine, read.notes))
}
