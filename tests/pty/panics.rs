//! A panic on any thread gives the terminal back before its message is printed, so that the message can be read.
//!
//! The program has no way to be made to panic. So this test runs itself in the terminal, with the program's screen over an engine that
//! breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use costtop::engine::view::Window;
use costtop::time::{Timestamp, Zone};
use costtop::ui::snapshot::Snapshot;
use costtop::ui::theme::{Depth, Theme};
use costtop::ui::{self, Exit, UiError};
use crossbeam_channel::{bounded, unbounded};

use super::console::{Console, PATIENCE};
use super::place::{Place, text};

const NAME: &str = "panics::a_panic_gives_the_terminal_back";
/// Names the thread that is to panic.
const WHERE: &str = "COSTTOP_PANIC_ON";

static BREAK_THE_SCREEN: AtomicBool = AtomicBool::new(false);

/// The clock of the screen's thread.
fn clock() -> Timestamp {
    assert!(!BREAK_THE_SCREEN.load(Ordering::SeqCst), "the clock is broken");
    Timestamp::now()
}

/// The screen, until another order is asked for.
fn broken(place: &str) {
    let (snapshots_in, snapshots) = bounded(1);
    let (effects_in, effects) = unbounded();
    let (_rings_in, rings) = bounded(1);
    let breaks_itself = place == "engine";
    let engine = thread::spawn(move || {
        snapshots_in.send(Arc::new(Snapshot::empty(Timestamp::now(), Zone::UTC))).unwrap();
        for _query in effects.iter().take(2) {}
        assert!(!breaks_itself, "the engine is broken");
        BREAK_THE_SCREEN.store(true, Ordering::SeqCst);
        effects.iter().for_each(drop);
    });
    let theme = Theme::midnight(Depth::Ansi256);
    let options = ui::Options { theme, zone: Zone::UTC, window: Window::default(), own: Vec::new(), clock };
    let closed = ui::run(options, &snapshots, &effects_in, &rings);
    drop(effects_in);
    // Whichever the screen sees first: that its terminal was given back, or that nobody sends any more.
    assert!(matches!(closed, Err(UiError::Panicked) | Ok(Exit::EngineGone)), "{closed:?}");
    assert!(engine.join().is_err());
}

#[test]
fn a_panic_gives_the_terminal_back() {
    if let Ok(place) = std::env::var(WHERE) {
        return broken(&place);
    }
    let itself = std::env::current_exe().unwrap();
    for (thread, message) in [("screen", "the clock is broken"), ("engine", "the engine is broken")] {
        let place = Place::new();
        let mut command = place.command(text(&itself), &["--exact", NAME, "--nocapture"]);
        command.env(WHERE, thread);
        let mut console = Console::start(command, 120, 36);
        console.wait_for("the screen", |seen| seen.terminal.screen().alternate_screen() && seen.shows("midnight"));
        assert!(console.is_raw());
        console.press("s");
        let status = console.wait_for_end(PATIENCE);
        console.drain();
        console.assert_given_back();
        assert!(console.text().contains(message), "{}", console.text());
        assert_eq!(status.success(), thread == "engine", "{}", console.text());
    }
}
