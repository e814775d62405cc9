//! `costtop config path|print|check|init`: the configuration file.

use clap::{Args, Subcommand};

/// What `config` takes.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES, arg_required_else_help = false)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What can be done with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Print where the file is looked for
    Path,
    /// Print what holds now: defaults, file, environment and flags together
    Print,
    /// Say what is wrong with it; exit code 78 if anything is
    Check,
    /// Write a commented file where there is none
    Init,
}

const EXAMPLES: &str = "\
Examples:
  costtop config init && $EDITOR \"$(costtop config path)\"
  costtop --config new.toml config check";
pub fn run(_: &ConfigArgs, _: &super::flags::Global) -> Result<std::process::ExitCode, super::Failure> {
    Ok(std::process::ExitCode::SUCCESS)
}
