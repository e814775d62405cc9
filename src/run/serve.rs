//! The core without a screen: signals and nothing else enter, lines of a log leave. Who wants to see more asks over HTTP.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::core::{self, Core, Front};
use super::persist::Opened;
use super::setup::{RunError, Setup};
use crate::time::Timestamp;

/// What a server takes beside its [`Setup`].
pub struct Console {
    /// Lines go to standard error.
    pub lines: bool,
    /// The bell is rung there, too, if it is a terminal.
    pub bell: bool,
    /// Each message ends the process cleanly.
    pub stop: Receiver<i32>,
}

/// Runs until told to stop. Everything applied is committed before it returns.
///
/// # Errors
/// See [`RunError`].
pub fn run(setup: Setup, console: Console) -> Result<(), RunError> {
    let Console { lines, bell, stop } = console;
    let bell = bell && io::stderr().is_terminal();
    core::run(setup, &mut Lines { is_shown: lines, bell, told: 0 }, &stop)
}

/// The signals that end a server: each is a message, a second one ends the process by itself. HUP is left alone where `nohup` wants it so.
///
/// # Errors
/// The system gives no handler or thread.
pub fn signals() -> io::Result<Receiver<i32>> {
    let mut wanted = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let leaving = Arc::new(AtomicBool::new(false));
    for signal in &wanted {
        signal_hook::flag::register_conditional_shutdown(*signal, 128 + signal, Arc::clone(&leaving))?;
        signal_hook::flag::register(*signal, Arc::clone(&leaving))?;
    }
    let mut signals = Signals::new(&wanted)?;
    let (sender, receiver) = unbounded();
    std::thread::Builder::new().name("costtop-signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: a zeroed action is a valid value for an out parameter, and asking changes nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

struct Lines {
    is_shown: bool,
    bell: bool,
    /// Events that were written, of all there were.
    told: u64,
}

impl Front for Lines {
    type Order = i32;

    fn opening(&mut self, _: &mut Opened, _: Timestamp) -> bool {
        true
    }

    fn order(&mut self, _: &mut Core, _: i32) -> io::Result<bool> {
        Ok(false)
    }

    fn show(&mut self, core: &mut Core, rings: bool, _: Timestamp) -> io::Result<bool> {
        let mut stderr = io::stderr().lock();
        if self.is_shown {
            for line in core.log.since(self.told) {
                // Where nobody reads any more, the answers over HTTP have to do.
                let _ = writeln!(stderr, "{} {} {} {}", line.time, line.mark.glyph(), line.kind, line.text);
            }
        }
        self.told = core.log.count();
        if rings && self.bell {
            let _ = stderr.write_all(b"\x07");
        }
        Ok(true)
    }

    fn due_in(&self, core: &Core) -> Option<Duration> {
        (core.log.count() != self.told).then_some(Duration::ZERO)
    }
}
