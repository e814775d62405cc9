//! `costtop events [SOURCE]...`: every charge as NDJSON.

use clap::Args;

/// What `events` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct EventsArgs {
    /// What to read [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop events app.jsonl | jq -r '[.ts, .user, .cost_usd] | @tsv'
  tail -f gateway.jsonl | costtop events -       each charge at once, corrections with a revision
  costtop events a.jsonl b.jsonl > merged.jsonl  costtop reads what it printed, amounts kept

A cost without a price is null, with \"cost_source\":\"unpriced\".";
