//! `costtop explain [SOURCE]`: how each line was read and priced.

use clap::Args;

/// What `explain` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// What to read [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub source: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop explain app.jsonl | less
  tail -n 1 app.jsonl | costtop explain -    the last line";
