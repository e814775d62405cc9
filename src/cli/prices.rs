//! `costtop prices [MODEL]...`: what a model costs here.

use clap::Args;

/// What `prices` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct PricesArgs {
    /// Models as logs name them [default: every model of the tables]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop prices claude-sonnet-4-6
  costtop prices bedrock/us.anthropic.claude-opus-4-6-v1 my-fine-tune";
pub fn run(_: &PricesArgs, _: &super::flags::Global) -> Result<std::process::ExitCode, super::Failure> {
    Ok(std::process::ExitCode::SUCCESS)
}
