//! Writes a Claude Code history of any size with what it truly costs, and checks a costtop against it.
//!
//! ```text
//! cargo run --release --example history -- OUT [--megabytes 20] [--seed 1] [--check target/release/costtop]
//! ```
//!
//! `OUT/projects` gets the session files, `OUT/truth.json` the sums by model, UTC day and session; equal arguments give equal
//! bytes. With `--check`, `costtop report` must state exactly the truth, grouped by each of them. Exit code 0: written, and exact
//! if checked; 1: not; 2: wrong usage.

mod corpus;
mod truth;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const USAGE: &str = "usage: history OUT [--megabytes N] [--seed N] [--check COSTTOP]";

struct Plan {
    out: PathBuf,
    megabytes: u64,
    seed: u64,
    check: Option<PathBuf>,
}

fn main() -> ExitCode {
    let plan = match plan(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error:#}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn plan(mut arguments: impl Iterator<Item = String>) -> Result<Plan> {
    let out = arguments.next().filter(|path| !path.starts_with('-')).context("OUT is missing")?;
    let mut plan = Plan { out: out.into(), megabytes: 20, seed: 1, check: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name}: its value is missing"))?;
        match name.as_str() {
            "--megabytes" => plan.megabytes = value.parse().context("--megabytes")?,
            "--seed" => plan.seed = value.parse().context("--seed")?,
            "--check" => plan.check = Some(value.into()),
            _ => bail!("unknown argument '{name}'"),
        }
    }
    Ok(plan)
}

fn run(plan: &Plan) -> Result<()> {
    let begin = Instant::now();
    let truth = corpus::write(&plan.out, plan.megabytes * 1_000_000, plan.seed)?;
    println!(
        "{} MB  files {}  lines {}  requests {}  sessions {}  ${}  written in {:.1?}",
        truth.bytes / 1_000_000,
        truth.files,
        truth.lines,
        truth.total.requests,
        truth.by_session.len(),
        truth.total.cost,
        begin.elapsed()
    );
    let Some(costtop) = &plan.check else { return Ok(()) };
    for by in ["model", "day", "session"] {
        let report = report(costtop, plan, by)?;
        truth.check(&report, by).map_err(anyhow::Error::msg)?;
        println!("by {by}: {} groups, exact", report["groups"].as_array().map_or(0, Vec::len));
    }
    Ok(())
}

/// What `costtop report` says of the history, without the settings of the one who asks.
fn report(costtop: &PathBuf, plan: &Plan, by: &str) -> Result<Value> {
    let output = Command::new(costtop)
        .args(["report", "--format", "json", "--timezone", "UTC", "--by", by])
        .arg(plan.out.join("projects"))
        .env("XDG_CONFIG_HOME", plan.out.join("no-settings"))
        .output()
        .with_context(|| format!("'{}' does not start: build it first", costtop.display()))?;
    if !output.status.success() {
        bail!("costtop report: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("costtop report printed no JSON")
}
