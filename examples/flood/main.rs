//! Lets a flood of charges come in through a socket and measures how long keys take to be seen meanwhile, and whether all was counted.
//!
//! ```text
//! cargo run --release --example flood -- target/release/costtop [--rate 50000] [--seconds 60] [--users 10000] [--unlimited CONNECTIONS]
//! ```
//!
//! costtop listens on a socket of its own in a pseudo-terminal, with a state of its own. A thread of this program writes `--rate`
//! charges of `--users` users a second for `--seconds`; another opens and closes the sheet of keys at uneven intervals, and reads the
//! screen until it shows. With `--unlimited 64` there is no rate: so many connections send as fast as they are let, three of four of them
//! bodies over HTTP until each is acknowledged, the others lines on the socket, and memory is bounded, too. At the end costtop is quit with `q`, and `costtop report` reads its state. Exit code 0: nothing is lost, at
//! least ten frames a second, 99 of 100 keys are seen within 50 ms, and at most 256 MiB are held; 1: not so; 2: wrong usage.

#[path = "../kill_check/terminal.rs"]
#[allow(dead_code, reason = "the kill check needs more of it")]
mod terminal;
mod unlimited;

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use costtop::cli::demo::random::Random;
use costtop::time::Timestamp;
use costtop::ui::keys::KEYS;
use serde_json::Value;

use terminal::Terminal;

const USAGE: &str = "usage: flood COSTTOP [--rate CHARGES] [--seconds N] [--users N] [--unlimited CONNECTIONS]";
const STATE: &str = "flood";
const MODELS: [&str; 4] = ["claude-sonnet-4-6", "claude-haiku-4-5", "gpt-5", "gpt-5-mini"];
/// Ticks of the pace.
const TICK: Duration = Duration::from_millis(10);
/// The promises.
const LONGEST_KEY: Duration = Duration::from_millis(50);
const LEAST_FRAMES: f64 = 10.0;
const MOST_MEMORY: u64 = 256 << 20;
/// A key that is not seen for so long never will be.
const GIVEN_UP: Duration = Duration::from_secs(10);

struct Plan {
    costtop: PathBuf,
    rate: u64,
    seconds: u64,
    users: u64,
    /// Connections without a rate; 0: one with it.
    unlimited: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = match plan(&arguments) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error:#}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match measure(&plan) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn plan(arguments: &[String]) -> Result<Plan> {
    let mut rest = arguments.iter();
    let costtop = rest.next().filter(|path| !path.starts_with('-')).context("the path of costtop is missing")?;
    let costtop = PathBuf::from(costtop).canonicalize().with_context(|| format!("'{costtop}': build it first"))?;
    let mut plan = Plan { costtop, rate: 50_000, seconds: 60, users: 10_000, unlimited: 0 };
    while let Some(name) = rest.next() {
        let number = rest.next().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        let number = number.with_context(|| format!("{name}: a whole number above 0 is missing"))?;
        match name.as_str() {
            "--rate" => plan.rate = number,
            "--seconds" => plan.seconds = number,
            "--users" => plan.users = number,
            "--unlimited" => plan.unlimited = number,
            _ => bail!("unknown argument '{name}'"),
        }
    }
    Ok(plan)
}

fn measure(plan: &Plan) -> Result<bool> {
    let world = tempfile::Builder::new().prefix("flood-").tempdir()?;
    std::fs::create_dir_all(world.path().join("home"))?;
    let socket = world.path().join("in.sock");
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (source, http) = (format!("unix:{}", socket.display()), format!("http://127.0.0.1:{port}"));
    let environment = [
        ("XDG_STATE_HOME", world.path().join("state")),
        ("XDG_CONFIG_HOME", world.path().join("config")),
        ("HOME", world.path().join("home")),
    ];
    let arguments = [source.as_ref(), http.as_ref(), "--state".as_ref(), STATE.as_ref()];
    let mut terminal = Terminal::start(&plan.costtop, &arguments, &environment)?;
    let stream = connect(&socket, &mut terminal)?;
    let begun = Instant::now();
    let (rate, seconds, users, connections) = (plan.rate, plan.seconds, plan.users, plan.unlimited);
    let writer = thread::spawn(move || -> Result<(u64, Duration)> {
        if connections == 0 {
            return flood(stream, rate, seconds, users);
        }
        drop(stream);
        let sent = unlimited::join(unlimited::start(port, &socket, connections, seconds, users))?;
        println!("{connections} connections without a rate; {} bodies were refused at first", sent.refused);
        Ok((sent.charges, begun.elapsed()))
    });
    let frames = terminal.frames();
    let mut keys = press_keys(&mut terminal, || !writer.is_finished())?;
    let elapsed = begun.elapsed();
    let frames = (terminal.frames() - frames) as f64 / elapsed.as_secs_f64();
    let (written, last) = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    // What was written last is on its way for a moment.
    thread::sleep(Duration::from_secs(2));
    let memory = most_memory(terminal.process()?)?;
    terminal.quit(Duration::from_secs(60))?;
    let counted = report(plan, world.path(), &environment)?;
    keys.sort_unstable();
    let quantile = |percent: usize| keys[(keys.len() * percent).div_ceil(100).saturating_sub(1)];
    let (median, p99) = (quantile(50), quantile(99));
    println!(
        "{written} charges of {users} users in {:.1} s ({:.0} a second), counted {counted}, lost {}",
        last.as_secs_f64(),
        written as f64 / last.as_secs_f64(),
        written.saturating_sub(counted)
    );
    println!(
        "{} keys: median {:.1} ms, p99 {:.1} ms, worst {:.1} ms; {frames:.1} frames a second",
        keys.len(),
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3,
        quantile(100).as_secs_f64() * 1e3,
    );
    println!("at most {} MiB held", memory >> 20);
    let kept = written == counted && p99 <= LONGEST_KEY && frames >= LEAST_FRAMES && memory <= MOST_MEMORY;
    println!("{}", if kept { "kept" } else { "NOT kept" });
    Ok(kept)
}

/// The most memory that a process ever held, in bytes.
fn most_memory(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no memory in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? << 10)
}

fn connect(socket: &Path, terminal: &mut Terminal) -> Result<UnixStream> {
    let begun = Instant::now();
    loop {
        terminal.must_live()?;
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) if begun.elapsed() > GIVEN_UP => {
                bail!("costtop does not listen ({error}):\n{}", terminal.screen())
            }
            Err(_) => thread::sleep(TICK),
        }
    }
}

/// Writes at an even pace; how many charges, and in which time.
fn flood(stream: UnixStream, rate: u64, seconds: u64, users: u64) -> Result<(u64, Duration)> {
    let mut out = BufWriter::with_capacity(1 << 16, stream);
    let mut random = Random::new(1);
    let begun = Instant::now();
    let end = rate * seconds;
    let mut written = 0;
    let mut line = String::new();
    while written < end {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        let now = Timestamp::now();
        while written < due.min(end) {
            let (user, model) = (random.bits() % users, MODELS[random.bits() as usize % MODELS.len()]);
            line.clear();
            writeln!(
                line,
                "{{\"request_id\":\"req_flood_{written:012}\",\"ts\":\"{now}\",\"user\":\"user-{user:06}\",\"session_id\":\"run-{}\",\"model\":\"{model}\",\"input_tokens\":{},\"output_tokens\":{}}}",
                user * 7 % 4096,
                random.bits() % 4000,
                random.bits() % 900,
            )?;
            out.write_all(line.as_bytes())?;
            written += 1;
        }
        out.flush()?;
        thread::sleep(TICK);
    }
    Ok((written, begun.elapsed()))
}

/// Opens and closes the sheet of keys while `goes_on`; how long each took to be seen.
fn press_keys(terminal: &mut Terminal, goes_on: impl Fn() -> bool) -> Result<Vec<Duration>> {
    // The sheet is there when what the first key does is explained.
    let sheet = KEYS.first().context("there are keys")?.help;
    let mut delays = Vec::new();
    let mut random = Random::new(2);
    while goes_on() {
        for shows in [true, false] {
            // Keys come at any moment between two frames.
            thread::sleep(Duration::from_millis(random.between(60, 160)));
            let pressed = Instant::now();
            terminal.press(b"?")?;
            while terminal.screen().contains(sheet) != shows {
                if pressed.elapsed() > GIVEN_UP {
                    bail!("a key was not seen; the screen:\n{}", terminal.screen());
                }
                thread::sleep(Duration::from_micros(500));
            }
            delays.push(pressed.elapsed());
        }
    }
    Ok(delays)
}

fn report(plan: &Plan, folder: &Path, environment: &[(&'static str, PathBuf)]) -> Result<u64> {
    let output = Command::new(&plan.costtop)
        .args(["report", "--format", "json", "--state", STATE])
        .envs(environment.iter().cloned())
        .current_dir(folder)
        .output()?;
    if !output.status.success() {
        bail!("costtop report: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    let report: Value = serde_json::from_slice(&output.stdout).context("costtop report printed no JSON")?;
    report["totals"]["requests"].as_u64().context("costtop report lacks totals")
}
