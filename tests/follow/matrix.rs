//! The cases of the test matrix that want a second process: it writes, rotates and knows what it wrote; the subject follows; both are compared.
//! Short by default; `COSTTOP_FOLLOW=full` plays the sizes of docs/following.md, whose table says what each printed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::is_full;
use crate::process::{Facts, Subject, Truth, Writer, now_ns, promised, with_state};

/// The short size, or the full one.
fn size(short: u64, full: u64) -> u64 {
    if is_full() { full } else { short }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A subject of the whole folder that has caught up, and a writer in it.
fn pair(folder: &Path, role: &str, notify: bool) -> (Subject, Writer) {
    let mut subject = Subject::start(&[text(folder)], notify);
    subject.caught_up();
    (subject, Writer::start(role, folder))
}

fn line(truth: &mut Truth, what: &str) -> String {
    let line = format!("{{\"id\":\"{what}-{}\",\"at\":{},\"pad\":\"{}\"}}", truth.lines, now_ns(), "x".repeat(220));
    truth.add(line.as_bytes());
    line + "\n"
}

fn lines(truth: &mut Truth, what: &str, count: u64) -> String {
    let mut text = String::new();
    for _ in 0..count {
        text += &line(truth, what);
    }
    text
}

fn append(name: &str, text: impl AsRef<[u8]>) {
    File::options().append(true).create(true).open(name).unwrap().write_all(text.as_ref()).unwrap();
}

/// `u.log.2` becomes `u.log.3` and so on; the last falls away.
fn shift(keep: u64) {
    for number in (1..keep).rev() {
        let _ = fs::rename(format!("u.log.{number}"), format!("u.log.{}", number + 1)); // there may be none yet
    }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// A log's beginning that all its generations share.
fn header() -> String {
    format!("#{}\n", "h".repeat(1200))
}

/// What a writer's process does at each step: a number that each role takes its own way, and the truth it adds to.
pub type Role = Box<dyn FnMut(u64, &mut Truth)>;

/// The role of that name.
pub fn role(name: &str) -> Role {
    match name {
        // So many milliseconds of 20,000 lines a second.
        "steady" => Box::new(|ms, truth| {
            let mut file = File::options().append(true).create(true).open("a.log").unwrap();
            let (begun, mut written) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_millis(ms) {
                let due = begun.elapsed().as_micros() as u64 / 50;
                file.write_all(lines(truth, "steady", due - written).as_bytes()).unwrap();
                written = due;
                pause(5);
            }
        }),
        "bytes" => Box::new(|count, truth| {
            let mut file = File::options().append(true).create(true).open("a.log").unwrap();
            for number in 0..count {
                let line = format!("line {number}");
                truth.add(line.as_bytes());
                for byte in (line + "\n").as_bytes() {
                    file.write_all(&[*byte]).unwrap();
                }
            }
        }),
        "large lines" => Box::new(|count, truth| {
            let mut file = File::options().append(true).create(true).open("a.log").unwrap();
            for number in 0..count {
                let line = format!("{} {number} {}", std::process::id(), "y".repeat(60_000));
                truth.add(line.as_bytes());
                file.write_all((line + "\n").as_bytes()).unwrap();
            }
        }),
        "torn" => Box::new(|ms, truth| {
            let line = line(truth, "torn");
            let (a, b) = line.split_at(line.len() / 2);
            append("a.log", a);
            pause(ms);
            append("a.log", b);
        }),
        // Rotation by rename, `step` milliseconds apart, with as many kept as stay there for a while.
        "rotate" => Box::new(|step, truth| {
            let keep = if step < 200 { 3 } else { 5 };
            for _ in 0..size(20, 200).min(if step < 200 { 200 } else { 20 }) {
                shift(keep);
                let _ = fs::rename("u.log", "u.log.1");
                append("u.log", header() + &lines(truth, "rotate", 20));
                pause(step);
                append("u.log", lines(truth, "tail", 3));
            }
        }),
        "rename out" => Box::new(|ms, truth| {
            append("u.log", lines(truth, "before", 50));
            let mut held = File::options().append(true).open("u.log").unwrap();
            pause(1200);
            fs::rename("u.log", "elsewhere.txt").unwrap();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(ms) {
                held.write_all(line(truth, "after").as_bytes()).unwrap();
                pause(20);
            }
        }),
        "copytruncate" => Box::new(|_, truth| {
            append("u.log", lines(truth, "copied", 40));
            shift(3);
            let _ = fs::remove_file("u.log.1");
            fs::copy("u.log", "u.log.1").unwrap();
            File::options().write(true).truncate(true).open("u.log").unwrap();
            append("u.log", header());
        }),
        // Nobody pauses the writer: what it writes between copy and truncation is nobody's.
        "copytruncate, unpaused" => Box::new(|rounds, truth| {
            let stop = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut file = File::options().append(true).create(true).open("u.log").unwrap();
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        file.write_all(line(truth, "racing").as_bytes()).unwrap();
                        std::thread::sleep(Duration::from_micros(100));
                    }
                });
                for _ in 0..rounds {
                    pause(300);
                    shift(20);
                    let _ = fs::remove_file("u.log.1");
                    fs::copy("u.log", "u.log.1").unwrap();
                    File::options().write(true).truncate(true).open("u.log").unwrap();
                }
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            });
        }),
        "rewrite" => Box::new(|step, truth| {
            fs::write("u.log", header() + &lines(truth, "rewrite", 5 + step)).unwrap();
        }),
        "recreate" => Box::new(|_, truth| {
            let _ = fs::remove_file("u.log");
            append("u.log", header() + &lines(truth, "recreate", 5));
        }),
        "swap" => Box::new(|ms, truth| {
            for number in 0..size(10, 100).min(if ms < 500 { 100 } else { 4 }) {
                let target = format!("target-{number}.txt");
                append(&target, lines(truth, "swap", 10));
                let _ = fs::remove_file("next");
                symlink(&target, "next").unwrap();
                fs::rename("next", "now.log").unwrap();
                pause(ms);
                append(&target, lines(truth, "late", 2));
            }
        }),
        "pack" => Box::new(|step, truth| {
            let name = format!("u.log.{step}");
            append("u.log", lines(truth, "pack", 400));
            fs::rename("u.log", &name).unwrap();
            append("u.log", lines(truth, "next", 100));
            append(&name, lines(truth, "tail", 100));
            let (tool, arguments): (_, &[&str]) = if step % 2 == 1 && Path::new("/usr/bin/zstd").exists() {
                ("zstd", &["-q", "--rm"])
            } else {
                ("gzip", &[])
            };
            assert!(Command::new(tool).args(arguments).arg(&name).status().unwrap().success());
        }),
        "many" => Box::new(|count, truth| {
            for number in 0..count {
                append(&format!("{number}.log"), line(truth, "many"));
            }
        }),
        "deep" => Box::new(|_, truth| {
            fs::create_dir_all("a/b/c/d").unwrap();
            append("a/b/c/d/x.log", line(truth, "deep"));
        }),
        "odd" => Box::new(|_, truth| odd_content(truth)),
        other => panic!("unknown role '{other}'"),
    }
}

/// T22: everything that is no plain line of text, among lines that are.
fn odd_content(truth: &mut Truth) {
    append("crlf.log", "\u{feff}");
    for number in 0..100 {
        let line = format!("crlf {number}\r");
        truth.add(line.as_bytes());
        append("crlf.log", line + "\n\n\r\n".get(..1 + number % 2).unwrap());
    }
    let mut hole = File::options().write(true).create_new(true).open("hole.log").unwrap();
    hole.write_all(lines(truth, "before the hole", 10).as_bytes()).unwrap();
    let end = hole.metadata().unwrap().len() + (1 << 20);
    hole.write_at(lines(truth, "behind the hole", 10).as_bytes(), end).unwrap();
    let latin = b"{\"name\":\"Zo\xeb\"}";
    truth.add(latin);
    append("latin.log", [&latin[..], b"\n"].concat());
    // Cut at its newline bytes, none of its pieces is JSON: each will be counted as such, and a note names the file.
    let utf16: Vec<u8> = "\u{feff}{\"model\":1}\n{\"model\":2}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for piece in utf16.split(|byte| *byte == b'\n').take(2) {
        truth.add(piece.strip_prefix(b"\0").unwrap_or(piece));
    }
    append("utf16.log", utf16);
    let long = vec![b'z'; size(20 << 20, 100 << 20) as usize];
    append("long.log", long);
    append("long.log", "\n");
    append("long.log", lines(truth, "behind the long one", 10));
}

fn report(case: &str, notify: bool, facts: &Facts) {
    let watcher = if notify { "watcher" } else { "polling" };
    println!(
        "{case} {watcher}: lines {} double {} torn {} gaps {} lag p99 {} ms max {} ms peak {} MB",
        facts.counted.lines,
        facts.double,
        facts.torn,
        facts.gaps,
        facts.lag_p99_ms,
        facts.lag_max_ms,
        facts.resident_peak_kb >> 10
    );
}

/// One role, one or several steps at once, both with the watcher and without.
fn plain(case: &str, role: &str, steps: &[u64]) {
    for notify in [true, false] {
        let folder = folder();
        let (mut subject, mut writer) = pair(folder.path(), role, notify);
        let mut truth = Truth::default();
        for step in steps {
            truth = writer.step(*step);
        }
        let facts = subject.exactly(truth);
        assert_eq!(facts.torn, 0);
        report(case, notify, &facts);
    }
}

/// As [`plain`], but each step is counted before the next begins: what one destroys had time to be read.
fn step_by_step(case: &str, role: &str, steps: u64) -> Vec<Facts> {
    [true, false]
        .map(|notify| {
            let folder = folder();
            let (mut subject, mut writer) = pair(folder.path(), role, notify);
            let steps = if notify { steps } else { steps.div_ceil(4) };
            let mut facts = Facts::default();
            for step in 0..steps {
                let truth = writer.step(step);
                facts = subject.exactly(truth);
            }
            report(case, notify, &facts);
            facts
        })
        .into()
}

#[test]
fn t01_steady_growth() {
    for notify in [true, false] {
        let folder = folder();
        let (mut subject, mut writer) = pair(folder.path(), "steady", notify);
        let truth = writer.step(size(1000, 50_000));
        let (ended, before) = (Instant::now(), subject.waited());
        let facts = subject.exactly(truth);
        let (behind, waited) = (ended.elapsed(), subject.waited().saturating_sub(before));
        report("T01", notify, &facts);
        println!("T01 end lag {} ms", behind.as_millis());
        promised("T01", behind, Duration::from_millis(if notify { 500 } else { 1200 }), waited);
    }
}

#[test]
fn t02_one_byte_a_write() {
    plain("T02", "bytes", &[size(200, 2000)]);
}

#[test]
fn t03_two_writers_of_large_lines() {
    for notify in [true, false] {
        let folder = folder();
        let (mut subject, mut first) = pair(folder.path(), "large lines", notify);
        let mut second = Writer::start("large lines", folder.path());
        let count = size(100, 1000);
        first.begin(count);
        second.begin(count);
        let mut truth = first.ended();
        truth.join(second.ended());
        let facts = subject.exactly(truth);
        assert_eq!(facts.torn, 0);
        report("T03", notify, &facts);
    }
}

#[test]
fn t04_a_line_finished_later_is_one() {
    plain("T04", "torn", &[size(1300, 10_000)]);
}

#[test]
fn t05_rotation_by_rename() {
    // Without the watcher names are listed once a second, so a generation must stay longer than that.
    for (notify, step) in [(true, 50), (false, 350)] {
        let folder = folder();
        let (mut subject, mut writer) = pair(folder.path(), "rotate", notify);
        let facts = subject_after(&mut subject, &mut writer, step);
        report("T05", notify, &facts);
    }
}

fn subject_after(subject: &mut Subject, writer: &mut Writer, step: u64) -> Facts {
    let truth = writer.step(step);
    subject.exactly(truth)
}

#[test]
fn t06_renamed_out_of_sight_and_written_on() {
    for notify in [true, false] {
        let folder = folder();
        let mut subject = Subject::start(&[format!("{}/*.log", text(folder.path()))], notify);
        subject.caught_up();
        let mut writer = Writer::start("rename out", folder.path());
        let facts = subject_after(&mut subject, &mut writer, size(1500, 5000));
        report("T06", notify, &facts);
    }
}

#[test]
fn t07_copytruncate_with_a_paused_writer() {
    step_by_step("T07", "copytruncate", size(8, 50));
}

#[test]
fn t08_copytruncate_with_a_racing_writer() {
    for notify in [true, false] {
        let folder = folder();
        let (mut subject, mut writer) = pair(folder.path(), "copytruncate, unpaused", notify);
        let truth = writer.step(size(5, 15));
        // What was lost never comes: it is over when nothing comes any more.
        let mut facts = Facts::default();
        loop {
            let before = facts.counted;
            pause(2500);
            facts = subject.facts();
            if facts.counted == before {
                break;
            }
        }
        let lost = truth.lines - facts.counted.lines;
        report("T08", notify, &facts);
        println!("T08 written {} lost {lost} gaps {}", truth.lines, facts.gaps);
        assert_eq!(facts.double, 0);
        assert!(lost == 0 || facts.gaps > 0, "{lost} lost and no gap suspected: {:?}", facts.notes);
        assert!(lost * 20 < truth.lines, "{lost} of {}", truth.lines);
    }
}

#[test]
fn t09_rewritten_larger_with_the_same_beginning() {
    step_by_step("T09", "rewrite", size(8, 50));
}

#[test]
fn t10_deleted_and_made_again() {
    step_by_step("T10", "recreate", size(12, 200));
}

#[test]
fn t11_deleted_and_made_again_while_costtop_is_down() {
    let folder = folder();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let mut writer = Writer::start("recreate", &logs);
    let (mut same_inode, mut before) = (0, 0);
    for step in 0..size(8, 200) {
        let truth = writer.step(step);
        let inode = fs::metadata(logs.join("u.log")).unwrap().ino();
        same_inode += u64::from(inode == before);
        before = inode;
        let mut subject = Subject::start_with(&[text(&logs)], false, with_state(&folder.path().join("state")));
        subject.exactly(truth);
        subject.end();
    }
    println!("T11: the inode was the same {same_inode} times");
}

#[test]
fn t14_a_link_that_moves() {
    for (notify, ms) in [(true, 100), (false, 1300)] {
        let folder = folder();
        let mut subject = Subject::start(&[text(&folder.path().join("now.log"))], notify);
        subject.caught_up();
        let mut writer = Writer::start("swap", folder.path());
        let facts = subject_after(&mut subject, &mut writer, ms);
        report("T14", notify, &facts);
    }
}

#[test]
fn t15_one_file_under_many_names_counts_once() {
    let folder = folder();
    let logs = folder.path().join("logs");
    let bound = folder.path().join("bound");
    fs::create_dir(&logs).unwrap();
    fs::create_dir(&bound).unwrap();
    // Only root may bind; elsewhere a link to the folder stands for it: the same device and inode under another path.
    let is_bound =
        Command::new("mount").arg("--bind").args([&logs, &bound]).output().is_ok_and(|done| done.status.success());
    if !is_bound {
        fs::remove_dir(&bound).unwrap();
        symlink(&logs, &bound).unwrap();
    }
    let mut writer = Writer::start("torn", &logs);
    let first = writer.step(0);
    fs::hard_link(logs.join("a.log"), logs.join("b.log")).unwrap();
    let sources = [text(&logs), format!("{}/*.log", text(&logs)), format!("{}/a*", text(&logs)), text(&bound)];
    let mut subject = Subject::start(&sources, true);
    subject.exactly(first);
    let facts = subject_after(&mut subject, &mut writer, 10);
    report("T15", true, &facts);
    drop((subject, writer));
    if is_bound {
        assert!(Command::new("umount").arg(&bound).status().unwrap().success());
    }
}

#[test]
fn t16_packed_while_it_is_read() {
    let folder = folder();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let mut writer = Writer::start("pack", &logs);
    let mut truth = Truth::default();
    for round in 0..size(2, 10) {
        let mut subject = Subject::start_with(&[text(&logs)], round % 2 == 0, with_state(&folder.path().join("state")));
        subject.caught_up();
        for step in 0..3 {
            truth = writer.step(round * 10 + step);
        }
        let facts = subject.exactly(truth);
        assert_eq!(facts.broken, 0, "{:?}", facts.notes);
        report("T16", round % 2 == 0, &facts);
        // Now and then it goes while archives still wait to be recognised, and others come while it is away.
        subject.end();
        truth = writer.step(round * 10 + 5);
    }
    let mut subject = Subject::start_with(&[text(&logs)], true, with_state(&folder.path().join("state")));
    subject.exactly(truth);
    // Later, too, nothing comes again.
    pause(size(1500, 15_000));
    subject.exactly(truth);
}

#[test]
fn t17_many_files_at_once() {
    let folder = folder();
    let (mut subject, mut writer) = pair(folder.path(), "many", true);
    let count = size(1000, 10_000);
    let (begun, before) = (Instant::now(), subject.facts().processor_ms);
    let truth = writer.step(count);
    subject.exactly(truth);
    let truth = writer.step(count);
    let facts = subject.exactly(truth);
    let worked = facts.processor_ms - before;
    println!(
        "T17 {count} files made and grown in {:.1} s, {worked} ms of work, {} descriptors",
        begun.elapsed().as_secs_f64(),
        facts.descriptors
    );
    report("T17", true, &facts);
    // How long it takes hangs on who else uses the machine; what it costs does not. About four times what was measured.
    assert!(worked < size(600, 2500) && facts.resident_peak_kb < 150 << 10, "{worked} ms");
    assert!(facts.descriptors <= descriptor_limit() / 2);
}

fn descriptor_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid and lives through the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_max.min(65_536)
}

#[test]
fn t18_folders_made_with_their_file() {
    for notify in [true, false] {
        let folder = folder();
        let (mut subject, mut writer) = pair(folder.path(), "deep", notify);
        let (begun, before) = (Instant::now(), subject.waited() + writer.waited());
        subject_after(&mut subject, &mut writer, 0);
        let (took, waited) = (begun.elapsed(), (subject.waited() + writer.waited()).saturating_sub(before));
        println!("T18 notify {notify}: {} ms", took.as_millis());
        promised("T18", took, Duration::from_millis(1500), waited);
    }
}

#[test]
fn t19_the_watchers_queue_overflows_while_the_process_is_stopped() {
    let folder = folder();
    let (mut subject, mut writer) = pair(folder.path(), "many", true);
    // SAFETY: sends a signal to the child.
    let signal = |signal| assert_eq!(unsafe { libc::kill(subject.id(), signal) }, 0);
    signal(libc::SIGSTOP);
    // Each makes three events; the queue holds 16,384 on most systems.
    let truth = writer.step(size(7000, 40_000));
    let before = subject.waited();
    signal(libc::SIGCONT);
    let begun = Instant::now();
    let facts = subject.exactly(truth);
    let (took, waited) = (begun.elapsed(), subject.waited().saturating_sub(before));
    println!("T19 {} files recovered in {:.2} s", truth.lines, took.as_secs_f64());
    report("T19", true, &facts);
    promised("T19", took, Duration::from_secs(3), waited);
}

#[test]
fn t22_odd_content() {
    let folder = folder();
    let (mut subject, mut writer) = pair(folder.path(), "odd", true);
    let before = subject.facts().resident_peak_kb;
    let truth = writer.step(0);
    let mut facts = subject.exactly(truth);
    if facts.too_long == 0 {
        facts = subject.until("the long line", |facts| facts.too_long == 1);
    }
    let grown = facts.resident_peak_kb.saturating_sub(before) >> 10;
    println!("T22 too long {} grown {grown} MB", facts.too_long);
    assert!(grown < 8, "{grown} MB");
    assert!(facts.notes.len() == 1 && facts.notes[0].contains("UTF-16"), "{:?}", facts.notes);
}

/// So that no case is silently dropped.
#[test]
fn every_case_of_the_matrix_has_a_row_in_the_table() {
    let table = include_str!("../../docs/following.md");
    let mut missing = String::new();
    for number in 1..=24 {
        let case = format!("T{number:02}");
        if !table.contains(&format!("| {case} ")) {
            write!(missing, "{case} ").unwrap();
        }
    }
    assert_eq!(missing, "", "docs/following.md has no row for these");
}
