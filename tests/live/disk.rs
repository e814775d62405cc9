//! T26: a disk that is really full, or read-only, a file system of a few megabytes mounted for the test alone: counting begins and goes on,
//! what is not durable is said, and once there is room everything is; also after SIGKILL.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Running, write};

const PLACE: &str = "COSTTOP_TEST_DISK";
/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Not a test by itself: what follows the log with its state on the small disk, and fills that disk when told to.
#[test]
fn subject() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let disk = place.join("disk");
    let running = Running::start(&place.join("log.jsonl"), Some(&disk.join("state")));
    let effects = running.effects.clone();
    let filler = disk.join("filler");
    std::thread::spawn(move || {
        for word in std::io::stdin().lines().map_while(Result::ok) {
            match word.as_str() {
                "fill" => {
                    let mut file = File::create(&filler).expect("a file");
                    while file.write_all(&[7; 512]).is_ok() {}
                }
                "free" => fs::remove_file(&filler).expect("it was there"),
                "writable" => {
                    let status = Command::new("mount").args(["-o", "remount,rw"]).arg(&disk).status();
                    assert!(status.expect("mount").success());
                }
                "quit" => drop(effects.send(costtop::ui::action::Effect::Quit)),
                // A snapshot comes only when something changed.
                _ => {
                    drop(effects.send(costtop::ui::action::Effect::Query(costtop::engine::view::ViewQuery::default())));
                }
            }
        }
    });
    println!("\npid {}", std::process::id());
    for snapshot in &running.snapshots {
        let note = snapshot.state_note.clone().unwrap_or_default();
        let ready = snapshot.progress.is_none();
        println!("seen {} {} {ready} {note}", snapshot.view.intake.lines, snapshot.view.total.cost().pico());
    }
    match running.thread.join().expect("no panic") {
        Ok(()) => println!("ended well"),
        Err(error) => println!("ended {error}"),
    }
}

/// What the subject shows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    lines: u64,
    pico: i128,
    ready: bool,
    note: String,
}

/// A shell in a mount namespace of its own; the small disk lives as long as it.
struct World {
    shell: Child,
    asks: ChildStdin,
    lines: Receiver<String>,
}

impl World {
    /// `script` says what happens on the `DISK` of so many megabytes, `SUBJECT` being what follows the log. `None` where this machine lets
    /// nobody mount.
    fn new(place: &Path, megabytes: u32, script: &str) -> Option<World> {
        let disk = place.join("disk");
        fs::create_dir(&disk).expect("a folder");
        let mount = format!("mount -t tmpfs -o size={megabytes}m none '{}'", disk.display());
        let allowed = Command::new("unshare").args(["-rm", "sh", "-c", &mount]).stderr(Stdio::null()).status();
        if !allowed.is_ok_and(|status| status.success()) {
            println!("T26 full disk: left out, this machine lets nobody mount (unshare -rm)");
            return None;
        }
        let program = std::env::current_exe().expect("a program");
        let subject = format!("'{}' disk::subject --exact --nocapture --test-threads=1", program.display());
        let script = script.replace("SUBJECT", &subject).replace("DISK", &format!("'{}'", disk.display()));
        let script = format!("{mount} && {{ {script}; }}");
        let mut shell = Command::new("unshare")
            .args(["-rm", "sh", "-c", &script])
            .env(PLACE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let (asks, answers) = (shell.stdin.take().expect("a pipe"), shell.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(answers).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Some(World { shell, asks, lines })
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.asks, "{word}").expect("it listens");
    }

    fn pid(&mut self) -> i32 {
        self.line(|line| line.strip_prefix("pid ")?.parse().ok())
    }

    fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect("a line in time");
            if let Some(found) = wanted(&line) {
                return found;
            }
        }
    }

    fn until(&mut self, what: &str, is_it: impl Fn(&Seen) -> bool) -> Seen {
        let end = Instant::now() + PATIENCE;
        let mut last = Seen::default();
        while Instant::now() < end {
            self.tell("?");
            while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
                assert!(!line.starts_with("ended "), "{line}");
                let Some(words) = line.strip_prefix("seen ") else { continue };
                let mut words = words.splitn(4, ' ');
                let mut word = || words.next().unwrap_or_default();
                last = Seen {
                    lines: word().parse().expect("a number"),
                    pico: word().parse().expect("a number"),
                    ready: word() == "true",
                    note: word().to_owned(),
                };
                if is_it(&last) {
                    return last;
                }
            }
        }
        panic!("waited for {what}: {last:?}");
    }
}

fn kill(pid: i32) {
    // SAFETY: the process is this test's own.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let status = self.shell.wait().expect("it ends");
        assert!(status.code().is_some() || status.signal().is_some());
    }
}

/// What the log costs, counted by a run that keeps no state.
fn truth(log: &Path, lines: u64) -> i128 {
    let running = Running::start(log, None);
    let pico = running.until(lines).view.total.cost().pico();
    running.quit();
    pico
}

#[test]
fn t26_counting_goes_on_while_the_disk_is_full() {
    if std::env::var_os(PLACE).is_some() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.jsonl");
    write(&log, 0..300);
    // Killed twice, started again over the same disk.
    let Some(mut world) = World::new(folder.path(), 4, "SUBJECT; SUBJECT; SUBJECT") else { return };
    let first = world.pid();
    world.until("the log", |seen| seen.lines == 300 && seen.ready && seen.note.is_empty());
    world.tell("fill");
    write(&log, 300..900);
    let seen = world.until("the refusal", |seen| seen.lines == 900 && seen.note.starts_with("not durable since "));
    assert_eq!(seen.pico, truth(&log, 900), "in memory all is counted");
    write(&log, 900..1200);
    world.until("more lines", |seen| seen.lines == 1200 && seen.note.starts_with("not durable since "));
    world.tell("free");
    world.until("the disk to be noticed", |seen| seen.note.is_empty());
    write(&log, 1200..1300);
    world.until("the rest", |seen| seen.lines == 1300);
    kill(first);

    let second = world.pid();
    assert_ne!(first, second);
    let seen = world.until("the restart", |seen| seen.lines == 1300 && seen.ready);
    assert_eq!(seen.pico, truth(&log, 1300), "after the kill");

    world.tell("fill");
    write(&log, 1300..1500);
    world.until("the refusal", |seen| seen.lines == 1500 && seen.note.starts_with("not durable since "));
    // Killed while nothing can be written: what was committed before is there, the rest is read again.
    kill(second);
    let third = world.pid();
    assert_ne!(second, third);
    let seen = world.until("the restart on the full disk", |seen| {
        seen.lines == 1500 && seen.ready && seen.note.starts_with("not durable since ")
    });
    assert_eq!(seen.pico, truth(&log, 1500), "after the kill while full");
    println!("T26 full disk: 1,100 lines while full, exact in memory; exact after SIGKILL, while it is full, too");
}

#[test]
fn t26_a_start_on_a_full_disk_keeps_everything_once_there_is_room() {
    if std::env::var_os(PLACE).is_some() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.jsonl");
    write(&log, 0..300);
    let full = "cat /dev/zero >DISK/filler; SUBJECT; SUBJECT";
    let Some(mut world) = World::new(folder.path(), 4, full) else { return };
    let first = world.pid();
    let seen = world.until("the log", |seen| seen.lines == 300 && seen.ready);
    assert!(seen.note.starts_with("not durable since "), "{seen:?}");
    write(&log, 300..900);
    let seen = world.until("more lines", |seen| seen.lines == 900 && seen.note.starts_with("not durable since "));
    assert_eq!(seen.pico, truth(&log, 900), "in memory all is counted");
    world.tell("free");
    world.until("the disk to be noticed", |seen| seen.note.is_empty());
    write(&log, 900..1000);
    world.until("the rest", |seen| seen.lines == 1000);
    kill(first);

    let second = world.pid();
    assert_ne!(first, second);
    let seen = world.until("the restart", |seen| seen.lines == 1000 && seen.ready && seen.note.is_empty());
    assert_eq!(seen.pico, truth(&log, 1000), "after the kill");
    println!(
        "T26 start on a full disk: 900 lines while full, exact in memory, kept once there is room, exact after SIGKILL"
    );
}

/// What was kept before is shown, although nothing can be written, and in one case its log is gone; what comes is kept later, with it.
#[test]
fn t26_a_state_on_a_read_only_disk_is_shown_and_gone_on_with() {
    if std::env::var_os(PLACE).is_some() {
        return;
    }
    let [begun, more, rest] = [400, 450, 500].map(|lines| {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder.path().join("log.jsonl"), 0..lines);
        truth(&folder.path().join("log.jsonl"), u64::from(lines))
    });
    // A process that ended leaves one file, a killed one a write-ahead log beside it.
    for is_killed in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log.jsonl");
        write(&log, 0..300);
        // What the subject does not read any more is for the shell.
        let go = "echo; echo gone; while read -r word && [ \"$word\" != go ]; do :; done";
        let script = format!("SUBJECT; {go}; mount -o remount,ro DISK; SUBJECT; {go}; SUBJECT");
        let Some(mut world) = World::new(folder.path(), 4, &script) else { return };
        let first = world.pid();
        world.until("the log", |seen| seen.lines == 300 && seen.ready && seen.note.is_empty());
        if is_killed {
            kill(first);
        } else {
            world.tell("quit");
            world.line(|line| (line == "ended well").then_some(()));
            fs::remove_file(&log).expect("it was there");
        }
        write(&log, 300..400);
        world.line(|line| (line == "gone").then_some(()));
        world.tell("go");

        let second = world.pid();
        let is_unkept = |seen: &Seen| seen.note.starts_with("not durable since ");
        world.until("what was kept and what came", |seen| seen.pico == begun && seen.ready && is_unkept(seen));
        write(&log, 400..450);
        world.until("more", |seen| seen.pico == more && is_unkept(seen));
        world.tell("writable");
        world.until("the disk to be noticed", |seen| seen.note.is_empty());
        write(&log, 450..500);
        world.until("the rest", |seen| seen.pico == rest);
        kill(second);
        world.line(|line| (line == "gone").then_some(()));
        world.tell("go");

        let third = world.pid();
        assert_ne!(second, third);
        let seen = world.until("the restart", |seen| seen.lines == 500 && seen.ready && seen.note.is_empty());
        assert_eq!(seen.pico, rest, "after the kill");
    }
    println!(
        "T26 start on a read-only disk: 300 lines shown, 150 more counted, kept once it is writable, exact after SIGKILL"
    );
}
