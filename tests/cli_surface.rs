//! The command line as a user meets it: help, manual, completions, exit codes, errors.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::io::Read;
use std::process::{Command, Output, Stdio};

use clap::Parser;
use costtop::cli::flags::{Color, CostMode, From};
use costtop::cli::{Cli, Failure};
use costtop::config::Config;
use costtop::engine::report::GroupBy;
use costtop::output::Format;
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Dimension;

const COMMANDS: [&str; 19] = [
    "report",
    "events",
    "alarms",
    "explain",
    "prices",
    "reconcile",
    "serve",
    "attach",
    "status",
    "check",
    "ack",
    "snooze",
    "silence",
    "resume",
    "adjust",
    "config",
    "demo",
    "completions",
    "man",
];

/// The program, in a directory without files and with no terminal to measure.
fn costtop(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(words).env_remove("COLUMNS").env_remove("NO_COLOR").stdin(Stdio::null());
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(words: &[&str]) -> Output {
    costtop(words).output().unwrap()
}

fn stdout(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and what stands on stderr.
fn refused(words: &[&str]) -> (i32, String) {
    let output = run(words);
    assert!(output.stdout.is_empty(), "{words:?} printed to stdout");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!("help", stdout(&["--help"]));
    assert_eq!(stdout(&["--help"]), stdout(&["-h"]), "one help, not a short one and a long one");
}

#[test]
fn help_of_every_command() {
    for command in COMMANDS {
        insta::assert_snapshot!(format!("help_{command}"), stdout(&[command, "--help"]));
    }
    for action in ["path", "print", "check", "init"] {
        insta::assert_snapshot!(format!("help_config_{action}"), stdout(&["config", action, "--help"]));
    }
}

#[test]
fn every_command_has_its_snapshot() {
    use clap::CommandFactory;
    let program = Cli::command();
    let names: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(names, COMMANDS);
    program.debug_assert();
}

#[test]
fn every_flag_is_documented() {
    use clap::CommandFactory;
    let mut program = Cli::command();
    program.build();
    let mut rest = vec![program];
    while let Some(command) = rest.pop() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} of {}", arg.get_id(), command.get_name());
        }
        rest.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn the_manual_page_holds_every_command_and_flag() {
    let page = stdout(&["man"]);
    insta::assert_snapshot!("man", page);
    let plain = page.replace("\\-", "-");
    for command in COMMANDS {
        assert!(plain.contains(&format!(".SH \"COSTTOP {}\"", command.to_uppercase())), "{command}");
    }
    for flag in ["--since", "--by", "--format", "--no-notify", "--from", "--cost", "--timezone", "--no-state"] {
        assert!(plain.contains(flag), "{flag}");
    }
    assert_eq!(plain.matches("--theme").count(), 2, "global options stand once, beside the synopsis");
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&["completions", shell]);
        for word in COMMANDS.iter().chain(&["since", "no-notify", "timezone"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
        if !matches!(shell, "powershell" | "elvish") {
            assert!(script.contains("prometheus"), "{shell} completes values");
        }
    }
}

#[test]
fn the_bash_completion_is_bash() {
    let script = stdout(&["completions", "bash"]);
    let Ok(output) = Command::new("bash").args(["-n", "-c", &script]).output() else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn version() {
    assert_eq!(stdout(&["--version"]), concat!("costtop ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_is_one_error_and_2() {
    let words: [&[&str]; 14] = [
        &["report", "--since", "fortnight"],
        &["report", "--by", "user,usr"],
        &["report", "--by", "user,user"],
        &["report", "--format", "xml"],
        &["report", "--window", "24h", "--since", "today"],
        &["report", "--window", "2h"],
        &["--timezone", "Europe/Atlantis"],
        &["--state", "../x"],
        &["--state", "a", "--no-state"],
        &["--nonsense"],
        &["app.jsonl", "report"],
        &["--from", "end", "report"],
        &["reprot"],
        &["config"],
    ];
    let mut text = String::new();
    for words in words {
        let (code, error) = refused(words);
        assert_eq!(code, 2, "{words:?}: {error}");
        assert!(error.starts_with("costtop: "), "{words:?}: {error}");
        assert_eq!(error.matches("error:").count(), 0, "{words:?}: {error}");
        text.extend(["$ costtop ", &words.join(" "), "\n", &error, "\n"]);
    }
    insta::assert_snapshot!("errors", text);
}

#[test]
fn a_word_of_the_command_line_moves_no_cursor() {
    let (_, error) = refused(&["report", "--since", "\x1b[2J\u{9b}31m"]);
    assert!(error.chars().all(|c| !c.is_control() || c == '\n'), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    for words in [&["man"][..], &["completions", "bash"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = costtop(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut error = String::new();
        child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert_eq!((child.wait().unwrap().code(), error.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = costtop(&["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("costtop: "));
}

fn parse(words: &[&str]) -> Cli {
    Cli::try_parse_from([&["costtop"], words].concat()).unwrap()
}

fn report(words: &[&str]) -> costtop::cli::report_options::ReportArgs {
    match parse(&[&["report"], words].concat()).command {
        Some(costtop::cli::Command::Report(args)) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_words_it_is_the_dashboard_with_defaults() {
    let cli = parse(&[]);
    assert!(cli.command.is_none());
    assert_eq!((cli.global.cost, cli.global.color, cli.dashboard.from), (CostMode::Auto, Color::Auto, From::Start));
    assert_eq!((cli.global.timezone, cli.global.no_state, cli.dashboard.no_notify), (None, false, false));
    assert!(cli.check().is_ok());
}

#[test]
fn sources_and_flags_of_the_dashboard() {
    let cli = parse(&["--from", "end", "--no-notify", "app.jsonl", "-", "tcp://[::1]:9000", "--theme", "dusk"]);
    assert_eq!(cli.dashboard.sources, ["app.jsonl", "-", "tcp://[::1]:9000"]);
    assert_eq!((cli.dashboard.from, cli.dashboard.no_notify), (From::End, true));
    assert_eq!(cli.global.theme.as_deref(), Some("dusk"));
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    for words in [
        &["--timezone", "Asia/Tokyo", "--cost", "computed", "report", "a"][..],
        &["report", "a", "--timezone", "Asia/Tokyo", "--cost", "computed"],
    ] {
        let cli = parse(words);
        assert_eq!(cli.global.timezone.map(Zone::name), Some("Asia/Tokyo"));
        assert_eq!(cli.global.cost, CostMode::Computed);
        assert!(cli.check().is_ok(), "{words:?}");
    }
}

#[test]
fn a_bare_word_far_from_every_command_is_a_file_to_come() {
    assert!(parse(&["usage"]).check().is_ok());
    assert!(parse(&["./reprot"]).check().is_ok());
    assert!(matches!(parse(&["evnets"]).check(), Err(Failure::Usage(text)) if text.contains("'events'")));
}

fn config(zone: Zone) -> Config {
    Config { zone, ..Config::default() }
}

fn noon() -> Timestamp {
    parse_rfc3339(b"2026-11-21T12:00:00Z", Zone::UTC).unwrap()
}

#[test]
fn every_key_of_a_report_can_be_asked_for() {
    let names: Vec<&str> =
        Dimension::ALL.map(GroupBy::Dimension).iter().chain(&GroupBy::OTHERS).map(|by| by.name()).collect();
    let query = report(&["--by", &names.join(",")]).query(&config(Zone::UTC), noon()).unwrap();
    assert_eq!(query.by.iter().map(|by| by.name()).collect::<Vec<_>>(), names);
    let twice = report(&["--by", "model", "--by", "user"]).query(&config(Zone::UTC), noon()).unwrap();
    assert_eq!(twice.by.len(), 2);
}

#[test]
fn a_window_ends_now_and_a_span_is_half_open() {
    let day = report(&["--window", "24h"]).query(&config(Zone::UTC), noon()).unwrap();
    assert_eq!(day.until, Some(noon()));
    assert_eq!(day.since, Some(noon().plus_ms(-86_400_000)));
    let berlin: Zone = "Europe/Berlin".parse().unwrap();
    let span = report(&["--since", "yesterday", "--until", "today"]).query(&config(berlin), noon()).unwrap();
    assert_eq!(span.since.unwrap().to_string(), "2026-11-19T23:00:00.000Z");
    assert_eq!(span.until.unwrap().to_string(), "2026-11-20T23:00:00.000Z");
    let all = report(&[]).query(&config(berlin), noon()).unwrap();
    assert_eq!((all.since, all.until, all.zone), (None, None, berlin));
    assert!(matches!(
        report(&["--since", "1h", "--until", "1h"]).query(&config(berlin), noon()),
        Err(Failure::Usage(_))
    ));
}

#[test]
fn every_format_can_be_asked_for() {
    for format in Format::ALL {
        assert_eq!(report(&["--format", format.name()]).format, format);
    }
    assert_eq!(report(&[]).format, Format::Table);
}
