//! Writes log lines for load tests to stdout, and what they truly come to on stderr, as JSON.
//!
//! ```text
//! cargo run --release --example workload -- own [--charges 350000] [--users 120] [--days 28] [--start 2026-01-05] [--seed 1]
//! cargo run --release --example workload -- litellm [--megabytes 100]
//! ```
//!
//! `own` writes costtop's own NDJSON with costs, `litellm` payloads of 13 kB each. Equal arguments give equal bytes, so a pipe
//! tests what no disk would hold: `workload own --charges 10000000 | costtop report -`.

mod litellm;
mod own;

use std::io::{BufWriter, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use serde_json::{Value, json};

const USAGE: &str = "usage: workload own [--charges N] [--users N] [--days N] [--start DATE] [--seed N]
       workload litellm [--megabytes N]";
/// 2026-01-05, a Monday.
const START: Timestamp = Timestamp::from_ms(1_767_571_200_000);

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(truth) => {
            eprintln!("{truth}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<Value> {
    let kind = arguments.next().context("say what to write")?;
    let mut plan = own::Plan { charges: 350_000, users: 120, span_ms: 28 * own::DAY_MS, start_ms: START.ms(), seed: 1 };
    let mut megabytes = 100;
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name}: its value is missing"))?;
        let number = || value.parse::<u64>().with_context(|| format!("{name} {value}: a whole number is missing"));
        match (kind.as_str(), name.as_str()) {
            ("own", "--charges") => plan.charges = number()?,
            ("own", "--users") => plan.users = number()?.max(1),
            ("own", "--days") => plan.span_ms = number()?.max(1) * own::DAY_MS,
            ("own", "--seed") => plan.seed = number()?,
            ("own", "--start") => {
                plan.start_ms = parse_rfc3339(value.as_bytes(), Zone::UTC).context("--start: a date is missing")?.ms();
            }
            ("litellm", "--megabytes") => megabytes = number()?,
            _ => bail!("unknown argument '{name}'"),
        }
    }
    let mut out = BufWriter::with_capacity(1 << 18, stdout().lock());
    Ok(match kind.as_str() {
        "own" => {
            let truth = own::write(&mut out, &plan)?;
            json!({"charges": truth.charges, "bytes": truth.bytes, "tokens": truth.tokens, "cost_usd": truth.cost.to_string()})
        }
        "litellm" => {
            let truth = litellm::write(&mut out, megabytes * 1_000_000)?;
            json!({"charges": truth.charges, "bytes": truth.bytes, "cost_usd": truth.cost.to_string()})
        }
        _ => bail!("unknown kind '{kind}'"),
    })
}
