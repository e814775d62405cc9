//! A crash leaves no core: it would hold lines of logs.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::place::Place;

/// Whether the system says that a process which crashes leaves a core, with no limit on its size.
fn leaves_core(place: &Place, program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).current_dir(place.path("")).env("HOME", place.path("home"));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only this one call is made, which is allowed there.
    unsafe {
        command.pre_exec(|| {
            let most = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
            // Where the limit is lower nothing dumps, and the control below says so.
            libc::setrlimit(libc::RLIMIT_CORE, &raw const most);
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    // Until it waits for its input: by then it has begun.
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(20);
    let name = std::path::Path::new(program).file_name().unwrap().to_str().unwrap();
    while !state().contains(&format!("({name}) S")) {
        assert!(Instant::now() < end, "it does not wait: {}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    // SAFETY: a signal to a child that has not been waited for.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGABRT) };
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGABRT));
    status.core_dumped()
}

#[test]
fn a_crash_leaves_no_core() {
    let place = Place::new();
    let control = leaves_core(&place, "/bin/cat", &[]);
    println!("this system writes cores: {control}");
    assert!(!leaves_core(&place, env!("CARGO_BIN_EXE_costtop"), &["events", "-"]));
}

#[test]
fn the_process_says_that_it_is_not_to_be_dumped() {
    // In a process of its own: the other tests stay as they are.
    const MARK: &str = "COSTTOP_TEST_DUMPABLE";
    if std::env::var_os(MARK).is_some() {
        costtop::cli::core_dump::forbid();
        // SAFETY: asks for a number.
        assert_eq!(unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) }, 0);
        return;
    }
    let name = "core_dumps::the_process_says_that_it_is_not_to_be_dumped";
    let done = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(MARK, "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
