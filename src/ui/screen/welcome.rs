//! What is shown where there is nothing to read: how to see the demo, and the lines that feed costtop.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::ui::canvas::Canvas;
use crate::ui::mouse::Targets;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// What there is to say besides.
#[derive(Clone, Debug, Default)]
pub struct Welcome {
    /// Where costtop looked, one line each.
    pub looked: Vec<String>,
    /// Lines for a shell, each with what it does.
    pub feed: Vec<(String, String)>,
}

/// One line; of those that do not fit the ones of the greatest rank go first.
struct Line {
    rank: u8,
    pieces: Vec<(String, Style)>,
}

/// Draws it over the whole of `buffer`, whatever its size.
pub fn draw(welcome: &Welcome, theme: &Theme, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut canvas = Canvas { buffer, theme, targets: Targets::default() };
    canvas.clear(area);
    if area.height == 0 {
        return;
    }
    let accent = theme.style(Role::Accent).add_modifier(Modifier::BOLD);
    let dim = theme.style(Role::Dim);
    let footer = Rect { y: area.bottom() - 1, height: 1, ..area };
    let keys = [("Enter", accent), (" demo   ", dim), ("q", accent), (" quit", dim)];
    canvas.pieces(footer.x + u16::from(area.width > 20), footer.y, footer.width, &keys);
    if area.height >= 3 {
        canvas.paint(Rect { height: 1, ..area }, theme.style(Role::Header));
        let name = [("costtop", accent), ("   htop for LLM spend", dim)];
        canvas.pieces(area.x + 1, area.y, area.width.saturating_sub(2), &name);
    }
    let room = area.height.saturating_sub(if area.height >= 3 { 2 } else { 1 });
    let mut lines = lines(welcome, theme);
    while lines.len() > usize::from(room) {
        let Some(rank) = lines.iter().map(|line| line.rank).max() else { return };
        let last = lines.iter().rposition(|line| line.rank == rank).unwrap_or(0);
        lines.remove(last);
    }
    let widest = lines.iter().map(|line| width(&line.pieces)).max().unwrap_or(0) as u16;
    let x = area.x + (area.width.saturating_sub(widest) / 2).clamp(u16::from(area.width > 20), 24);
    let top = if area.height >= 3 { area.y + 1 } else { area.y };
    let y = top + (room - lines.len() as u16) / 3;
    for (row, line) in lines.iter().enumerate() {
        let pieces: Vec<(&str, Style)> = line.pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        canvas.pieces(x, y + row as u16, area.right().saturating_sub(x), &pieces);
    }
}

fn width(pieces: &[(String, Style)]) -> usize {
    pieces.iter().map(|(text, _)| text::width(text)).sum()
}

fn lines(welcome: &Welcome, theme: &Theme) -> Vec<Line> {
    let (dim, text, figure) = (theme.style(Role::Dim), theme.style(Role::Text), theme.figure());
    let accent = theme.style(Role::Accent).add_modifier(Modifier::BOLD);
    let line = |rank: u8, pieces: &[(&str, Style)]| Line {
        rank,
        pieces: pieces.iter().map(|(text, style)| ((*text).to_owned(), *style)).collect(),
    };
    let mut lines = vec![line(3, &[("Nothing to read yet", figure)])];
    lines.push(line(6, &[("No SOURCE was named, none is configured, and no known log is on this machine.", dim)]));
    lines.extend(welcome.looked.iter().map(|place| line(7, &[("  ○ ", dim), (place, dim)])));
    lines.push(line(5, &[]));
    lines.push(line(1, &[("Enter", accent), (" shows the demo", figure)]));
    lines.push(line(4, &[("A made-up day of a company, live, in a folder that is removed afterwards.", dim)]));
    lines.push(line(5, &[]));
    lines.push(line(2, &[("Or feed it, from a shell:", figure)]));
    for (command, what) in &welcome.feed {
        lines.push(line(8, &[]));
        lines.push(line(2, &[("  ", text), (command, text)]));
        lines.push(line(6, &[("  ", dim), (what, dim)]));
    }
    lines
}
