//! `costtop [SOURCE]...`: the dashboard.

use clap::Args;

use super::flags::From;

/// What the dashboard takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct DashboardArgs {
    /// What to follow [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Where to begin in a file that was never read: start or end
    #[arg(long, value_name = "WHERE", value_enum, default_value_t, hide_possible_values = true)]
    pub from: From,
    /// Look at files once a second instead of asking the system to be told of changes
    #[arg(long)]
    pub no_notify: bool,
}
