//! `costtop status`: one line within 50 ms, from the process that owns the state or else from what its last commit kept.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Failure;
use super::flags::Global;
use super::remote::Remote;
use super::stdout;
use crate::client::ClientError;
use crate::run::once;
use crate::server::status::{Look, Status};
use crate::store;
use crate::time::Timestamp;

/// A process on this machine answers within this time, or what it saved last is told: a prompt does not wait.
const HERE_WITHIN: Duration = Duration::from_millis(40);
/// One elsewhere may take longer.
const ELSEWHERE_WITHIN: Duration = Duration::from_secs(5);

/// What `status` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = format(), default_value = "text")]
    pub format: StatusFormat,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// How a status is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusFormat {
    /// One line.
    #[default]
    Text,
    /// One line with the colours of tmux.
    Tmux,
    /// One JSON object.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  costtop status                    $12.31/h · today $84.20 · 71 % of everything · ▲1
  set -g status-right '#(costtop status --format tmux)'          in tmux.conf
  costtop status --format json | jq -r .today_usd

Where no costtop runs, it tells what was saved last and how old that is. For an exit code, see
'costtop check'.";

fn format() -> impl TypedValueParser<Value = StatusFormat> {
    PossibleValuesParser::new(["text", "tmux", "json"]).map(|name| match name.as_str() {
        "tmux" => StatusFormat::Tmux,
        "json" => StatusFormat::Json,
        _ => StatusFormat::Text,
    })
}

/// Prints how things stand.
///
/// # Errors
/// Nobody runs, and no state says anything.
pub fn run(args: &StatusArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let within = if asked.folder().is_some() { HERE_WITHIN } else { ELSEWHERE_WITHIN };
    let status: Status = match (asked.get("/v1/status", within), asked.folder()) {
        (Ok(status), _) => status,
        (Err(error @ ClientError::Unreachable(..)), Some(folder)) => {
            match once::last_status(folder).context("cannot read the state")? {
                Some(saved) => saved,
                // Somebody runs, has no time for an answer, and has kept nothing yet.
                None if matches!(store::owner(folder), Ok(Some(_))) => return Err(asked.failure(error)),
                None => {
                    return Err(Failure::usage(format!(
                        "nothing is known in '{}': start 'costtop serve' or the dashboard first",
                        folder.display()
                    )));
                }
            }
        }
        (Err(error), _) => return Err(asked.failure(error)),
    };
    let now = Timestamp::now();
    let line = match args.format {
        StatusFormat::Text => status.line(now, Look::Text),
        StatusFormat::Tmux => status.line(now, Look::Tmux),
        StatusFormat::Json => serde_json::to_string(&status).context("cannot write the status")?,
    };
    stdout::lines(&[line])?;
    Ok(ExitCode::SUCCESS)
}
