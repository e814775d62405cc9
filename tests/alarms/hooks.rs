//! Hooks as real processes.

use std::path::Path;
use std::time::{Duration, Instant};

use costtop::alarm::{AlarmState, Transition};
use costtop::config::{HookConfig, Severity};
use costtop::label::Label;
use costtop::notifier::command::{HookEvent, Hooks, Outcome};

use crate::world::transition;

fn hook(command: &[&str], timeout: Duration) -> HookConfig {
    let command = command.iter().map(ToString::to_string).collect();
    HookConfig { on: vec![Severity::Page], command, timeout, per_hour: 1000 }
}

fn shell(script: &str, timeout: Duration) -> HookConfig {
    hook(&["/bin/sh", "-c", script], timeout)
}

fn outcome(hooks: &Hooks) -> HookEvent {
    hooks.outcomes().recv_timeout(Duration::from_secs(30)).expect("an outcome")
}

fn page() -> Transition {
    transition("everything|global||", AlarmState::Firing, Severity::Page)
}

const LONG: Duration = Duration::from_secs(20);
/// All that a hook may find in its environment.
const ALLOWED: [&str; 11] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "USER",
    "LOGNAME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "COSTTOP_ALARM",
    "COSTTOP_SEVERITY",
];

#[test]
fn a_command_gets_the_alarm_on_its_input_and_a_clean_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (body, environment) = (folder.path().join("body"), folder.path().join("env"));
    let script = format!("cat > '{}'; env > '{}'", body.display(), environment.display());
    let hooks = Hooks::start(&[shell(&script, LONG)]).unwrap();
    hooks.notify(&page());
    assert_eq!(outcome(&hooks).outcome, Outcome::Done);
    let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(body).unwrap()).unwrap();
    assert_eq!(read, page().to_json());
    let environment = std::fs::read_to_string(environment).unwrap();
    let mut names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    // What the shell itself adds.
    names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
    assert!(names.iter().all(|name| ALLOWED.contains(name)), "{names:?}");
    assert!(environment.contains("COSTTOP_ALARM=everything\n") && environment.contains("COSTTOP_SEVERITY=page\n"));
}

#[test]
fn only_loud_alarms_of_its_severity_that_begin_run_a_hook() {
    let hooks = Hooks::start(&[hook(&["/bin/true"], LONG)]).unwrap();
    hooks.notify(&Transition { silent: true, ..page() });
    hooks.notify(&transition("a", AlarmState::Firing, Severity::Warn));
    hooks.notify(&transition("b", AlarmState::Resolved, Severity::Page));
    hooks.notify(&transition("c", AlarmState::Acknowledged, Severity::Page));
    hooks.notify(&transition("d", AlarmState::Firing, Severity::Page));
    assert_eq!(outcome(&hooks).incident, "d");
    assert!(hooks.outcomes().is_empty());
}

#[test]
fn a_hook_that_hangs_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 300 & echo $! > '{}'; wait", pid.display());
    let started = Instant::now();
    let hooks = Hooks::start(&[shell(&script, Duration::from_millis(700))]).unwrap();
    hooks.notify(&page());
    assert!(started.elapsed() < Duration::from_millis(500), "the caller does not wait");
    let ended = outcome(&hooks);
    assert_eq!(ended.outcome, Outcome::TimedOut(Duration::from_millis(700)));
    assert_eq!(ended.to_string(), "hook '/bin/sh' killed after 0.7 s");
    let child = std::fs::read_to_string(pid).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(10);
    // Gone, or dead and not yet collected by its new parent.
    while Path::new("/proc/self/stat").exists() && !state().is_empty() && !state().contains(") Z ") {
        assert!(Instant::now() < end, "the child lives: {}", state());
        std::thread::yield_now();
    }
}

#[test]
fn hostile_names_execute_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (body, trap) = (folder.path().join("body"), folder.path().join("trap"));
    let touch = format!("touch {}", trap.display());
    let name = format!("x; {touch} $({touch}) `{touch}` \"'\n{touch}\n| {touch} & \0 \x1b]0;");
    let hooks = Hooks::start(&[hook(&["/usr/bin/env", "tee", &body.display().to_string()], LONG)]).unwrap();
    let hostile = Transition {
        rule: Label::new(&name),
        key: Some(Label::new(&name)),
        message: name.clone(),
        incident: name.clone(),
        ..page()
    };
    hooks.notify(&hostile);
    assert_eq!(outcome(&hooks).outcome, Outcome::Done);
    assert!(!trap.exists());
    let text = std::fs::read_to_string(body).unwrap();
    assert_eq!(text.lines().count(), 1, "one line of JSON");
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["message"].as_str(), Some(name.as_str()));
}

#[test]
fn what_fails_and_what_does_not_start_is_said() {
    let hooks = Hooks::start(&[hook(&["/bin/false"], LONG)]).unwrap();
    hooks.notify(&page());
    assert_eq!(outcome(&hooks).to_string(), "hook '/bin/false' failed: exit status: 1");
    let hooks = Hooks::start(&[hook(&["/nowhere/page-me"], LONG)]).unwrap();
    hooks.notify(&page());
    assert!(outcome(&hooks).to_string().starts_with("hook '/nowhere/page-me' did not start: "));
}

#[test]
fn thirty_hooks_at_once_all_run() {
    let folder = tempfile::tempdir().unwrap();
    let hooks: Vec<_> = (0..30).map(|at| shell(&format!("cat > '{}/{at}'", folder.path().display()), LONG)).collect();
    let hooks = Hooks::start(&hooks).unwrap();
    hooks.notify(&page());
    for _ in 0..30 {
        assert_eq!(outcome(&hooks).outcome, Outcome::Done);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 30);
}

#[test]
fn one_hook_runs_one_process_at_a_time_and_says_what_it_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, log) = (folder.path().join("gate"), folder.path().join("log"));
    // Each run holds a directory that only one can make; the first waits for the gate.
    let script = format!(
        "mkdir '{0}/lock' || exit 9; while [ ! -e '{1}' ]; do sleep 0.01; done; echo run >> '{2}'; rmdir '{0}/lock'",
        folder.path().display(),
        gate.display(),
        log.display()
    );
    let hooks = Hooks::start(&[shell(&script, LONG)]).unwrap();
    hooks.notify(&page());
    let end = Instant::now() + Duration::from_secs(10);
    while !folder.path().join("lock").exists() {
        assert!(Instant::now() < end, "the hook does not start");
        std::thread::yield_now();
    }
    // One runs, 64 wait, the rest is dropped.
    for _ in 0..100 {
        hooks.notify(&page());
    }
    std::fs::write(&gate, "").unwrap();
    let events: Vec<_> = (0..66).map(|_| outcome(&hooks)).collect();
    let dropped: Vec<_> = events.iter().filter(|event| event.outcome == Outcome::Dropped(36)).collect();
    assert_eq!(dropped.len(), 1, "{events:?}");
    assert_eq!(dropped[0].to_string(), "hook '/bin/sh' is too slow: 36 alarms dropped, 64 wait");
    assert_eq!(events.iter().filter(|event| event.outcome == Outcome::Done).count(), 65);
    assert_eq!(std::fs::read_to_string(log).unwrap().lines().count(), 65);
}

#[test]
fn a_program_that_others_could_replace_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (program, trap) = (folder.path().join("hook"), folder.path().join("trap"));
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", trap.display())).unwrap();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let run = || {
        let hooks = Hooks::start(&[hook(&[program.to_str().unwrap()], LONG)]).unwrap();
        hooks.notify(&page());
        outcome(&hooks).to_string()
    };
    let refused = |said: &str, at: &Path| {
        assert!(said.contains("did not start: "), "{said}");
        assert!(said.ends_with(&format!("with 'chmod go-w {}'", at.display())), "{said}");
        assert!(!trap.exists());
    };
    mode(&program, 0o757);
    refused(&run(), &program);
    mode(&program, 0o755);
    mode(folder.path(), 0o777);
    refused(&run(), folder.path());
    mode(folder.path(), 0o755);
    assert!(run().ends_with(" done"));
    assert!(trap.exists());
}

#[test]
fn a_hook_runs_so_often_and_says_that_it_did_not() {
    let config = HookConfig { per_hour: 2, ..hook(&["/bin/true"], LONG) };
    let hooks = Hooks::start(&[config]).unwrap();
    (0..4).for_each(|_| hooks.notify(&page()));
    let said: Vec<String> = (0..4).map(|_| outcome(&hooks).to_string()).collect();
    assert_eq!(said[..2], ["hook '/bin/true' done", "hook '/bin/true' done"]);
    assert!(
        said[2..]
            .iter()
            .all(|said| said == "hook '/bin/true' not run: 2 runs within an hour are its limit ('per_hour')"),
        "{said:?}"
    );
}
