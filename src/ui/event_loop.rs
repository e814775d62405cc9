//! The loop around state and drawing: keys, snapshots, signals and the clock enter, frames and effects leave.
//!
//! It sleeps until something happens; by itself it wakes once a second, for the clock in the header.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, never, select_biased, unbounded};
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use super::action::{Action, Effect};
use super::keys::{self, Mode};
use super::screen;
use super::snapshot::Snapshot;
use super::state::{State, update};
use super::terminal::Terminal;
use super::text;
use super::theme::Theme;
use crate::alarm::AlarmStatus;
use crate::engine::view::Window;
use crate::time::{Timestamp, Zone};
use crate::usage::OwnLabel;

/// At most about thirty frames a second for snapshots; keys are drawn at once.
const FRAME: Duration = Duration::from_millis(33);

/// How the screen opens.
pub struct Options {
    /// Colours and styles.
    pub theme: Theme,
    /// How times are shown until a snapshot says so.
    pub zone: Zone,
    /// For all panels.
    pub window: Window,
    /// The operator's own labels.
    pub own: Vec<OwnLabel>,
    /// The wall clock.
    pub clock: fn() -> Timestamp,
}

/// Why the screen closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The operator left.
    Quit,
    /// This signal asked for it.
    Signal(i32),
    /// The terminal is gone. Leave the process soon: the thread that reads keys may spin on it.
    TerminalLost,
    /// The engine hung up.
    EngineGone,
}

/// What ends the screen otherwise.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// The terminal refused.
    #[error("terminal: {0}")]
    Terminal(#[from] io::Error),
    /// Another thread panicked and the terminal was given back.
    #[error("the screen was closed by a panic on another thread")]
    Panicked,
}

/// Runs the screen until it closes. The terminal is restored when this returns, whatever happened.
///
/// # Errors
/// Where there is no terminal, or it was taken away by a panic elsewhere.
pub fn run(
    options: Options,
    snapshots: &Receiver<Arc<Snapshot>>,
    effects: &Sender<Effect>,
    rings: &Receiver<()>,
) -> Result<Exit, UiError> {
    let leaving = Arc::new(AtomicBool::new(false));
    let signals = signals(&leaving)?;
    let terminal = Terminal::enter(options.theme.depth)?;
    let keys = keyboard();
    let exit = Screen::new(options, terminal)?.run(snapshots, effects, rings, &keys, &signals);
    // From here on a second signal ends the process by itself.
    leaving.store(true, Ordering::SeqCst);
    exit
}

fn keyboard() -> Receiver<Event> {
    let (sender, receiver) = unbounded();
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

fn signals(leaving: &Arc<AtomicBool>) -> io::Result<Receiver<i32>> {
    for signal in [SIGTERM, SIGHUP, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(leaving))?;
    }
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
    let (sender, receiver) = unbounded();
    thread::spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

struct Screen {
    options: Options,
    terminal: Terminal,
    state: State,
    shown: Arc<Snapshot>,
    /// What was shown on each screen below when another was opened from it, the lowest first.
    left: Vec<Arc<Snapshot>>,
    latest: Option<Arc<Snapshot>>,
    dirty: bool,
    drawn: Option<Instant>,
}

impl Screen {
    fn new(options: Options, terminal: Terminal) -> io::Result<Screen> {
        let now = (options.clock)();
        let mut state = State::new(now, terminal.size()?, options.window);
        state.own.clone_from(&options.own);
        let shown = Arc::new(Snapshot::empty(now, options.zone));
        Ok(Screen { options, terminal, state, shown, left: Vec::new(), latest: None, dirty: true, drawn: None })
    }

    fn run(
        mut self,
        snapshots: &Receiver<Arc<Snapshot>>,
        effects: &Sender<Effect>,
        rings: &Receiver<()>,
        keys: &Receiver<Event>,
        signals: &Receiver<i32>,
    ) -> Result<Exit, UiError> {
        let mut rings = rings.clone();
        let size = self.state.size;
        self.act(Action::Resize(size.0, size.1), effects);
        self.draw()?;
        loop {
            select_biased! {
                recv(signals) -> signal => match signal {
                    Ok(SIGTSTP) => self.suspend(effects)?,
                    Ok(SIGCONT) => self.resume(effects)?,
                    Ok(signal) => return Ok(Exit::Signal(signal)),
                    Err(_) => return Ok(Exit::EngineGone),
                },
                recv(keys) -> key => match key {
                    Ok(key) => if let Some(exit) = self.key(&key, effects)? { return Ok(exit) },
                    Err(_) => return Ok(Exit::TerminalLost),
                },
                // Before rings: the engine sends what rings, then the ring.
                recv(snapshots) -> snapshot => match snapshot {
                    Ok(snapshot) => self.arrive(snapshots.try_iter().last().unwrap_or(snapshot), effects),
                    Err(_) => return Ok(Exit::EngineGone),
                },
                recv(rings) -> ring => match ring {
                    Ok(()) => self.ring(&rings)?,
                    Err(_) => rings = never(),
                },
                recv(after(self.pause())) -> _ => if let Some(exit) = self.tick(effects) { return Ok(exit) },
            }
            if self.dirty && self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
                self.draw()?;
            }
        }
    }

    /// Until the next frame is due, or until the clock in the header shows another second.
    fn pause(&self) -> Duration {
        if self.dirty {
            return self.drawn.map_or(Duration::ZERO, |drawn| FRAME.saturating_sub(drawn.elapsed()));
        }
        let into = (self.options.clock)().ms().rem_euclid(1000);
        Duration::from_millis(u64::try_from(1000 - into).unwrap_or(1000))
    }

    fn act(&mut self, action: Action, effects: &Sender<Effect>) -> Option<Exit> {
        let asked = update(&mut self.state, action, &self.shown);
        self.follow();
        self.dirty = true;
        let mut exit = None;
        for effect in asked {
            if effect == Effect::Quit {
                exit = Some(Exit::Quit);
            }
            // An engine that is gone shows in its channel of snapshots.
            let _ = effects.send(effect);
        }
        exit
    }

    /// A screen that is left is remembered with what it showed, so that returning draws it at once; a frozen one stays as it was.
    fn follow(&mut self) {
        while self.left.len() > self.state.depth() {
            let Some(left) = self.left.pop() else { return };
            let shown = std::mem::replace(&mut self.shown, left);
            let newest = self.latest.take().unwrap_or(shown);
            keep_heard(&mut self.shown, &newest);
            if self.state.visit.frozen.is_some() {
                self.latest = Some(newest);
            }
        }
        if self.left.len() < self.state.depth() {
            self.left.push(Arc::clone(&self.shown));
            if let Some(latest) = self.latest.take() {
                self.shown = latest;
            }
        }
    }

    fn key(&mut self, event: &Event, effects: &Sender<Effect>) -> Result<Option<Exit>, UiError> {
        match event {
            Event::Resize(..) => {
                let (width, height) = self.terminal.size()?;
                self.act(Action::Resize(width, height), effects);
            }
            // What is pasted is text where text is typed, and nothing else: no key.
            Event::Paste(text) if self.state.mode() == Mode::Typing => {
                for character in text.chars() {
                    self.act(Action::Type(character), effects);
                }
            }
            Event::Key(key) => match keys::parse(self.state.mode(), self.state.visit.page, key) {
                Some(Action::Suspend) => self.suspend(effects)?,
                Some(Action::Repaint) => self.terminal.repaint(),
                Some(action) => {
                    let (was_frozen, depth) = (self.state.visit.frozen.is_some(), self.state.depth());
                    if let Some(exit) = self.act(action, effects) {
                        return Ok(Some(exit));
                    }
                    let thawed = was_frozen && depth == self.state.depth() && self.state.visit.frozen.is_none();
                    if thawed && let Some(latest) = self.latest.take() {
                        self.arrive(latest, effects);
                    }
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        }
        self.draw()?;
        Ok(None)
    }

    fn suspend(&mut self, effects: &Sender<Effect>) -> Result<(), UiError> {
        self.terminal.suspend();
        self.resume(effects)
    }

    /// Running again after a stop, whoever stopped it: the modes may have changed, and the size.
    fn resume(&mut self, effects: &Sender<Effect>) -> Result<(), UiError> {
        self.terminal.take()?;
        let (width, height) = self.terminal.size()?;
        self.act(Action::Resize(width, height), effects);
        Ok(())
    }

    /// A frozen screen keeps the newest snapshot for later and says how far it is behind. Alarms and the bell are never frozen.
    fn arrive(&mut self, snapshot: Arc<Snapshot>, effects: &Sender<Effect>) {
        if self.state.visit.frozen.is_some() {
            let behind = snapshot.view.total.requests - self.shown.view.total.requests;
            keep_heard(&mut self.shown, &snapshot);
            self.latest = Some(snapshot);
            self.act(Action::Behind(behind), effects);
        } else {
            self.shown = snapshot;
            self.act(Action::Arrived, effects);
        }
    }

    fn ring(&mut self, rings: &Receiver<()>) -> Result<(), UiError> {
        rings.try_iter().for_each(drop);
        // What rings is drawn before it is heard.
        self.draw()?;
        if !self.shown.bell.muted {
            self.terminal.ring()?;
        }
        Ok(())
    }

    fn tick(&mut self, effects: &Sender<Effect>) -> Option<Exit> {
        let now = (self.options.clock)();
        if now.ms().div_euclid(1000) != self.state.now.ms().div_euclid(1000) {
            self.act(Action::Clock(now), effects);
        }
        self.terminal.is_lost().then_some(Exit::TerminalLost)
    }

    fn draw(&mut self) -> Result<(), UiError> {
        if self.terminal.is_gone() {
            return Err(UiError::Panicked);
        }
        let (state, shown, theme) = (&self.state, &self.shown, &self.options.theme);
        let drawn = self
            .terminal
            .draw(state.size, |buffer| screen::draw(state, shown, theme, buffer))
            .and_then(|()| self.terminal.title(&title(state, shown)));
        self.dirty = false;
        self.drawn = Some(Instant::now());
        drawn.map_err(UiError::from)
    }
}

/// Alarms and the bell as they are now, whatever else stands still.
fn keep_heard(shown: &mut Arc<Snapshot>, newest: &Snapshot) {
    if newest.alarms != shown.alarms || newest.bell != shown.bell {
        let shown = Arc::make_mut(shown);
        shown.alarms.clone_from(&newest.alarms);
        shown.numbers.clone_from(&newest.numbers);
        shown.bell = newest.bell;
    }
}

fn title(state: &State, snapshot: &Snapshot) -> String {
    if !state.arrived {
        return "costtop".to_owned();
    }
    let mark = if snapshot.alarms.iter().any(AlarmStatus::is_loud) { "▲ " } else { "" };
    format!("{mark}costtop {}/h", text::dollars(snapshot.view.burn_all))
}
