//! The screen before there is anything to read: themes and places enter; whether to see the demo leaves.

use std::time::Duration;

use crossbeam_channel::{after, select_biased};
use ratatui::crossterm::event::Event;
use signal_hook::consts::{SIGCONT, SIGTSTP};

use super::event_loop::{Exit, UiError, keyboard, signals};
use super::keys;
use super::screen::welcome::draw;
use super::terminal::Terminal;
use super::theme::{Theme, Themes};

pub use super::screen::welcome::Welcome;

/// How often the terminal is looked at: it may be gone without a word.
const LOOK: Duration = Duration::from_secs(1);

/// What the operator chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// See the demo.
    Demo,
    /// Leave.
    Leave(Exit),
}

/// The screen while it is up; dropping it gives the terminal back. The mouse stays the terminal's, so that lines can be copied.
pub struct Open {
    welcome: Welcome,
    theme: Theme,
    terminal: Terminal,
}

impl Open {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(welcome: Welcome, themes: &Themes) -> Result<Open, UiError> {
        Ok(Open { welcome, theme: themes.shown(), terminal: Terminal::enter(themes.depth())? })
    }

    /// Waits for the choice. The screen stays up, so that what was chosen can be prepared behind it.
    ///
    /// # Errors
    /// Where the terminal is lost.
    pub fn choose(&mut self) -> Result<Choice, UiError> {
        let signals = signals(None)?;
        let keys = keyboard();
        self.draw()?;
        loop {
            select_biased! {
                recv(signals) -> signal => match signal {
                    Ok(SIGTSTP) => self.suspend()?,
                    Ok(SIGCONT) => self.terminal.take()?,
                    Ok(signal) => return Ok(Choice::Leave(Exit::Signal(signal))),
                    Err(_) => return Ok(Choice::Leave(Exit::TerminalLost)),
                },
                recv(keys) -> key => match key {
                    Ok(key) => if let Some(choice) = self.key(&key)? { return Ok(choice) },
                    Err(_) => return Ok(Choice::Leave(Exit::TerminalLost)),
                },
                recv(after(LOOK)) -> _ => {
                    if self.terminal.is_lost() {
                        return Ok(Choice::Leave(Exit::TerminalLost));
                    }
                    continue;
                }
            }
            self.draw()?;
        }
    }

    fn key(&mut self, event: &Event) -> Result<Option<Choice>, UiError> {
        let Event::Key(key) = event else { return Ok(None) };
        match keys::name(key).as_deref() {
            Some("enter" | "d") => return Ok(Some(Choice::Demo)),
            Some("q" | "esc" | "ctrl-c") => return Ok(Some(Choice::Leave(Exit::Quit))),
            Some("ctrl-z") => self.suspend()?,
            Some("ctrl-l") => self.terminal.repaint(),
            _ => {}
        }
        Ok(None)
    }

    fn suspend(&mut self) -> Result<(), UiError> {
        self.terminal.suspend();
        Ok(self.terminal.take()?)
    }

    fn draw(&mut self) -> Result<(), UiError> {
        let (welcome, theme) = (&self.welcome, &self.theme);
        let size = self.terminal.size()?;
        Ok(self.terminal.draw(size, |buffer| draw(welcome, theme, buffer))?)
    }
}
