//! The terminal: raw mode, alternate screen, frames as differences, and one way back that is always safe to take.
//!
//! No query is ever sent to the terminal: an answer that does not come would stall the screen.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::EnableBracketedPaste;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::crossterm::{cursor, queue, style};
use ratatui::layout::Rect;

use super::theme::Depth;

/// The terminal is ours; [`restore`] gives it back once.
static ENTERED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// End of a synchronized update and of bracketed paste, plain style, cursor, the window title of before, the screen of before.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[23;2t\x1b[?1049l";
/// Keeps the window title for later.
const KEEP_TITLE: &[u8] = b"\x1b[22;2t";

/// Gives the terminal back to the shell. May be called from anywhere and more than once: guard, panic, signal.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Straight to the descriptor: in a panic the buffered writer may be held by the very thread that panics.
        write_all(libc::STDOUT_FILENO, LEAVE);
        let _ = disable_raw_mode();
    }
}

fn write_all(fd: RawFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and length are those of a live slice; write(2) only reads from it.
        let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            _ => return,
        }
    }
}

/// The terminal while the screen is up. Dropping it restores.
pub struct Terminal {
    backend: CrosstermBackend<BufWriter<File>>,
    shown: Buffer,
    next: Buffer,
    whole: bool,
    title: String,
    has_title: bool,
    keyboard: Option<File>,
}

impl Terminal {
    /// Takes the terminal. Install other panic hooks before: this one restores, then calls the one it found.
    ///
    /// # Errors
    /// Where standard output is no terminal.
    pub fn enter(depth: Depth) -> io::Result<Terminal> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        style::force_color_output(depth != Depth::None);
        // Where standard input is a pipe, keys come from the terminal itself.
        let keyboard = (!is_terminal(libc::STDIN_FILENO)).then(|| File::open("/dev/tty")).transpose()?;
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let mut terminal = Terminal {
            backend: CrosstermBackend::new(BufWriter::with_capacity(1 << 16, output)),
            shown: Buffer::default(),
            next: Buffer::default(),
            whole: true,
            title: String::new(),
            has_title: !matches!(std::env::var("TERM").as_deref(), Ok("linux" | "dumb")),
            keyboard,
        };
        terminal.take()?;
        Ok(terminal)
    }

    /// Raw mode and alternate screen, again after a stop.
    pub fn take(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        let again = ENTERED.swap(true, Ordering::SeqCst);
        let writer = &mut self.backend;
        if !again && self.has_title {
            writer.write_all(KEEP_TITLE)?;
        }
        // Pasted text comes in one piece, so that it is never taken for keys.
        queue!(writer, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        self.title.clear();
        self.whole = true;
        Write::flush(writer)
    }

    /// Something else restored the terminal: a panic on another thread.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        !ENTERED.load(Ordering::SeqCst)
    }

    /// Columns and rows; 80 × 24 on a line that does not know its size (a serial console says 0).
    ///
    /// # Errors
    /// Where the terminal is lost.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let (columns, rows) = size()?;
        Ok(if columns == 0 || rows == 0 { (80, 24) } else { (columns, rows) })
    }

    /// The next frame paints every cell.
    pub fn repaint(&mut self) {
        self.whole = true;
    }

    /// Draws a frame of this size and writes what differs from the last one, as one update. Without a difference nothing is written.
    ///
    /// # Errors
    /// Where the terminal is lost.
    pub fn draw(&mut self, (width, height): (u16, u16), paint: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let area = Rect::new(0, 0, width, height);
        if self.shown.area != area {
            self.shown = Buffer::empty(area);
            self.next = Buffer::empty(area);
            self.whole = true;
        }
        self.next.reset();
        paint(&mut self.next);
        if self.whole {
            self.shown.reset();
        }
        let changes = self.shown.diff(&self.next);
        if self.whole || !changes.is_empty() {
            queue!(self.backend, BeginSynchronizedUpdate)?;
            let drawn = if self.whole { self.backend.clear() } else { Ok(()) }
                .and_then(|()| self.backend.draw(changes.into_iter()));
            // The end is sent even where drawing failed, or the terminal would wait for it.
            queue!(self.backend, EndSynchronizedUpdate)?;
            drawn?;
            Write::flush(&mut self.backend)?;
            self.whole = false;
        }
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }

    /// The window's title; without control characters, written only when it changes.
    ///
    /// # Errors
    /// Where the terminal is lost.
    pub fn title(&mut self, title: &str) -> io::Result<()> {
        if !self.has_title || self.title == title {
            return Ok(());
        }
        title.clone_into(&mut self.title);
        let clean = crate::label::clean(title).into_owned();
        let writer = &mut self.backend;
        write!(writer, "\x1b]2;{clean}\x07")?;
        Write::flush(writer)
    }

    /// Rings, outside of any frame.
    ///
    /// # Errors
    /// Where the terminal is lost.
    pub fn ring(&mut self) -> io::Result<()> {
        let writer = &mut self.backend;
        writer.write_all(b"\x07")?;
        Write::flush(writer)
    }

    /// The terminal has hung up. Reading it would return at once, for ever.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        let fd = self.keyboard.as_ref().map_or(libc::STDIN_FILENO, AsRawFd::as_raw_fd);
        let mut ask = libc::pollfd { fd, events: 0, revents: 0 };
        // SAFETY: one pollfd, alive during the call, and a timeout of zero.
        let answered = unsafe { libc::poll(&raw mut ask, 1, 0) };
        answered > 0 && ask.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }

    /// Gives the terminal back and stops this process and its group until it is continued; then [`Terminal::take`] it again.
    ///
    /// STOP and not TSTP: the kernel drops TSTP where no shell could continue the group, and a pipe's other end must stop too.
    pub fn suspend(&mut self) {
        restore();
        // SAFETY: signals the own process group; no memory is involved.
        unsafe { libc::kill(0, libc::SIGSTOP) };
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: isatty(3) takes any number and touches no memory of ours.
    unsafe { libc::isatty(fd) == 1 }
}
