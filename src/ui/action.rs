//! What can happen to the screen, and what it asks of the engine in return.

use crate::engine::view::{ChargeId, ViewQuery};
use crate::time::Timestamp;

/// Something that happened: a key, the clock, a new size, a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave.
    Quit,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// The panel before.
    PreviousPanel,
    /// The panel after.
    NextPanel,
    /// A page of rows up.
    PageUp,
    /// A page of rows down.
    PageDown,
    /// The first row; the selection then stays with the first place.
    First,
    /// The last row.
    Last,
    /// Order by the next column.
    SortNext,
    /// Turn the order round.
    SortReverse,
    /// The next shorter window.
    ShorterWindow,
    /// The next longer window.
    LongerWindow,
    /// Stop or resume taking snapshots; the engine goes on counting.
    Freeze,
    /// The focused panel alone, or all again.
    Zoom,
    /// Silence or restore the bell.
    Mute,
    /// Every firing alarm has been seen.
    Acknowledge,
    /// The keys of this screen.
    Help,
    /// What came in and what became of it.
    Intake,
    /// Close what lies on top, then the zoom.
    Back,
    /// Hand the terminal back to the shell.
    Suspend,
    /// Paint every cell again.
    Repaint,
    /// The clock moved on.
    Clock(Timestamp),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// A new snapshot is shown.
    Arrived,
    /// A new snapshot came while frozen; it counts this many more requests than the one shown.
    Behind(i64),
}

/// What goes back to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The screen needs other rows, another window or another order.
    Query(ViewQuery),
    /// A charge was opened, or closed again.
    Charge(Option<ChargeId>),
    /// Every firing alarm has been seen.
    Acknowledge,
    /// Silence the bell, or let it ring again.
    Mute(bool),
    /// The operator leaves.
    Quit,
}
