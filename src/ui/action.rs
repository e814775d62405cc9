//! What can happen to the screen, and what it asks of the engine in return.

use super::layout::Panel;
use crate::engine::view::{ChargeId, ChargeOrder, SortKey, ViewQuery, Window};
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
    /// Look into the selected row.
    Open,
    /// The row before the one that is open, in the list it was opened from.
    PreviousSibling,
    /// The row after the one that is open.
    NextSibling,
    /// Order by the next column.
    SortNext,
    /// Turn the order round.
    SortReverse,
    /// Begin to type a filter.
    Filter,
    /// Choose what the rows of a table are.
    By,
    /// A character was typed where text is taken.
    Type(char),
    /// Take back the last character.
    Erase,
    /// Take back all of them.
    EraseAll,
    /// The filter stays, typing ends.
    KeepFilter,
    /// The filter goes, typing ends.
    DropFilter,
    /// The choice before.
    PreviousChoice,
    /// The choice after.
    NextChoice,
    /// Take the choice that is marked.
    Choose,
    /// Close the choices.
    CloseChoices,
    /// The next shorter window.
    ShorterWindow,
    /// The next longer window.
    LongerWindow,
    /// Half a window into the past; the view then stands still.
    Earlier,
    /// Half a window towards now.
    Later,
    /// Back to now; where nothing falls into the window, to the newest event.
    Now,
    /// Stop or resume taking snapshots; the engine goes on counting.
    Freeze,
    /// The focused panel alone, or all again.
    Zoom,
    /// Silence or restore the bell.
    Mute,
    /// All alarms.
    Alarms,
    /// Reported against computed costs.
    Drift,
    /// The selected alarm has been seen; where none can be selected, every firing one.
    Acknowledge,
    /// The selected alarm is silent for a while.
    Snooze,
    /// The keys of this screen.
    Help,
    /// What came in and what became of it.
    Intake,
    /// Close what lies on top, then the zoom, then return to where this was opened.
    Back,
    /// The next theme.
    NextTheme,
    /// Leave the mouse to the terminal's own selection, or take it again.
    Mouse,
    /// The keyboard goes to this panel.
    Focus(Panel),
    /// The row at this place of this panel was clicked: it is selected, or looked into if it was.
    Select(Panel, usize),
    /// This column's heading was clicked: order by it, or turn the order round.
    SortBy(Panel, SortKey),
    /// The list of single charges in this order.
    OrderCharges(ChargeOrder),
    /// This window, for all panels.
    SetWindow(Window),
    /// The list in this panel by so many rows, whoever has the keyboard.
    Wheel(Panel, i8),
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
    /// The alarm of this incident has been seen; without one, every firing alarm.
    Acknowledge(Option<String>),
    /// The alarm of this incident is silent for so many minutes.
    Snooze(String, i64),
    /// Silence the bell, or let it ring again.
    Mute(bool),
    /// The operator leaves.
    Quit,
}
