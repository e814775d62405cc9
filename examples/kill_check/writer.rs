//! The process that writes the logs: a rate and a seed enter, lines and exact sums leave. It stops when its stdin closes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use costtop::cli::demo::company::{HAIKU, LUNA, Model, OPUS, SOL, SONNET, Tokens};
use costtop::cli::demo::random::Random;
use costtop::money::{Cost, Money};
use costtop::time::Timestamp;
use serde_json::json;

/// The first argument of the process that writes.
pub const ROLE: &str = "--writer";
/// Lines that wait in the pool from which the next one is drawn: how far repeats are shuffled.
const POOL: usize = 2_000;
/// Ticks of the pace.
const TICK: Duration = Duration::from_millis(10);
/// Of 1,000 writes, those that tear a line in two.
const TORN_PERMILLE: u64 = 60;
/// Bytes after which a file is rotated.
const ROTATE_AFTER: (u64, u64) = (4_000_000, 60_000_000);

/// Exact sums, each request once.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Distinct request ids.
    pub requests: u64,
    /// Uncached input.
    pub input_tokens: u64,
    /// The greatest of each request.
    pub output_tokens: u64,
    /// Cache reads.
    pub cache_read_tokens: u64,
    /// Of the greatest output.
    pub cost: Money,
    /// Written, repeats among them.
    pub lines: u64,
    /// Files renamed.
    pub rotations: u64,
}

/// The process, as its parent sees it.
pub struct Process(Child);

impl Process {
    /// Starts this program again, as the writer.
    pub fn start(folder: &Path, rate: u64, seed: u64) -> Result<Process> {
        let child = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .arg(folder)
            .args([rate.to_string(), seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the writer does not start")?;
        Ok(Process(child))
    }

    /// Closes its stdin, waits until everything is written, and takes its sums.
    pub fn finish(self) -> Result<Sums> {
        // `wait_with_output` closes stdin first.
        let output = self.0.wait_with_output()?;
        if !output.status.success() {
            bail!("the writer failed: {}", output.status);
        }
        let told = serde_json::from_slice(&output.stdout).context("the writer told no sums")?;
        Sums::from_totals(&told).context("the writer's sums lack a field")
    }
}

/// Writes until stdin closes, then whatever is still to be repeated, then the sums to stdout.
pub fn run(folder: &Path, rate: u64, seed: u64) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    thread::spawn(move || {
        // End or error: either way the parent is gone or wants the sums.
        let _ = io::stdin().read(&mut [0; 1]);
        told.store(true, Ordering::Release);
    });
    let mut source = Source { random: Random::new(seed), pool: Vec::with_capacity(POOL + 4), sums: Sums::default() };
    let mut logs = [Log::open(folder, "a.ndjson")?, Log::open(folder, "b.ndjson")?];
    let begin = Instant::now();
    let mut due = 0;
    while !stop.load(Ordering::Acquire) {
        let now = begin.elapsed().as_millis() as u64 * rate / 1000;
        // After a pause of the machine the pace goes on; it does not catch up by a flood.
        for _ in 0..(now - due).min(rate / 5 + 1) {
            let line = source.next_line();
            source.place(&mut logs, &line);
        }
        due = now;
        for log in &mut logs {
            log.write(&mut source)?;
        }
        thread::sleep(TICK);
    }
    while let Some(line) = source.pool.pop() {
        source.place(&mut logs, &line);
    }
    for log in &mut logs {
        log.write(&mut source)?;
    }
    let sums = &source.sums;
    let told = json!({
        "requests": sums.requests, "input_tokens": sums.input_tokens, "output_tokens": sums.output_tokens,
        "cache_read_tokens": sums.cache_read_tokens, "cost_usd": sums.cost.to_string(),
        "lines": sums.lines, "rotations": sums.rotations,
    });
    writeln!(io::stdout(), "{told}")
}

struct Source {
    random: Random,
    pool: Vec<String>,
    sums: Sums,
}

impl Source {
    fn next_line(&mut self) -> String {
        while self.pool.len() < POOL {
            self.add_request();
        }
        let at = self.random.between(0, self.pool.len() as u64 - 1) as usize;
        self.pool.swap_remove(at)
    }

    fn place(&mut self, logs: &mut [Log; 2], line: &str) {
        self.sums.lines += 1;
        // Repeats of one request may stand in both files.
        logs[self.random.between(0, 1) as usize].waiting.push_str(line);
    }

    /// One to four lines of one request. Whatever their order, the one with the most output is what was billed.
    fn add_request(&mut self) {
        const MODELS: [&Model; 5] = [&OPUS, &SONNET, &HAIKU, &SOL, &LUNA];
        let random = &mut self.random;
        let model = MODELS[random.between(0, 4) as usize];
        let id = random.hex(24);
        let (user, session) = (random.between(0, 499), random.between(0, 49_999));
        let reports_cost = random.chance(400);
        let mut tokens =
            Tokens { input: random.between(1, 3_000), cache_read: random.between(0, 60_000), ..Tokens::default() };
        let mut cost = Cost::ZERO;
        for _ in 0..random.between(1, 4) {
            tokens.output += random.between(1, 600);
            let list_price = model.cost(&tokens).unwrap_or(Cost::ZERO);
            // A discount to the pico-dollar, so that a float anywhere would show; it grows with the output.
            cost = if reports_cost { Cost::from_pico(list_price.pico() * 7 / 9 + 1) } else { list_price };
            let reported = if reports_cost { format!(r#","cost_usd":"{cost}""#) } else { String::new() };
            let Tokens { input, cache_read, output, .. } = tokens;
            self.pool.push(format!(
                r#"{{"ts":"{}","request_id":"req_{id}","session_id":"run-{session:08}-kill","user":"user-{user}","provider":"{}","model":"{}","input_tokens":{input},"output_tokens":{output},"cache_read_tokens":{cache_read}{reported}}}"#,
                Timestamp::now(),
                model.provider,
                model.name,
            ) + "\n");
        }
        self.sums.requests += 1;
        self.sums.input_tokens += tokens.input;
        self.sums.output_tokens += tokens.output;
        self.sums.cache_read_tokens += tokens.cache_read;
        self.sums.cost += cost.into();
    }
}

struct Log {
    folder: PathBuf,
    name: &'static str,
    file: File,
    size: u64,
    rotate_at: u64,
    rotated: u64,
    waiting: String,
}

impl Log {
    fn open(folder: &Path, name: &'static str) -> io::Result<Log> {
        let file = OpenOptions::new().create(true).append(true).open(folder.join(name))?;
        Ok(Log {
            folder: folder.to_owned(),
            name,
            file,
            size: 0,
            rotate_at: ROTATE_AFTER.0,
            rotated: 0,
            waiting: String::new(),
        })
    }

    fn write(&mut self, source: &mut Source) -> io::Result<()> {
        let (random, bytes) = (&mut source.random, self.waiting.as_bytes());
        let torn = bytes.len() > 2 && random.chance(TORN_PERMILLE);
        let cut = if torn { random.between(1, bytes.len() as u64 - 1) as usize } else { 0 };
        self.file.write_all(&bytes[..cut])?;
        if torn {
            thread::sleep(Duration::from_millis(random.between(1, 8)));
        }
        self.file.write_all(&bytes[cut..])?;
        self.size += bytes.len() as u64;
        self.waiting.clear();
        if self.size >= self.rotate_at {
            self.rotate()?;
            source.sums.rotations += 1;
            self.rotate_at = source.random.between(ROTATE_AFTER.0, ROTATE_AFTER.1);
        }
        Ok(())
    }

    /// `a.ndjson.1` becomes `a.ndjson.2` and so on, as logrotate does; nothing is ever removed.
    fn rotate(&mut self) -> io::Result<()> {
        let old = |number: u64| self.folder.join(format!("{}.{number}", self.name));
        for number in (1..=self.rotated).rev() {
            fs::rename(old(number), old(number + 1))?;
        }
        let current = self.folder.join(self.name);
        fs::rename(&current, old(1))?;
        self.file = OpenOptions::new().create(true).append(true).open(current)?;
        self.rotated += 1;
        self.size = 0;
        Ok(())
    }
}
