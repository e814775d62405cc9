//! What lies over a screen when it is asked for: its keys, or what came in.

use crate::ui::action::Action;
use crate::ui::keys::{self, KEYS, Mode};
use crate::ui::snapshot::Snapshot;
use crate::ui::state::{Overlay, State};
use crate::ui::text;
use crate::usage::Rejection;

/// Cells of a line of what is to be known of the state.
const NOTE: usize = 44;

/// One line: left, right, and whether it counts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A key, a name.
    pub left: String,
    /// What it does, how many.
    pub right: String,
    /// It works now, it is not nothing.
    pub bright: bool,
}

/// The lines of the sheet that lies over the screen.
#[must_use]
pub fn entries(state: &State, snapshot: &Snapshot) -> Vec<Entry> {
    match state.overlay {
        Some(Overlay::Help) => help(state, snapshot),
        Some(Overlay::Intake) => intake(snapshot),
        None => Vec::new(),
    }
}

/// How a sheet of these lines fits into so many columns and rows: lines in one column, and columns.
#[must_use]
pub fn fit(entries: &[Entry], (width, height): (u16, u16)) -> (usize, usize) {
    let rows = usize::from(height.saturating_sub(2));
    let columns = if entries.len() > rows && 2 * column(entries) + 6 <= usize::from(width) { 2 } else { 1 };
    (entries.len().div_ceil(columns).min(rows), columns)
}

/// Cells of a column.
#[must_use]
pub fn column(entries: &[Entry]) -> usize {
    let left = entries.iter().map(|entry| text::width(&entry.left)).max().unwrap_or(0);
    let right = entries.iter().map(|entry| text::width(&entry.right)).max().unwrap_or(0);
    left + 3 + right
}

/// The keys of this screen, as they work once the sheet is closed.
fn help(state: &State, snapshot: &Snapshot) -> Vec<Entry> {
    let mut below = state.clone();
    below.overlay = None;
    let page = below.visit.page;
    let here = KEYS.iter().filter(|binding| binding.mode == Mode::Screen && binding.pages.contains(&page));
    here.map(|binding| Entry {
        left: binding.keys.iter().map(|key| keys::symbol(key)).collect::<Vec<_>>().join(" "),
        right: binding.help.to_owned(),
        bright: binding.action == Action::Help || (binding.works)(&below, snapshot),
    })
    .collect()
}

fn intake(snapshot: &Snapshot) -> Vec<Entry> {
    let intake = &snapshot.view.intake;
    let line = |left: &str, count: u64| Entry {
        left: left.to_owned(),
        right: text::grouped(i128::from(count)),
        bright: count > 0,
    };
    // What is wrong with the state says more about these figures than they do.
    let note = snapshot.state_note.as_deref().map(|note| text::wrap(note, NOTE)).unwrap_or_default();
    let mut lines: Vec<Entry> = note
        .into_iter()
        .enumerate()
        .map(|(at, right)| Entry { left: if at == 0 { "state" } else { "" }.to_owned(), right, bright: true })
        .collect();
    lines.extend([
        line("files and connections", intake.files),
        line("bytes", intake.bytes),
        line("lines", intake.lines),
        line("torn ends", intake.torn),
        line("gaps suspected", intake.gaps),
        line("dropped by the kernel", intake.dropped),
        line("records", intake.records),
        line("  charges", intake.charges),
        line("  updates", intake.updates),
        line("  duplicates", intake.duplicates),
        line("  merged", intake.merged),
        line("  not usage", intake.not_usage),
        line("  rejected", intake.rejected_total()),
        line("  late", intake.late),
        line("undated", intake.undated),
        line("without id", intake.no_id),
        line("id reused", intake.id_reused),
        line("ahead of the clock", intake.clock_skew),
    ]);
    if intake.late > 0 {
        let right = text::dollars(intake.late_cost);
        lines.push(Entry { left: "late, not added".to_owned(), right, bright: true });
    }
    let classes = Rejection::ALL.iter().zip(intake.rejected).filter(|(_, count)| *count > 0);
    lines.extend(classes.map(|(class, count)| line(&format!("rejected: {}", class.name()), count)));
    let unpriced = &snapshot.view.unpriced_models;
    lines.extend(unpriced.iter().map(|(model, tokens)| Entry {
        left: format!("unpriced: {}", text::fit(model.as_str(), 22)),
        right: format!("{} tokens", text::count(i64::try_from(*tokens).unwrap_or(i64::MAX))),
        bright: true,
    }));
    lines
}
