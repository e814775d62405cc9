//! Programs enter; what they printed, their CPU time and their peak memory leave.

use std::fs;
use std::io::{self, Read as _, Write};
use std::mem::MaybeUninit;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Writes a program's standard input.
pub type Input = Box<dyn FnOnce(&mut ChildStdin) -> io::Result<()> + Send>;

/// What a process took.
#[derive(Clone, Debug)]
pub struct Run {
    pub stdout: Vec<u8>,
    /// User and system time of all its threads.
    pub cpu: Duration,
    pub wall: Duration,
    /// The kernel counts what this process had when it forked, too: it must stay small.
    pub peak_bytes: u64,
}

/// Runs a program to its end, with `input` written to it by a thread.
#[expect(clippy::zombie_processes, reason = "wait4 waits, as it also tells the resources")]
pub fn run(command: &mut Command, input: Option<Input>) -> Run {
    let begin = Instant::now();
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let feeder = input.map(|write| {
        let mut stdin = child.stdin.take().expect("was asked for");
        thread::spawn(move || write(&mut stdin).and_then(|()| stdin.flush()))
    });
    let mut stdout = Vec::new();
    child.stdout.take().expect("was asked for").read_to_end(&mut stdout).expect("a readable pipe");
    if let Some(feeder) = feeder {
        feeder.join().expect("no panic").expect("the program reads to the end");
    }
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are valid for writing, and nobody else waits for this child.
    let waited = unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, usage.as_mut_ptr()) };
    assert!(waited > 0, "wait4: {}", io::Error::last_os_error());
    assert!(status == 0, "{command:?} ended with {status}");
    // SAFETY: zeroed memory is a valid `rusage`, and wait4 has filled it.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Run {
        stdout,
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        wall: begin.elapsed(),
        peak_bytes: usage.ru_maxrss as u64 * 1024,
    }
}

/// CPU time of a running process so far, in the kernel's ticks of 10 ms.
pub fn cpu_so_far(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name may hold anything; what follows its bracket is numbers, user and system time at 12 and 13.
    let (_, numbers) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks: u64 = numbers.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    Duration::from_millis(ticks * 10)
}

/// `VmRSS` (now) or `VmHWM` (peak) of a running process, in bytes.
pub fn memory(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("Linux says so");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}
