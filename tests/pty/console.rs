//! A pseudo-terminal with a program in it. Keys, sizes and signals go in; what the emulator shows, what it heard and how the program
//! ended come out. Nothing here sleeps for long: waiting ends with the byte that makes the condition true.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Nothing takes so long unless it is broken, on a machine that is busy with other things, too.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often a process is looked at that makes no output.
const LOOK: Duration = Duration::from_millis(10);
/// How long the reading thread waits for output before it looks whether to let go of the terminal, in milliseconds.
const LET_GO_MS: i32 = 50;

/// A synchronized update begins and ends.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// What the terminal heard besides text.
#[derive(Default)]
pub struct Heard {
    /// 0x07 outside of any other sequence.
    pub bells: usize,
    /// Window titles, in order.
    pub titles: Vec<String>,
    /// What no program that only draws would say: clipboard, icon name, resizing, unknown OSC.
    pub strange: Vec<String>,
}

impl vt100::Callbacks for Heard {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn visual_bell(&mut self, _: &mut vt100::Screen) {
        self.strange.push("visual bell".to_owned());
    }

    fn resize(&mut self, _: &mut vt100::Screen, size: (u16, u16)) {
        self.strange.push(format!("resize {size:?}"));
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.strange.push(format!("icon name {}", String::from_utf8_lossy(name)));
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], what: &[u8]) {
        self.strange.push(format!("copy {}", String::from_utf8_lossy(what)));
    }

    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.strange.push("paste".to_owned());
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, parameters: &[&[u8]]) {
        let words: Vec<_> = parameters.iter().map(|word| String::from_utf8_lossy(word)).collect();
        self.strange.push(format!("osc {words:?}"));
    }
}

/// All that came out of the program so far.
pub struct Seen {
    pub terminal: vt100::Parser<Heard>,
    /// Every byte.
    pub bytes: Vec<u8>,
    /// The other side has closed.
    ended: bool,
    /// In the middle of a synchronized update (DEC 2026), which a terminal shows when it is whole.
    drawing: bool,
}

impl Seen {
    /// What the screen shows, trailing blanks left out.
    pub fn text(&self) -> String {
        self.terminal.screen().contents()
    }

    pub fn shows(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    pub fn bells(&self) -> usize {
        self.terminal.callbacks().bells
    }

    fn take(&mut self, bytes: &[u8]) {
        self.terminal.process(bytes);
        // A sequence may have been cut in two by the read before.
        let from = self.bytes.len().saturating_sub(BEGIN.len());
        self.bytes.extend_from_slice(bytes);
        let (begin, end) = (last(&self.bytes[from..], BEGIN), last(&self.bytes[from..], END));
        if begin != end {
            self.drawing = begin > end;
        }
    }
}

type Shared = Arc<(Mutex<Seen>, Condvar)>;

/// A program in its terminal. Dropping it kills what still runs.
pub struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    shared: Shared,
    let_go: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    started: Instant,
}

fn size_of(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN)
}

impl Console {
    /// Of 0 × 0: a line that does not know its size, with a screen of 80 × 24 at its end.
    pub fn start(command: CommandBuilder, columns: u16, rows: u16) -> Console {
        let pair = native_pty_system().openpty(size_of(columns, rows)).unwrap();
        let (columns, rows) = if columns == 0 || rows == 0 { (80, 24) } else { (columns, rows) };
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        // With our own end of it open the program's end would never be seen.
        drop(pair.slave);
        let terminal =
            vt100::Parser::new_with_callbacks(at_least_one(rows), at_least_one(columns), 0, Heard::default());
        let shared: Shared =
            Arc::new((Mutex::new(Seen { terminal, bytes: Vec::new(), ended: false, drawing: false }), Condvar::new()));
        let let_go = Arc::new(AtomicBool::new(false));
        let reader = {
            let (shared, let_go) = (Arc::clone(&shared), Arc::clone(&let_go));
            let (fd, output) = (pair.master.as_raw_fd().unwrap(), pair.master.try_clone_reader().unwrap());
            std::thread::spawn(move || read(fd, output, &shared, &let_go))
        };
        let keyboard = pair.master.take_writer().unwrap();
        Console {
            child,
            master: Some(pair.master),
            keyboard: Some(keyboard),
            shared,
            let_go,
            reader: Some(reader),
            started,
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.0.lock().unwrap()
    }

    pub fn text(&self) -> String {
        self.seen().text()
    }

    pub fn bells(&self) -> usize {
        self.seen().bells()
    }

    /// Since the program was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the condition came true in time.
    pub fn comes(&self, within: Duration, mut condition: impl FnMut(&Seen) -> bool) -> bool {
        let until = Instant::now() + within;
        let mut seen = self.seen();
        loop {
            if !seen.drawing && condition(&seen) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                return false;
            }
            seen = self.shared.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits for a condition, or fails with what is on the screen instead.
    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: impl FnMut(&Seen) -> bool) {
        assert!(self.comes(PATIENCE, condition), "waited for {what}; the screen:\n{}", self.text());
    }

    /// Waits until the screen shows these words.
    #[track_caller]
    pub fn wait_for_text(&self, words: &str) {
        self.wait_for(words, |seen| seen.shows(words));
    }

    /// Waits until the screen shows these words no longer.
    #[track_caller]
    pub fn wait_until_gone(&self, words: &str) {
        self.wait_for(&format!("no '{words}'"), |seen| !seen.shows(words));
    }

    pub fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().terminal.set_size(at_least_one(rows), at_least_one(columns));
        self.master.as_ref().unwrap().resize(size_of(columns, rows)).unwrap();
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: kill(2) touches no memory; the child has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// A line of `/proc/PID/status`, such as `State` or `VmHWM`.
    pub fn status(&self, key: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = text.lines().find(|line| line.split(':').next() == Some(key)).unwrap_or_default();
        line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
    }

    /// The most memory it ever held, in kibibytes.
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM").trim_end_matches(" kB").parse().unwrap()
    }

    /// Processor time it has used so far.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // proc(5): utime and stime are the 14th and 15th field, the second one is in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        // SAFETY: sysconf(3) touches no memory of ours.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Duration::from_secs(ticks) / u32::try_from(per_second).unwrap()
    }

    #[track_caller]
    pub fn wait_until_stopped(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.status("State").starts_with('T') {
            assert!(Instant::now() < until, "still {}", self.status("State"));
            std::thread::sleep(LOOK);
        }
    }

    /// How the program ended, or what it shows instead of ending.
    #[track_caller]
    pub fn wait_for_end(&mut self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it did not end within {within:?}; the screen:\n{}", self.text());
            std::thread::sleep(LOOK);
        }
    }

    /// Reads to the last byte of a program that has ended.
    pub fn drain(&self) {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !seen.ended {
            assert!(Instant::now() < until, "the terminal stayed open");
            seen = self.shared.1.wait_timeout(seen, LOOK).unwrap().0;
        }
    }

    /// Line editing, echo and signals from keys, as a shell wants them.
    pub fn is_raw(&self) -> bool {
        let modes = self.master.as_ref().unwrap().get_termios().unwrap();
        let wanted = libc::ICANON | libc::ECHO | libc::ISIG;
        modes.local_flags.bits() & wanted != wanted
    }

    /// The shell's screen, a cursor, cooked keys, plain style.
    #[track_caller]
    pub fn assert_given_back(&self) {
        assert!(!self.is_raw(), "keys are still raw");
        let seen = self.seen();
        let screen = seen.terminal.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still taken");
        assert!(!screen.inverse() && !screen.bold(), "styled");
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert_eq!(count(&seen.bytes, b"\x1b[22;2t"), count(&seen.bytes, b"\x1b[23;2t"), "titles kept and given back");
        assert!(last(&seen.bytes, END) >= last(&seen.bytes, BEGIN), "the terminal waits for the end of an update");
    }

    /// Quits with `q`, checks exit code and terminal.
    #[track_caller]
    pub fn quit(&mut self) {
        self.press("q");
        let status = self.wait_for_end(PATIENCE);
        self.drain();
        assert!(status.success(), "{status}; the screen:\n{}", self.text());
        self.assert_given_back();
    }

    /// Closes the terminal under the program, as a window that is closed does.
    pub fn hang_up(&mut self) {
        self.let_go.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.keyboard = None;
        self.master = None;
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.let_go.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn last(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).rposition(|window| window == needle)
}

/// How often `needle` stands in `bytes`.
pub fn count(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|window| window == &needle).count()
}

fn read(fd: RawFd, mut output: Box<dyn Read + Send>, shared: &Shared, let_go: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    while !let_go.load(Ordering::SeqCst) {
        let mut ask = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, alive during the call. The descriptor stays open until this thread has been joined.
        if unsafe { libc::poll(&raw mut ask, 1, LET_GO_MS) } <= 0 {
            continue;
        }
        let read = output.read(&mut buffer).unwrap_or(0);
        let mut seen = shared.0.lock().unwrap();
        if read == 0 {
            seen.ended = true;
        } else {
            seen.take(&buffer[..read]);
        }
        shared.1.notify_all();
        if read == 0 {
            return;
        }
    }
}

/// What the program sent, without its own sequences: cursor, colours, modes, and titles, whose text is kept. Anything else stays and is
/// found.
pub fn without_own_sequences(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).expect("the screen is UTF-8");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(title) = rest.strip_prefix("]2;") {
            let end = title.find('\u{7}').expect("a title ends");
            out.extend([&title[..end], "\n"]);
            rest = &title[end + 1..];
            continue;
        }
        let Some(command) = rest.strip_prefix('[') else {
            out.push('\u{1b}');
            continue;
        };
        let end = command.find(|c: char| c.is_ascii_alphabetic()).expect("a sequence ends");
        let (parameters, end) = (&command[..end], &command[end..=end]);
        let is_own = match end {
            "m" | "H" | "J" | "K" | "G" | "C" => {
                parameters.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
            }
            "t" => matches!(parameters, "22;2" | "23;2"),
            "h" | "l" => matches!(parameters, "?25" | "?1049" | "?2004" | "?2026" | "?1000" | "?1006"),
            _ => false,
        };
        assert!(is_own, "a sequence that is not the program's: ESC [ {parameters} {end}");
        rest = &command[parameters.len() + 1..];
    }
    out.push_str(rest);
    // Its own bell, and the cursor's way to the next line.
    out.replace(['\u{7}', '\r'], "")
}
