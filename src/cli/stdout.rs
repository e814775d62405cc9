//! What stdout can show: a width and bold on a terminal, neither in a file or pipe; and what is said beside it, on stderr.

use std::io::{self, BufWriter, IsTerminal, Write};

use super::flags::Color;
use crate::label::harmless;
use crate::output::{Document, Format, Look};

/// How a report may look on stdout.
#[must_use]
pub fn look(color: Color) -> Look {
    let terminal = io::stdout().is_terminal();
    let width = terminal.then(ratatui::crossterm::terminal::size).and_then(Result::ok).map(|(columns, _)| columns);
    let bold = match color {
        Color::Always | Color::Ansi16 | Color::Ansi256 | Color::TrueColor => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto if is_set("CLICOLOR_FORCE") && std::env::var_os("CLICOLOR_FORCE").is_some_and(|on| on != "0") => {
            true
        }
        Color::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    };
    // A terminal that says 0 does not know.
    Look { width: width.filter(|columns| *columns > 0).map(usize::from), bold }
}

/// Writes `document` to stdout in `format`. CSV has no row for what was lost, so that goes to stderr.
///
/// # Errors
/// Those of stdout; a closed pipe among them, which [`Failure`](super::Failure) keeps quiet.
pub fn print(document: &Document, format: Format, color: Color) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    format.exporter(look(color)).write(document, &mut out)?;
    out.flush()?;
    let losses = document.losses();
    if format == Format::Csv && !losses.is_empty() {
        note(&format!("losses: {}", losses.join(", ")));
    }
    Ok(())
}

/// Writes lines to stdout.
///
/// # Errors
/// Those of stdout.
pub fn lines(lines: &[String]) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    lines.iter().try_for_each(|line| writeln!(out, "{}", harmless(line)))?;
    out.flush()
}

/// Says something beside the output, on stderr. Where that is closed the output is still whole.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "costtop: {}", harmless(text));
}

/// Set and not empty, as <https://no-color.org> and <https://bixense.com/clicolors> have it.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_says_of_colour_holds_anywhere() {
        assert!(look(Color::Always).bold);
        assert!(!look(Color::Never).bold);
    }
}
