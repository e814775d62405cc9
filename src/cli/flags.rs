//! The flags that every command takes. They win over environment and configuration file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::GraphChoice;
use crate::time::Zone;

const HEADING: &str = "Global options";

/// Flags before or after any command.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// Read this configuration file instead of the usual one
    #[arg(long, value_name = "FILE", global = true, help_heading = HEADING)]
    pub config: Option<PathBuf>,
    /// Keep positions and sums under this name
    #[arg(long, value_name = "NAME", global = true, help_heading = HEADING, value_parser = state_name)]
    pub state: Option<String>,
    /// Keep and read no state
    #[arg(long, global = true, help_heading = HEADING, conflicts_with = "state")]
    pub no_state: bool,
    /// Which cost counts: auto (the log's, else the table's), reported or computed
    #[arg(long, value_name = "MODE", global = true, help_heading = HEADING, value_enum, default_value_t, hide_possible_values = true)]
    pub cost: CostMode,
    /// Where days begin, such as Europe/Berlin [default: this machine's]
    #[arg(long, value_name = "TZ", global = true, help_heading = HEADING)]
    pub timezone: Option<Zone>,
    /// Colours: auto, midnight, daylight, nord, gruvbox, okabe-ito, ansi, mono, or a theme of your own
    #[arg(long, value_name = "NAME", global = true, help_heading = HEADING)]
    pub theme: Option<String>,
    /// Signs of charts, bars and borders: auto, braille, block or ascii
    #[arg(long, value_name = "SIGNS", global = true, help_heading = HEADING, value_enum, hide_possible_values = true)]
    pub graph: Option<GraphChoice>,
    /// Leave clicks and the wheel to the terminal
    #[arg(long, global = true, help_heading = HEADING)]
    pub no_mouse: bool,
    /// When to use colour and bold: auto, always or never; or how many colours: 16, 256 or truecolor
    #[arg(long, value_name = "WHEN", global = true, help_heading = HEADING, value_enum, default_value_t, hide_possible_values = true)]
    pub color: Color,
    /// Write costtop's own log to this file
    #[arg(long, value_name = "FILE", global = true, help_heading = HEADING)]
    pub log: Option<PathBuf>,
}

/// `--cost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CostMode {
    /// What the log reports, else what the price table says
    #[default]
    Auto,
    /// Only what the log reports; the rest is unpriced
    Reported,
    /// Only what the price table says
    Computed,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
    /// Always, in the sixteen of the terminal's own palette
    #[value(name = "16")]
    Ansi16,
    /// Always, in the 256 of xterm
    #[value(name = "256")]
    Ansi256,
    /// Always, in all colours
    #[value(name = "truecolor")]
    TrueColor,
}

/// `--from`: where files are read from at first sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// Read what is already there
    #[default]
    Start,
    /// Only what is written from now on
    End,
}

/// A name that is one harmless file name on every system.
fn state_name(name: &str) -> Result<String, String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with(['.', '-']) || !name.chars().all(harmless) {
        return Err("use at most 64 letters, digits, '-', '_' and '.', a letter or digit first".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_no_path() {
        assert_eq!(state_name("prod-eu_1.a").as_deref(), Ok("prod-eu_1.a"));
        for name in ["", "../x", ".hidden", "a/b", "a\\b", "ü", "-x", &"x".repeat(65)] {
            assert!(state_name(name).is_err(), "{name:?}");
        }
    }
}
