//! Processes of their own: a subject that follows and tells what it counted, writers that change files and tell what they wrote.
//!
//! Both are this test program again, so that nothing has to be installed; what one knows, the other does not.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use costtop::source::{Chunk, Event, Options, Position, SourceSpec, SourceState, start};
use crossbeam_channel::{bounded, select, unbounded};

const SUBJECT: &str = "COSTTOP_TEST_SUBJECT";
const STATE: &str = "COSTTOP_TEST_STATE";
const NOTIFY: &str = "COSTTOP_TEST_NOTIFY";
const WRITER: &str = "COSTTOP_TEST_WRITER";
/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Distinct lines as a number and the sum of their hashes: what was written, or what was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub lines: u64,
    pub sum: u64,
}

impl Truth {
    pub fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.sum = self.sum.wrapping_add(hash(line));
    }

    pub fn join(&mut self, other: Truth) {
        self.lines += other.lines;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

fn hash(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// Nanoseconds since 1970, as lines carry them.
pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// What a subject tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub counted: Truth,
    pub double: u64,
    pub torn: u64,
    pub too_long: u64,
    pub broken: u64,
    pub gaps: u64,
    pub caught_up: bool,
    pub lost: bool,
    /// Of live lines: from their own time to their arrival, 99th percentile and greatest.
    pub lag_p99_ms: u64,
    pub lag_max_ms: u64,
    pub resident_peak_kb: u64,
    pub descriptors: u64,
    pub processor_ms: u64,
    pub notes: Vec<String>,
    /// See [`waited`].
    pub waited: Duration,
}

/// A follower in its own process.
pub struct Subject {
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Subject {
    pub fn start(sources: &[String], notify: bool) -> Subject {
        Subject::start_with(sources, notify, |_| {})
    }

    /// `prepare` may add to the command: a saved state, a library that injects faults, a limit.
    pub fn start_with(sources: &[String], notify: bool, prepare: impl FnOnce(&mut Command)) -> Subject {
        let mut command = this_program("process::subject_process");
        command.env(SUBJECT, sources.join("\n")).env(NOTIFY, u8::from(notify).to_string());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let (asks, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Subject { child, asks, answers }
    }

    pub fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// See [`waited`].
    pub fn waited(&self) -> Duration {
        waited(self.child.id())
    }

    pub fn facts(&mut self) -> Facts {
        Facts { waited: self.waited(), ..self.ask("all") }
    }

    fn ask(&mut self, what: &str) -> Facts {
        let asks = self.asks.as_mut().unwrap();
        writeln!(asks, "{what}").unwrap();
        let mut facts = Facts::default();
        for pair in answer(&mut self.answers).split(' ') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            if name == "notes" {
                facts.notes = value.split('\u{1f}').map(|note| note.replace('\u{1e}', " ")).collect();
                continue;
            }
            let value: u64 = value.parse().unwrap();
            match name {
                "lines" => facts.counted.lines = value,
                "sum" => facts.counted.sum = value,
                "double" => facts.double = value,
                "torn" => facts.torn = value,
                "too_long" => facts.too_long = value,
                "broken" => facts.broken = value,
                "gaps" => facts.gaps = value,
                "caught_up" => facts.caught_up = value == 1,
                "lost" => facts.lost = value == 1,
                "lag_p99" => facts.lag_p99_ms = value,
                "lag_max" => facts.lag_max_ms = value,
                "resident" => facts.resident_peak_kb = value,
                "descriptors" => facts.descriptors = value,
                "processor" => facts.processor_ms = value,
                _ => {}
            }
        }
        facts
    }

    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Facts) -> bool) -> Facts {
        let begun = Instant::now();
        loop {
            // Without what is dear to find out: to be asked often must not slow the subject.
            let facts = self.ask("counts");
            if done(&facts) {
                return self.facts();
            }
            assert!(begun.elapsed() < PATIENCE, "waited for {what}: {facts:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn caught_up(&mut self) -> Facts {
        self.until("catching up", |facts| facts.caught_up)
    }

    /// Waits until exactly what was written has been counted, and sees that nothing comes twice.
    pub fn exactly(&mut self, truth: Truth) -> Facts {
        let facts = self.until(&format!("{truth:?}"), |facts| facts.counted.lines >= truth.lines);
        assert_eq!((facts.counted, facts.double), (truth, 0), "{:?}", facts.notes);
        facts
    }

    /// Ends it as a person would; what it must know next time is in its state.
    pub fn end(mut self) {
        self.asks = None;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.asks = None;
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// This program again, for one test that is a role.
fn this_program(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", role, "--nocapture", "--test-threads", "1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// The next line that is an answer; the test harness prints others.
fn answer(from: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(from.read_line(&mut line).unwrap() > 0, "the process has ended");
        if let Some((_, answer)) = line.trim_end().split_once('\u{1}') {
            return answer.to_owned();
        }
    }
}

/// A process that changes files. It does one step for each line it is sent, and tells what it has written so far.
pub struct Writer {
    child: Child,
    steps: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Writer {
    /// `role` is one of those in [`crate::matrix`].
    pub fn start(role: &str, folder: &Path) -> Writer {
        let mut command = this_program("process::writer_process");
        command.env(WRITER, role).current_dir(folder);
        let mut child = command.spawn().unwrap();
        let (steps, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Writer { child, steps, answers }
    }

    /// Tells it to begin a step, without waiting for its end.
    pub fn begin(&mut self, step: u64) {
        writeln!(self.steps.as_mut().unwrap(), "{step}").unwrap();
    }

    /// Waits for a step's end.
    pub fn ended(&mut self) -> Truth {
        let answer = answer(&mut self.answers);
        let (lines, sum) = answer.split_once(' ').unwrap();
        Truth { lines: lines.parse().unwrap(), sum: sum.parse().unwrap() }
    }

    pub fn step(&mut self, step: u64) -> Truth {
        self.begin(step);
        self.ended()
    }

    /// See [`waited`].
    pub fn waited(&self) -> Duration {
        waited(self.child.id())
    }
}

/// How long the threads of a process could run and had no processor, all together; nothing where the system does not tell.
fn waited(process: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Duration::ZERO };
    let of = |thread: fs::DirEntry| -> Option<u64> {
        // One that has just ended has no file any more.
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse().ok()
    };
    Duration::from_nanos(threads.flatten().filter_map(of).sum())
}

/// Holds `took` against what docs/following.md promises. Where the processes `waited` for a processor so long that this alone explains why
/// it took longer, nothing can be said of it: then that is told, and `.ci/long` counts it.
pub fn promised(what: &str, took: Duration, at_most: Duration, waited: Duration) {
    if took <= at_most {
        return;
    }
    let told = format!("{what}: {took:.2?} where {at_most:.2?} are promised, {waited:.2?} of waiting for a processor");
    assert!(took <= at_most + waited, "{told}");
    println!("NOT MEASURED {told}: run it again when the machine is less busy");
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.steps = None;
        let _ = self.child.wait();
    }
}

/// Not a test by itself: the writer's process.
#[test]
fn writer_process() {
    let Ok(role) = std::env::var(WRITER) else { return };
    let mut role = crate::matrix::role(&role);
    let mut truth = Truth::default();
    for line in std::io::stdin().lines() {
        role(line.unwrap().parse().unwrap(), &mut truth);
        println!("\u{1}{} {}", truth.lines, truth.sum);
    }
}

/// Not a test by itself: the subject's process.
#[test]
fn subject_process() {
    let Ok(sources) = std::env::var(SUBJECT) else { return };
    let state = std::env::var(STATE).ok();
    let mut subject = Counting::default();
    let mut options = Options { notify: std::env::var(NOTIFY).is_ok_and(|notify| notify == "1"), ..Options::default() };
    if let Some(text) = state.as_ref().and_then(|path| fs::read_to_string(path).ok()) {
        subject.load(&text);
        options.positions = subject.positions.values().cloned().collect();
    }
    let specs =
        sources.lines().enumerate().map(|(id, text)| SourceSpec::parse(id as u16, text).unwrap()).collect::<Vec<_>>();
    let (sender, events) = bounded(64);
    let handle = start(specs, &options, sender).unwrap();
    let (asked, asks) = unbounded();
    std::thread::spawn(move || {
        for what in std::io::stdin().lines() {
            asked.send(what.unwrap() == "all").unwrap();
        }
    });
    loop {
        select! {
            recv(events) -> event => subject.take(event.unwrap()),
            recv(asks) -> ask => match ask {
                Ok(all) => println!("\u{1}{}", subject.facts(all)),
                Err(_) => break,
            },
        }
    }
    // What was taken is saved with its positions; what is on its way is read again.
    drop(events);
    handle.stop();
    if let Some(path) = state {
        fs::write(path, subject.save()).unwrap();
    }
}

/// Adds the state of a subject to its command.
pub fn with_state(path: &Path) -> impl FnOnce(&mut Command) {
    move |command| {
        command.env(STATE, path);
    }
}

#[derive(Default)]
struct Counting {
    seen: HashSet<u64>,
    counted: Truth,
    double: u64,
    torn: u64,
    too_long: u64,
    broken: u64,
    gaps: u64,
    caught_up: bool,
    lost: HashMap<u16, bool>,
    lags_ms: Vec<u32>,
    notes: Vec<String>,
    positions: HashMap<u32, Position>,
}

impl Counting {
    fn take(&mut self, event: Event) {
        match event {
            Event::Chunk(chunk) => self.take_chunk(chunk),
            Event::Status(status) => {
                self.lost.insert(status.source, matches!(status.state, SourceState::Lost(_)));
            }
            Event::Note { text, .. } => self.notes.push(text),
            Event::CaughtUp => self.caught_up = true,
            Event::Ask(_) | Event::Ended => {}
        }
    }

    fn take_chunk(&mut self, chunk: Chunk) {
        self.too_long += chunk.too_long;
        self.broken += chunk.broken;
        self.gaps += chunk.gaps;
        let now = now_ns();
        let counted = if chunk.again { &[][..] } else { &chunk.bytes };
        for line in counted.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else {
                self.torn += 1;
                continue;
            };
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let hash = hash(line);
            if self.seen.insert(hash) {
                self.counted.lines += 1;
                self.counted.sum = self.counted.sum.wrapping_add(hash);
            } else {
                self.double += 1;
            }
            if !chunk.history
                && let Some(at) = memchr::memmem::find(line, b"\"at\":")
            {
                let digits = line[at + 5..].iter().take_while(|byte| byte.is_ascii_digit());
                let at = digits.fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
                self.lags_ms.push((now.saturating_sub(at) / 1_000_000) as u32);
            }
        }
        if let Some(position) = chunk.position {
            self.positions.insert(position.generation, position);
        }
    }

    /// With `all`, also what it costs to find out: lags, memory, descriptors, processor time.
    fn facts(&mut self, all: bool) -> String {
        let notes: Vec<String> = self.notes.iter().map(|note| note.replace(' ', "\u{1e}")).collect();
        let counts = format!(
            "lines={} sum={} double={} torn={} too_long={} broken={} gaps={} caught_up={} lost={} notes={}",
            self.counted.lines,
            self.counted.sum,
            self.double,
            self.torn,
            self.too_long,
            self.broken,
            self.gaps,
            u8::from(self.caught_up),
            u8::from(self.lost.values().any(|lost| *lost)),
            notes.join("\u{1f}"),
        );
        if !all {
            return counts;
        }
        self.lags_ms.sort_unstable();
        let p99 = self.lags_ms.get((self.lags_ms.len() * 99 / 100).min(self.lags_ms.len().saturating_sub(1)));
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        format!(
            "{counts} lag_p99={} lag_max={} resident={peak} descriptors={} processor={}",
            p99.copied().unwrap_or(0),
            self.lags_ms.last().copied().unwrap_or(0),
            fs::read_dir("/proc/self/fd").unwrap().count(),
            (crate::live::processor_seconds() * 1e3) as u64,
        )
    }

    /// One line for each hash and position.
    fn save(&self) -> String {
        let mut text = String::new();
        for hash in &self.seen {
            writeln!(text, "h {hash}").unwrap();
        }
        for p in self.positions.values() {
            writeln!(
                text,
                "p {} {} {} {} {} {} {} {} {} {}",
                p.generation,
                u8::from(p.dead),
                p.device,
                p.inode,
                p.offset,
                p.head_length,
                p.head_hash,
                p.mark_length,
                p.mark_hash,
                p.path.display()
            )
            .unwrap();
        }
        text
    }

    fn load(&mut self, text: &str) {
        for line in text.lines() {
            if let Some(hash) = line.strip_prefix("h ") {
                let hash: u64 = hash.parse().unwrap();
                self.seen.insert(hash);
                self.counted.lines += 1;
                self.counted.sum = self.counted.sum.wrapping_add(hash);
                continue;
            }
            let mut fields = line.split(' ').skip(1);
            let mut number = || fields.next().unwrap().parse::<u64>().unwrap();
            let position = Position {
                generation: number() as u32,
                dead: number() == 1,
                open_since: None,
                context: std::sync::Arc::default(),
                device: number(),
                inode: number(),
                offset: number(),
                head_length: number() as u32,
                head_hash: number(),
                mark_length: number() as u32,
                mark_hash: number(),
                path: fields.next().unwrap().into(),
            };
            self.positions.insert(position.generation, position);
        }
    }
}

#[test]
#[should_panic(expected = "1.00s are promised")]
fn a_lag_that_waiting_does_not_explain_is_a_failure() {
    promised("this", Duration::from_secs(2), Duration::from_secs(1), Duration::from_millis(999));
}

#[test]
fn a_lag_that_waiting_explains_and_one_that_is_none_are_no_failure() {
    promised("this", Duration::from_secs(2), Duration::from_secs(1), Duration::from_secs(1));
    promised("this", Duration::from_secs(1), Duration::from_secs(1), Duration::ZERO);
}

/// Of more loops than there are processors some wait, which is seen from outside.
#[cfg(target_os = "linux")]
#[test]
fn waiting_for_a_processor_is_seen() {
    struct Busy(Child);
    impl Drop for Busy {
        fn drop(&mut self) {
            let _ = self.0.kill(); // it may have ended
            let _ = self.0.wait();
        }
    }
    let busy = || Busy(Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap());
    let all: Vec<Busy> = (0..=std::thread::available_parallelism().unwrap().get()).map(|_| busy()).collect();
    let begun = Instant::now();
    while all.iter().map(|busy| waited(busy.0.id())).sum::<Duration>() < Duration::from_millis(50) {
        assert!(begun.elapsed() < PATIENCE, "none waits");
        std::thread::sleep(Duration::from_millis(10));
    }
}
