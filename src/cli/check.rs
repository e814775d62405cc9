//! `costtop check [--budget NAME]`: how budgets stand, as an exit code for scripts and CI.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Deserialize;

use super::flags::Global;
use super::remote::Remote;
use super::setup::{Setup, state_to_read};
use super::{Failure, stdout};
use crate::alarm::{BudgetState, BudgetStatus};
use crate::client::{ANSWERED_WITHIN, ClientError};
use crate::config::remedy;
use crate::label::Label;
use crate::money::Money;
use crate::output::text;
use crate::run::once::{self, Manner, Read};

/// A process on this machine answers within this time, or its state is read.
const HERE_WITHIN: Duration = Duration::from_secs(2);

/// What `check` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Only this budget [default: all]
    #[arg(long, value_name = "NAME")]
    pub budget: Option<String>,
    /// Print nothing
    #[arg(long, short)]
    pub quiet: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

const EXAMPLES: &str = "\
Examples:
  costtop check || exit 1                       anything but 'within'
  costtop check --budget everything -q || [ $? -eq 10 ] || exit 1        a warning may pass

Exit codes: 0 within, 10 a warning passed, 11 a limit passed, 20 unknown: no such budget, or
nothing to go by. It asks the costtop that owns the state; where none runs it reads the state, and
without one the sources.";

/// Within, warned, exceeded, unknown.
const CODES: [u8; 4] = [0, 10, 11, 20];

/// A budget, as an answer over HTTP has it.
#[derive(Deserialize)]
struct Standing {
    name: Label,
    key: Option<Label>,
    spent_usd: Money,
    limit_usd: Money,
    state: BudgetState,
    #[serde(default)]
    lower_bound: bool,
}

#[derive(Deserialize)]
struct Answer {
    budgets: Vec<Standing>,
}

/// Prints the budgets that are not within, and ends with what the worst of them says.
///
/// # Errors
/// A refused configuration, or what is there cannot be read.
pub fn run(args: &CheckArgs, global: &Global) -> Result<ExitCode, Failure> {
    let mut budgets = standing(args, global)?;
    if let Some(name) = &args.budget {
        let known: Vec<String> = budgets.iter().map(|budget| budget.name.to_string()).collect();
        budgets.retain(|budget| budget.name.as_str() == name);
        if budgets.is_empty() && !args.quiet {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let name = crate::label::clean(name);
            let remedy = if known.is_empty() { "none has a figure".to_owned() } else { remedy(&name, &known) };
            stdout::lines(&[format!("unknown: budget '{name}': {remedy}")])?;
        }
    } else if budgets.is_empty() && !args.quiet {
        stdout::lines(&["unknown: no budget is configured, or nothing was read".to_owned()])?;
    }
    let worst = budgets.iter().map(|budget| budget.state).max();
    if !args.quiet {
        let told = budgets.iter().filter(|budget| Some(budget.state) == worst || budget.state > BudgetState::Ok);
        stdout::lines(&told.map(line).collect::<Vec<_>>())?;
    }
    let place = match worst {
        Some(BudgetState::Ok) => 0,
        Some(BudgetState::Warned) => 1,
        Some(BudgetState::Exceeded) => 2,
        None => 3,
    };
    Ok(ExitCode::from(CODES[place]))
}

/// `exceeded: each user of ada: $12.40 of $10.00 (124 %)`.
fn line(budget: &Standing) -> String {
    let state = match budget.state {
        BudgetState::Ok => "within",
        BudgetState::Warned => "warned",
        BudgetState::Exceeded => "exceeded",
    };
    let key = budget.key.as_ref().map_or_else(String::new, |key| format!(" of {key}"));
    let part = text::share(budget.spent_usd, budget.limit_usd)
        .map_or_else(String::new, |share| format!(" ({} %)", (share * 100.0).floor()));
    let (spent, limit) = (text::usd(budget.spent_usd, 2), text::usd(budget.limit_usd, 2));
    let bound = if budget.lower_bound { "at least " } else { "" };
    format!("{state}: {}{key}: {bound}{spent} of {limit}{part}", budget.name)
}

fn standing(args: &CheckArgs, global: &Global) -> Result<Vec<Standing>, Failure> {
    if args.remote.url.is_some() || !global.no_state {
        let asked = args.remote.asked(global)?;
        let within = if asked.folder().is_some() { HERE_WITHIN } else { ANSWERED_WITHIN };
        match (asked.get::<Answer>("/v1/snapshot", within), asked.folder()) {
            (Ok(answer), _) => return Ok(answer.budgets),
            (Err(ClientError::Unreachable(..)), Some(_)) => {}
            (Err(error), _) => return Err(asked.failure(error)),
        }
    }
    let mut setup = Setup::new(global)?;
    let state = state_to_read(global)?;
    if let Some(folder) = &state {
        setup.keep_label_slots(folder)?;
    }
    let mut read = match &state {
        Some(folder) => once::read_state(folder, &setup.config, &setup.book, setup.mode, setup.now)
            .context("cannot read the state")?,
        None => None,
    };
    if read.is_none() && !setup.chosen(&[]).is_empty() {
        let manner = Manner { mode: setup.mode, ..Manner::default() };
        let sources = once::read(setup.sources(&[])?, &setup.config, &setup.book, setup.now, manner, &mut ());
        read = Some(sources.map_err(anyhow::Error::from)?);
    }
    let Some(Read { mut engine, adjustments, .. }) = read else { return Ok(Vec::new()) };
    let budgets =
        once::budgets(&mut engine, &setup.config, &adjustments, setup.now).context("cannot sum up the budgets")?;
    Ok(budgets.into_iter().map(Standing::from).collect())
}

impl From<BudgetStatus> for Standing {
    fn from(status: BudgetStatus) -> Standing {
        let BudgetStatus { name, key, spent, limit, state, is_lower_bound, .. } = status;
        Standing { name, key, spent_usd: spent, limit_usd: limit, state, lower_bound: is_lower_bound }
    }
}
