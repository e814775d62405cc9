//! GitHub-flavoured Markdown: totals, groups and budgets as tables. What is special to Markdown or HTML leaves as an entity.
//!
//! An entity is the one escape that every renderer reads alike, inside a table cell too, where `\|` and `\\|` differ.

use std::io::{self, Write};

use super::drift;
use super::grid::{Grid, Kind};
use super::summary::{budgets, events, groups, intake, losses, span, totals};
use super::{Document, Exporter};

/// Writes Markdown.
pub struct Markdown;

impl Exporter for Markdown {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "## LLM cost, {}\n", escape(&span(document)))?;
        writeln!(out, "{}\n", events(document).unwrap_or_else(|| "no events".to_owned()))?;
        let rows = totals(document).into_iter().map(Vec::from).collect();
        let columns = [("total", Kind::Name), ("figure", Kind::Figure(0)), ("of which", Kind::Name)];
        let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
        table(out, &Grid { columns, rows, foot: None })?;
        for grid in [groups(document), budgets(document), drift::grid(document)].into_iter().flatten() {
            table(out, &grid)?;
        }
        for sentence in drift::sentences(document) {
            writeln!(out, "{}\n", escape(&sentence))?;
        }
        writeln!(out, "Intake: {}\n", escape(&intake(document)))?;
        let losses = losses(document);
        let losses = if losses.is_empty() { "none".to_owned() } else { losses.join(", ") };
        writeln!(out, "Losses: {}", escape(&losses))
    }
}

fn table(out: &mut dyn Write, grid: &Grid) -> io::Result<()> {
    let rule = |kind: &Kind| if *kind == Kind::Name { ":---" } else { "---:" };
    let heading: Vec<&str> = grid.columns.iter().map(|(name, _)| name.as_str()).collect();
    let rules: Vec<&str> = grid.columns.iter().map(|(_, kind)| rule(kind)).collect();
    writeln!(out, "| {} |\n| {} |", heading.join(" | "), rules.join(" | "))?;
    for row in grid.rows.iter().chain(&grid.foot) {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

/// Text that Markdown shows as it is: no table border, emphasis, code, link, image or HTML can come of it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        // An underscore inside a word, as most names have it, is no emphasis; a link needs `://` or `www.`.
        let special = match character {
            '|' | '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' => true,
            '_' => !before.is_alphanumeric() || !rest.peek().is_some_and(|next| next.is_alphanumeric()),
            ':' => rest.peek() == Some(&'/'),
            '.' => before.eq_ignore_ascii_case(&'w'),
            // Elsewhere than before an amount it would open or close mathematics.
            '$' => !rest.peek().is_some_and(char::is_ascii_digit),
            _ => false,
        };
        if special {
            out.extend(["&#", &u32::from(character).to_string(), ";"]);
        } else {
            out.push(character);
        }
        before = character;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["claude-sonnet-4-6", "ci_evals", "m.chen", "$1,234.56", "Zoë 日本語", "evals/nightly"] {
            assert_eq!(escape(name), name);
        }
    }

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(escape("a|b"), "a&#124;b");
        assert_eq!(escape(r"a\|b"), "a&#92;&#124;b");
        assert_eq!(escape("_x_ **y** `z`"), "&#95;x&#95; &#42;&#42;y&#42;&#42; &#96;z&#96;");
        assert_eq!(escape("<img src=x>"), "&#60;img src=x&#62;");
        assert_eq!(escape("[a](javascript:x)"), "&#91;a&#93;(javascript:x)");
        assert_eq!(escape("https://evil"), "https&#58;//evil");
        assert_eq!(escape("www.evil"), "www&#46;evil");
        assert_eq!(escape("$x$ $5$"), "&#36;x&#36; $5&#36;");
        assert_eq!(escape("&#124;"), "&#38;#124;");
    }
}
