//! The report for people: totals, groups, budgets, and a line for every loss.

use std::io::{self, Write};

use super::drift;
use super::summary::{budgets, events, groups, intake, losses, span, totals};
use super::text::width;
use super::{Document, Exporter, Look};

/// Writes aligned columns.
pub struct Table {
    /// What the terminal can do.
    pub look: Look,
}

impl Exporter for Table {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        self.heading(out, &format!("costtop report, {}", span(document)))?;
        match events(document) {
            Some(events) => writeln!(out, "{events}\n")?,
            None => writeln!(out, "no events\n")?,
        }
        let lines = totals(document);
        let figures = lines.iter().map(|[_, figure, _]| width(figure)).max().unwrap_or(0);
        for [name, figure, parts] in &lines {
            let blanks = " ".repeat(figures - width(figure));
            self.paragraph(out, &format!("{name:<9}  {blanks}{figure}  {parts}"), figures + 13)?;
        }
        for grid in [groups(document), budgets(document), drift::grid(document)].into_iter().flatten() {
            writeln!(out)?;
            grid.write(self.look, out)?;
        }
        for sentence in drift::sentences(document) {
            self.paragraph(out, &sentence, 2)?;
        }
        writeln!(out)?;
        self.paragraph(out, &format!("intake: {}", intake(document)), 8)?;
        let losses = losses(document);
        let losses = if losses.is_empty() { "none".to_owned() } else { losses.join(", ") };
        self.paragraph(out, &format!("losses: {losses}"), 8)
    }
}

impl Table {
    fn heading(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        if self.look.bold { writeln!(out, "\x1b[1m{text}\x1b[0m") } else { writeln!(out, "{text}") }
    }

    /// `text`, broken at blanks where the terminal ends; further lines are indented.
    fn paragraph(&self, out: &mut dyn Write, text: &str, indent: usize) -> io::Result<()> {
        let room = self.look.width.unwrap_or(usize::MAX);
        let mut at = 0;
        let mut line = String::new();
        for word in text.split_inclusive(' ') {
            if at > indent && at + width(word.trim_end()) > room {
                writeln!(out, "{}", line.trim_end())?;
                line = " ".repeat(indent);
                at = indent;
            }
            line.push_str(word);
            at += width(word);
        }
        writeln!(out, "{}", line.trim_end())
    }
}
