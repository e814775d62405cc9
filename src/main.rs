//! The costtop program: one error printed, one exit code, no core left behind.

use std::process::ExitCode;

use clap::Parser;
use costtop::cli::{self, Cli, Failure};

fn main() -> ExitCode {
    cli::core_dump::forbid();
    match Cli::try_parse() {
        Ok(cli) => cli::run(&cli).unwrap_or_else(Failure::end),
        // Help and version come as errors too; they go to stdout and end with 0.
        Err(error) if error.use_stderr() => Failure::from(error).end(),
        Err(error) => error.print().map_or_else(|error| Failure::from(error).end(), |()| ExitCode::SUCCESS),
    }
}
