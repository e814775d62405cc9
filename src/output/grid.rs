//! A table of texts: headings, rows, and which columns may go when the place is narrow. It knows no report.

use std::io::{self, Write};

use super::Look;
use super::text::{fit, width};

/// Blanks between columns.
const GAP: usize = 2;
/// A name is cut to this before a column of figures is left out.
const NAME_CUT_FIRST: usize = 24;
/// A name is never cut below this.
const NAME_LEAST: usize = 8;

/// How a column behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Left-aligned, may be cut.
    Name,
    /// Right-aligned, never cut; left out for want of room, the highest number first. 0 stays.
    Figure(u8),
}

/// Headings and rows.
#[derive(Debug, Default)]
pub struct Grid {
    /// Heading and behaviour of each column.
    pub columns: Vec<(String, Kind)>,
    /// As many cells a row as there are columns.
    pub rows: Vec<Vec<String>>,
    /// A last row, set apart.
    pub foot: Option<Vec<String>>,
}

impl Grid {
    /// Writes aligned columns that fit `look`.
    pub fn write(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let mut widths: Vec<Option<usize>> = (0..self.columns.len()).map(|at| Some(self.natural(at))).collect();
        if let Some(room) = look.width {
            self.squeeze(&mut widths, room);
        }
        let heading: Vec<String> = self.columns.iter().map(|(name, _)| name.to_uppercase()).collect();
        let (on, off) = if look.bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        writeln!(out, "{on}{}{off}", self.line(&widths, &heading))?;
        self.rows.iter().chain(&self.foot).try_for_each(|row| writeln!(out, "{}", self.line(&widths, row)))
    }

    fn natural(&self, at: usize) -> usize {
        let cells = self.rows.iter().chain(&self.foot).map(|row| width(&row[at])).max().unwrap_or(0);
        cells.max(width(&self.columns[at].0))
    }

    fn squeeze(&self, widths: &mut [Option<usize>], room: usize) {
        self.cut_names(widths, room, NAME_CUT_FIRST);
        while total(widths) > room {
            let last = (0..widths.len())
                .filter(|at| widths[*at].is_some())
                .filter_map(|at| match self.columns[at].1 {
                    Kind::Figure(rank @ 1..) => Some((rank, at)),
                    _ => None,
                })
                .max();
            let Some((_, at)) = last else { break };
            widths[at] = None;
        }
        self.cut_names(widths, room, NAME_LEAST);
    }

    /// Takes columns from the widest name until all fit or all are down to `least`.
    fn cut_names(&self, widths: &mut [Option<usize>], room: usize, least: usize) {
        while total(widths) > room {
            let widest = (0..widths.len())
                .filter(|at| self.columns[*at].1 == Kind::Name)
                .filter_map(|at| widths[at].filter(|columns| *columns > least).map(|columns| (columns, at)))
                .max();
            let Some((columns, at)) = widest else { break };
            widths[at] = Some(columns - 1);
        }
    }

    fn line(&self, widths: &[Option<usize>], cells: &[String]) -> String {
        let mut line = String::new();
        for ((columns, cell), (_, kind)) in widths.iter().zip(cells).zip(&self.columns) {
            let Some(columns) = *columns else { continue };
            if !line.is_empty() {
                line.push_str(&" ".repeat(GAP));
            }
            let cell = fit(cell, columns);
            let blanks = " ".repeat(columns.saturating_sub(width(&cell)));
            match kind {
                Kind::Name => line.extend([cell.as_ref(), &blanks]),
                Kind::Figure(_) => line.extend([&blanks, cell.as_ref()]),
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten().count();
    widths.iter().flatten().sum::<usize>() + GAP * shown.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(names: &[String]) -> Grid {
        Grid {
            columns: vec![
                ("user".into(), Kind::Name),
                ("model".into(), Kind::Name),
                ("cost".into(), Kind::Figure(0)),
                ("tokens".into(), Kind::Figure(1)),
                ("errors".into(), Kind::Figure(2)),
            ],
            rows: names
                .iter()
                .map(|name| vec![name.clone(), "m".into(), "$1.00".into(), "10".into(), "0".into()])
                .collect(),
            foot: None,
        }
    }

    fn drawn(grid: &Grid, width: Option<usize>) -> String {
        let mut out = Vec::new();
        grid.write(Look { width, bold: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_least_important_column_goes_first_and_money_stays() {
        let grid = grid(&["x".repeat(40)]);
        assert!(drawn(&grid, None).contains(&"x".repeat(40)));
        assert!(!drawn(&grid, Some(40)).contains("ERRORS"));
        assert!(drawn(&grid, Some(40)).contains("COST"));
        assert!(drawn(&grid, Some(10)).contains("$1.00"));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_place(names in prop::collection::vec("\\PC{0,60}", 1..5), room in 24usize..120) {
            for line in drawn(&grid(&names), Some(room)).lines() {
                prop_assert!(width(line) <= room, "{:?} takes {}", line, width(line));
            }
        }
    }
}
