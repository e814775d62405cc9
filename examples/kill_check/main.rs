//! Kills costtop again and again while logs grow, and checks that nothing is lost and nothing counted twice.
//!
//! ```text
//! cargo run --release --example kill_check -- target/release/costtop [--kills 200] [--rate 20000] [--seed 1]
//!     [--min-ms 50] [--max-ms 1500] [--keep]
//! ```
//!
//! A second process (this program again) appends lines in costtop's own format to two files, `--rate` a second, each
//! request one to four times with growing output, shuffled, now and then torn in two writes, and rotates the files by
//! rename. costtop follows them in a pseudo-terminal with a state of its own, gets SIGKILL after `--min-ms` to `--max-ms`,
//! and is started again. At the end the writer stops and tells its exact sums, costtop catches up, is quit with `q`, and
//! `costtop report` reads its state. Exit code 0: exact; 1: not; 2: wrong usage. At the default rate the logs take
//! about 4 MB a second below the temporary folder (`TMPDIR`); `--keep` leaves them and the state there.

mod terminal;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use costtop::cli::demo::random::Random;
use costtop::money::Money;
use serde_json::Value;

use terminal::Terminal;
use writer::Sums;

const USAGE: &str =
    "usage: kill_check COSTTOP [--kills N] [--rate LINES] [--seed N] [--min-ms N] [--max-ms N] [--keep]";
const STATE: &str = "kill-check";
/// A screen that says nothing of unread bytes for so long has caught up, while the writer writes.
const CALM_WHILE_WRITING: Duration = Duration::from_millis(300);
/// And at the end, when nothing may be missing.
const CALM_AT_THE_END: Duration = Duration::from_secs(3);
const LONGEST_CATCH_UP: Duration = Duration::from_secs(300);
const LONGEST_QUIT: Duration = Duration::from_secs(30);
/// The calm screen is only a sign; a state that lacks something gets this many chances to catch up.
const PASSES: u32 = 3;

#[derive(Debug)]
struct Plan {
    costtop: PathBuf,
    kills: u32,
    rate: u64,
    seed: u64,
    min_ms: u64,
    max_ms: u64,
    keep: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, folder, rate, seed] = arguments.as_slice()
        && role == writer::ROLE
        && let (Ok(rate), Ok(seed)) = (rate.parse(), seed.parse())
    {
        return match writer::run(Path::new(folder), rate, seed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error.into()),
        };
    }
    let plan = match plan(&arguments) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match check(&plan) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::FAILURE
}

fn plan(arguments: &[String]) -> Result<Plan> {
    fn number<T: FromStr>(name: &str, value: Option<&String>) -> Result<T> {
        value.and_then(|text| text.parse().ok()).with_context(|| format!("{name}: a whole number is missing"))
    }
    let mut rest = arguments.iter();
    let costtop = rest.next().filter(|path| !path.starts_with('-')).context("the path of costtop is missing")?;
    let costtop = PathBuf::from(costtop).canonicalize().with_context(|| format!("'{costtop}': build it first"))?;
    let mut plan = Plan { costtop, kills: 200, rate: 20_000, seed: 1, min_ms: 50, max_ms: 1500, keep: false };
    while let Some(name) = rest.next() {
        match name.as_str() {
            "--kills" => plan.kills = number(name, rest.next())?,
            "--rate" => plan.rate = number(name, rest.next())?,
            "--seed" => plan.seed = number(name, rest.next())?,
            "--min-ms" => plan.min_ms = number(name, rest.next())?,
            "--max-ms" => plan.max_ms = number(name, rest.next())?,
            "--keep" => plan.keep = true,
            _ => bail!("unknown argument '{name}'"),
        }
    }
    if plan.rate == 0 || plan.min_ms > plan.max_ms {
        bail!("--rate must be above 0, and --min-ms not above --max-ms");
    }
    Ok(plan)
}

fn check(plan: &Plan) -> Result<bool> {
    let mut world = tempfile::Builder::new().prefix("kill-check-").tempdir()?;
    world.disable_cleanup(plan.keep);
    let logs = world.path().join("logs");
    std::fs::create_dir_all(&logs)?;
    // The pseudo-terminal starts programs in HOME.
    std::fs::create_dir_all(world.path().join("home"))?;
    if plan.keep {
        eprintln!("everything stays in '{}'", world.path().display());
    }
    let run = Run { plan, world: world.path(), logs: &logs };
    let mut random = Random::new(plan.seed ^ 0x6b69_6c6c);
    let mut restarts = Vec::new();

    let writer = writer::Process::start(&logs, plan.rate, plan.seed)?;
    for kill in 1..=plan.kills {
        let mut terminal = run.start()?;
        let until = Instant::now() + Duration::from_millis(random.between(plan.min_ms, plan.max_ms));
        let mut caught_up = None;
        while Instant::now() < until {
            terminal.must_live()?;
            caught_up = caught_up.or_else(|| terminal.caught_up(CALM_WHILE_WRITING));
            thread::sleep(Duration::from_millis(5).min(until.saturating_duration_since(Instant::now())));
        }
        terminal.must_live()?;
        terminal.kill()?;
        restarts.extend(caught_up);
        if kill % 20 == 0 {
            eprintln!("{kill} of {} kills", plan.kills);
        }
    }
    let truth = writer.finish()?;

    let (counted, catch_up, passes) = run.settle(&truth)?;
    let lost = truth.requests.saturating_sub(counted.requests);
    let double = counted.requests.saturating_sub(truth.requests);
    restarts.sort_unstable();
    println!(
        "kills {}  lost {lost}  double {double}  restart_p99_ms {}  restarts_measured {}  catch_up_ms {}  passes {passes}  lines {}  rotations {}",
        plan.kills,
        quantile_ms(&restarts, 99).map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
        restarts.len(),
        catch_up.as_millis(),
        truth.lines,
        truth.rotations,
    );
    println!("truth    {truth}\ncounted  {counted}");
    let exact = truth.same_as(&counted);
    println!("{}", if exact { "exact" } else { "NOT exact" });
    Ok(exact)
}

/// The nearest-rank quantile of sorted durations.
fn quantile_ms(sorted: &[Duration], percent: usize) -> Option<u128> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(Duration::as_millis)
}

struct Run<'a> {
    plan: &'a Plan,
    world: &'a Path,
    logs: &'a Path,
}

impl Run<'_> {
    /// Settings and state of the one who starts this check stay out of it.
    fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("XDG_STATE_HOME", self.world.join("state")),
            ("XDG_CONFIG_HOME", self.world.join("config")),
            ("HOME", self.world.join("home")),
        ]
    }

    fn start(&self) -> Result<Terminal> {
        Terminal::start(
            &self.plan.costtop,
            &[self.logs.as_os_str(), "--state".as_ref(), STATE.as_ref()],
            &self.environment(),
        )
    }

    /// Lets costtop catch up with logs that no longer grow, quits it, and reads its state.
    fn settle(&self, truth: &Sums) -> Result<(Sums, Duration, u32)> {
        let mut spent = Duration::ZERO;
        let mut pass = 0;
        loop {
            pass += 1;
            let mut terminal = self.start()?;
            let begin = Instant::now();
            spent += loop {
                terminal.must_live()?;
                if let Some(after) = terminal.caught_up(CALM_AT_THE_END) {
                    break after;
                }
                if begin.elapsed() > LONGEST_CATCH_UP {
                    bail!("not caught up after {} s; the screen:\n{}", LONGEST_CATCH_UP.as_secs(), terminal.screen());
                }
                thread::sleep(Duration::from_millis(10));
            };
            terminal.quit(LONGEST_QUIT)?;
            let counted = self.report()?;
            if counted.requests >= truth.requests || pass == PASSES {
                return Ok((counted, spent, pass));
            }
        }
    }

    fn report(&self) -> Result<Sums> {
        let output = Command::new(&self.plan.costtop)
            .args(["report", "--format", "json", "--state", STATE])
            .envs(self.environment())
            .current_dir(self.world)
            .output()?;
        if !output.status.success() {
            bail!("costtop report: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let report: Value = serde_json::from_slice(&output.stdout).context("costtop report printed no JSON")?;
        Sums::from_totals(&report["totals"]).context("costtop report lacks totals")
    }
}

impl Sums {
    fn same_as(&self, other: &Sums) -> bool {
        let of =
            |sums: &Sums| (sums.requests, sums.input_tokens, sums.output_tokens, sums.cache_read_tokens, sums.cost);
        of(self) == of(other)
    }

    fn from_totals(totals: &Value) -> Option<Sums> {
        let number = |key: &str| totals[key].as_u64();
        Some(Sums {
            requests: number("requests")?,
            input_tokens: number("input_tokens")?,
            output_tokens: number("output_tokens")?,
            cache_read_tokens: number("cache_read_tokens")?,
            cost: Money::parse(totals["cost_usd"].as_str()?.as_bytes()).ok()?,
            // A report does not know them; the writer does.
            lines: number("lines").unwrap_or(0),
            rotations: number("rotations").unwrap_or(0),
        })
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sums { requests, input_tokens, output_tokens, cache_read_tokens, cost, .. } = self;
        write!(
            f,
            "requests {requests}  input {input_tokens}  output {output_tokens}  cache_read {cache_read_tokens}  ${cost}"
        )
    }
}
