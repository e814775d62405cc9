//! `costtop man`: the manual page, made from the same table of commands and flags. One page holds every command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, Failure};

const ENDING: &str = "\
.SH \"EXIT STATUS\"
0 done, 1 failed, 2 wrong usage, 12 reconcile past its tolerance, 78 refused configuration.
.SH ENVIRONMENT
.TP
\\fBNO_COLOR\\fR
Set and not empty: no colour and no bold, unless \\fB\\-\\-color always\\fR.
.TP
\\fBCLICOLOR_FORCE\\fR
Set and not 0: colour and bold in pipes and files, too.
.TP
\\fBCOLORTERM\\fR, \\fBTERM\\fR, \\fBCOLORFGBG\\fR
How many colours the dashboard has, and whether the theme \\fIauto\\fR is a dark or a light one.
.TP
\\fBLC_ALL\\fR, \\fBLC_CTYPE\\fR, \\fBLANG\\fR
Without UTF\\-8 in the first that is set, the dashboard is drawn in ASCII.
.TP
\\fBXDG_CONFIG_HOME\\fR, \\fBXDG_STATE_HOME\\fR
Where configuration (\\fIcosttop/config.toml\\fR) and state (\\fIcosttop/\\fR) live.
";

/// Prints the page as roff.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run() -> Result<ExitCode, Failure> {
    let mut page = Vec::new();
    write(&mut page)?;
    io::stdout().lock().write_all(polished(&String::from_utf8_lossy(&page)).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn write(out: &mut Vec<u8>) -> io::Result<()> {
    let mut program = Cli::command();
    program.build();
    let man = Man::new(program.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        write_command(out, command)?;
    }
    man.render_extra_section(out)?;
    out.write_all(ENDING.as_bytes())
}

/// Each section defines the apostrophe anew; once is enough. What help shows last is called what it is: examples.
fn polished(page: &str) -> String {
    let (mut seen, is_definition) = (0, |line: &str| line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds Aq"));
    page.lines()
        .filter(|line| {
            seen += usize::from(is_definition(line));
            !is_definition(line) || seen <= 2
        })
        .filter(|line| *line != "Examples:")
        .map(|line| if line.ends_with(" EXTRA") { line.replace("EXTRA", "EXAMPLES") } else { line.to_owned() })
        .flat_map(|line| [line, "\n".to_owned()])
        .collect()
}

/// One command as a section; what its own page would have as sections become subsections.
fn write_command(out: &mut Vec<u8>, command: &clap::Command) -> io::Result<()> {
    let globals: Vec<String> =
        command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().to_string()).collect();
    // The global options stand once, above.
    let command = globals.into_iter().fold(command.clone(), |command, id| command.mut_arg(id, |arg| arg.hide(true)));
    let mut part = Vec::new();
    let own = Man::new(command.clone());
    own.render_synopsis_section(&mut part)?;
    own.render_description_section(&mut part)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set() && arg.get_id() != "help") {
        own.render_options_section(&mut part)?;
    }
    if command.has_subcommands() {
        own.render_subcommands_section(&mut part)?;
    }
    if command.get_after_help().is_some() {
        own.render_extra_section(&mut part)?;
    }
    writeln!(out, ".SH \"COSTTOP {}\"", command.get_name().to_uppercase())?;
    for line in String::from_utf8_lossy(&part).lines() {
        match line.strip_prefix(".SH ") {
            Some(title) => writeln!(out, ".SS {title}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
