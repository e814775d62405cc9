//! Commands run on alarms. A transition enters and is queued; its JSON goes to a process's standard input; outcomes leave by a channel.
//! No shell, no waiting for the caller, one process at a time for each hook.

use std::collections::VecDeque;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::alarm::{AlarmState, Transition};
use crate::config::{HookConfig, exposed};

/// Alarms that may wait for one hook.
const QUEUE: usize = 64;
/// Outcomes that may wait to be read; later ones go unread, but dropped alarms are always counted.
const OUTCOMES: usize = 256;
/// What a command finds in its environment besides the alarm: enough to find programs, to speak the operator's language and to reach the
/// desktop, and nothing that could be a credential.
const KEPT: [&str; 9] =
    ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
const HOUR: Duration = Duration::from_secs(3600);

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end and said success.
    Done,
    /// It ran to its end and said failure, or was killed by someone else.
    Failed(String),
    /// It was killed, with all it had started, after its time.
    TimedOut(Duration),
    /// It could not be started.
    NotStarted(String),
    /// So many alarms found its queue full since the last report.
    Dropped(u64),
    /// It ran as often within an hour as it may.
    Limited(u32),
}

/// What became of one alarm at one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEvent {
    /// The program.
    pub program: String,
    /// The alarm; empty for [`Outcome::Dropped`].
    pub incident: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// One line for the screen and the log.
impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = crate::label::clean(&self.program);
        match &self.outcome {
            Outcome::Done => write!(f, "hook '{program}' done"),
            Outcome::Failed(why) => write!(f, "hook '{program}' failed: {why}"),
            Outcome::TimedOut(after) => write!(f, "hook '{program}' killed after {} s", after.as_secs_f32()),
            Outcome::NotStarted(why) => write!(f, "hook '{program}' did not start: {why}"),
            Outcome::Limited(per_hour) => {
                write!(f, "hook '{program}' not run: {per_hour} runs within an hour are its limit ('per_hour')")
            }
            Outcome::Dropped(count) => write!(f, "hook '{program}' is too slow: {count} alarms dropped, {QUEUE} wait"),
        }
    }
}

/// All hooks of a configuration, each with its own thread and queue.
pub struct Hooks {
    hooks: Vec<Hook>,
    outcomes: Receiver<HookEvent>,
}

struct Hook {
    config: HookConfig,
    queue: Sender<Job>,
    dropped: Arc<AtomicU64>,
}

/// One alarm for one process.
struct Job {
    body: String,
    rule: String,
    severity: &'static str,
    incident: String,
}

impl Hooks {
    /// Starts a thread for each hook.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(configs: &[HookConfig]) -> std::io::Result<Hooks> {
        let (report, outcomes) = bounded(OUTCOMES);
        let mut hooks = Vec::new();
        for config in configs {
            let (queue, jobs) = bounded(QUEUE);
            let dropped = Arc::new(AtomicU64::new(0));
            let (own, count, report) = (config.clone(), Arc::clone(&dropped), report.clone());
            std::thread::Builder::new().name("hook".to_owned()).spawn(move || work(&own, &jobs, &count, &report))?;
            hooks.push(Hook { config: config.clone(), queue, dropped });
        }
        Ok(Hooks { hooks, outcomes })
    }

    /// Queues a transition for the hooks of its severity and returns at once. Only alarms that begin to fire, or rise, and that are not
    /// history: a program that pages a person must not page at the end of an alarm.
    pub fn notify(&self, transition: &Transition) {
        if transition.silent || transition.again || transition.state != AlarmState::Firing {
            return;
        }
        for hook in self.hooks.iter().filter(|hook| hook.config.on.contains(&transition.severity)) {
            let job = Job {
                body: format!("{}\n", transition.to_json()),
                rule: transition.rule.to_string(),
                severity: transition.severity.name(),
                incident: transition.incident.clone(),
            };
            if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = hook.queue.try_send(job) {
                hook.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Where outcomes arrive.
    #[must_use]
    pub fn outcomes(&self) -> &Receiver<HookEvent> {
        &self.outcomes
    }
}

fn work(config: &HookConfig, jobs: &Receiver<Job>, dropped: &AtomicU64, report: &Sender<HookEvent>) {
    let program = config.command.first().cloned().unwrap_or_default();
    let mut runs = Runs::new(config.per_hour);
    for job in jobs {
        let outcome = if runs.may_run(Instant::now()) { run(config, &job) } else { Outcome::Limited(config.per_hour) };
        let missed = dropped.swap(0, Ordering::Relaxed);
        let ended = HookEvent { program: program.clone(), incident: job.incident, outcome };
        let full = HookEvent { program: program.clone(), incident: String::new(), outcome: Outcome::Dropped(missed) };
        if missed > 0 && report.try_send(full).is_err() {
            dropped.fetch_add(missed, Ordering::Relaxed); // said the next time
        }
        // Nobody reads outcomes any more, or not fast enough: the alarm itself has been handed over.
        let _ = report.try_send(ended);
    }
}

/// When a hook ran within the last hour.
struct Runs {
    most: usize,
    begun: VecDeque<Instant>,
}

impl Runs {
    fn new(per_hour: u32) -> Runs {
        Runs { most: per_hour as usize, begun: VecDeque::new() }
    }

    /// Whether it may run now; if so, it does.
    fn may_run(&mut self, now: Instant) -> bool {
        while self.begun.front().is_some_and(|begun| now.saturating_duration_since(*begun) >= HOUR) {
            self.begun.pop_front();
        }
        if self.begun.len() >= self.most {
            return false;
        }
        self.begun.push_back(now);
        true
    }
}

fn run(config: &HookConfig, job: &Job) -> Outcome {
    let Some((program, arguments)) = config.command.split_first() else {
        return Outcome::NotStarted("no program".to_owned());
    };
    // The configuration was checked when it was read; that is long ago.
    match exposed(Path::new(program)) {
        Ok(None) => {}
        Ok(Some(exposed)) => return Outcome::NotStarted(exposed.to_string()),
        Err(error) => return Outcome::NotStarted(error.to_string()),
    }
    let mut command = Command::new(program);
    // Not in the folder that costtop was started in: that may be anybody's.
    command
        .args(arguments)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.envs(KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("COSTTOP_ALARM", &job.rule).env("COSTTOP_SEVERITY", job.severity);
    // A group of its own, so that what the program starts can be ended with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::NotStarted(error.to_string()),
    };
    if let Some(mut input) = child.stdin.take() {
        // One transition is a few kilobytes and fits a pipe's buffer, so this never waits; a program that reads nothing is no failure.
        let _ = input.write_all(job.body.as_bytes());
    }
    match wait(&mut child, config.timeout) {
        Ok(Some(status)) if status.success() => Outcome::Done,
        Ok(Some(status)) => Outcome::Failed(status.to_string()),
        Ok(None) => {
            kill(&mut child);
            Outcome::TimedOut(config.timeout)
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Waits for the end, at most for `timeout`. Looks often at first: most hooks end in milliseconds.
fn wait(child: &mut Child, timeout: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Ends the process and all it started, and takes its exit status.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = libc::pid_t::try_from(child.id()) {
        // SAFETY: a system call on numbers only. The group is the child's own, and the child has not been waited for, so its id is not
        // another's yet.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    // Both fail only if it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_often_in_any_hour() {
        let mut runs = Runs::new(3);
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let ran: Vec<bool> =
            [0, 10, 20, 30, 59, 60, 61, 69, 70, 80, 81].map(|minute| runs.may_run(at(minute))).to_vec();
        assert_eq!(ran, [true, true, true, false, false, true, false, false, true, true, false]);
    }
}
