//! `costtop completions SHELL`: a script for the shell, made from the same table of commands and flags.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure};

/// What `completions` takes.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell to complete in
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  costtop completions bash > ~/.local/share/bash-completion/completions/costtop
  costtop completions zsh > \"${fpath[1]}/_costtop\"
  costtop completions fish > ~/.config/fish/completions/costtop.fish";

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    // Built in memory, because the generator panics where a write fails, as on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "costtop", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
