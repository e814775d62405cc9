//! costtop in a pseudo-terminal: keys and signals enter, what stands on the screen leaves.

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const ROWS: NonZeroU16 = NonZeroU16::new(40).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(160).unwrap();
/// What ends a frame: the end of a synchronized update.
const FRAME_END: &[u8] = b"\x1b[?2026l";
/// Words by which the dashboard says that it has not read everything, in lower case.
const BEHIND: [&str; 4] = ["loading", "behind", "rebuilding", "catching up"];

/// A running costtop and its screen.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    /// Keeps the terminal's other side.
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    frames: Arc<AtomicU64>,
    started: Instant,
    /// Since when the screen has been there and has said nothing of unread bytes.
    calm_since: Option<Instant>,
}

impl Terminal {
    /// Starts `program`.
    pub fn start(program: &Path, arguments: &[&OsStr], environment: &[(&'static str, PathBuf)]) -> Result<Terminal> {
        let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        for (name, value) in environment {
            command.env(name, value);
        }
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).context("costtop does not start")?;
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let mut output = pair.master.try_clone_reader()?;
        let frames = Arc::<AtomicU64>::default();
        let (fed, seen) = (Arc::clone(&screen), Arc::clone(&frames));
        // Ends by itself once the terminal has no other side.
        thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                // A mark that is cut in two by a read is not counted: frames are at least so many.
                let drawn = memchr::memmem::find_iter(&bytes[..length], FRAME_END).count();
                seen.fetch_add(drawn as u64, Ordering::Relaxed);
                fed.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..length]);
            }
        });
        let keys = pair.master.take_writer()?;
        Ok(Terminal { child, _master: pair.master, keys, screen, frames, started, calm_since: None })
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &[u8]) -> Result<()> {
        self.keys.write_all(keys)?;
        Ok(self.keys.flush()?)
    }

    /// Frames drawn so far.
    #[allow(dead_code, reason = "the kill check counts none")]
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// The dashboard stands on the screen, whatever of the logs it has read.
    pub fn is_drawn(&self) -> bool {
        self.screen().contains("costtop")
    }

    /// The number of the process, which cannot belong to another as long as nobody has waited for it.
    pub fn process(&self) -> Result<u32> {
        self.child.process_id().context("costtop has no process id")
    }

    /// From the start to the screen that has been calm for `calm` since; `None`: not yet.
    pub fn caught_up(&mut self, calm: Duration) -> Option<Duration> {
        let text = self.screen().to_lowercase();
        if !self.is_drawn() || BEHIND.iter().any(|word| text.contains(word)) {
            self.calm_since = None;
            return None;
        }
        let since = *self.calm_since.get_or_insert_with(Instant::now);
        (since.elapsed() >= calm).then(|| since - self.started)
    }

    /// An error when costtop has ended by itself.
    pub fn must_live(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("costtop ended by itself ({status:?}); its last screen:\n{}", self.screen());
        }
        Ok(())
    }

    /// SIGKILL, and nothing gentler before it: portable-pty's own `kill` begins with SIGHUP.
    pub fn kill(mut self) -> Result<()> {
        let process = self.process()?;
        let status = Command::new("kill").args(["-KILL", &process.to_string()]).status()?;
        if !status.success() {
            bail!("kill -KILL {process}: {status}");
        }
        self.child.wait()?;
        Ok(())
    }

    /// `q`, and the end within `patience`.
    pub fn quit(mut self, patience: Duration) -> Result<()> {
        self.press(b"q")?;
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("costtop ended with {status:?} after q; its last screen:\n{}", self.screen());
            }
            if begin.elapsed() > patience {
                let screen = self.screen();
                self.kill()?;
                bail!("costtop did not end within {} s after q; its screen:\n{screen}", patience.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
