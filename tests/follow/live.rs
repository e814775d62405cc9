//! The running threads against files that a second process changes, with the system's watcher and without.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use costtop::source::{Chunk, Event, Handle, Options, SourceSpec, SourceState, SourceStatus, start};
use crossbeam_channel::{Receiver, bounded};

/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Live {
    pub handle: Option<Handle>,
    pub events: Receiver<Event>,
    pub lines: HashMap<String, u32>,
    pub torn: Vec<String>,
    pub too_long: u64,
    pub caught_up: bool,
    pub ended: bool,
    pub statuses: Vec<SourceStatus>,
}

impl Live {
    pub fn start(text: &str, options: &Options) -> Live {
        let (sender, events) = bounded(64);
        let handle = start(vec![SourceSpec::parse(0, text).unwrap()], options, sender).unwrap();
        Live {
            handle: Some(handle),
            events,
            lines: HashMap::new(),
            torn: Vec::new(),
            too_long: 0,
            caught_up: false,
            ended: false,
            statuses: Vec::new(),
        }
    }

    pub fn wait_for(&mut self, what: &str, mut done: impl FnMut(&Live) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            let Ok(event) = self.events.recv_deadline(until) else {
                panic!("waited for {what}; {} lines, statuses {:?}", self.lines.len(), self.statuses.last());
            };
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Chunk(chunk) => self.take_chunk(&chunk),
            Event::Status(status) => self.statuses.push(status),
            Event::CaughtUp => self.caught_up = true,
            Event::Ended => self.ended = true,
            Event::Ask(_) | Event::Note { .. } => {}
        }
    }

    fn take_chunk(&mut self, chunk: &Chunk) {
        self.too_long += chunk.too_long;
        for line in String::from_utf8_lossy(&chunk.bytes).split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => *self.lines.entry(line.to_owned()).or_default() += 1,
                None => self.torn.push(line.to_owned()),
            }
        }
    }

    fn exactly(&self, count: usize) -> bool {
        assert!(self.lines.values().all(|count| *count == 1), "a line came twice");
        self.lines.len() == count
    }
}

fn shell(folder: &Path, script: &str) {
    let done = Command::new("sh").arg("-ec").arg(script).current_dir(folder).status().unwrap();
    assert!(done.success());
}

/// Runs `script` in another process in the watched folder and waits for so many distinct lines, each once.
fn both_ways(below: &str, script: &str, count: usize) {
    for notify in [true, false] {
        let home = tempfile::tempdir().unwrap();
        let text = home.path().join(below).display().to_string();
        let mut live = Live::start(&text, &Options { notify, ..Options::default() });
        live.wait_for("catching up", |live| live.caught_up);
        shell(home.path(), script);
        live.wait_for(&format!("{count} lines, notify {notify}"), |live| live.exactly(count));
        live.handle.take().unwrap().stop();
        while let Ok(event) = live.events.try_recv() {
            live.take(event);
        }
        assert!(live.exactly(count));
    }
}

#[test]
fn created_later_and_grown_byte_by_byte() {
    both_ways(
        "a.log",
        "i=0; while [ $i -lt 100 ]; do for c in l i n e $i; do printf %s $c >> a.log; done; echo >> a.log; i=$((i+1)); done",
        100,
    );
}

#[test]
fn folders_made_with_their_file_at_once() {
    both_ways("logs", "mkdir -p logs/a/b/c; echo one > logs/a/b/c/x.jsonl; echo two >> logs/a/b/c/x.jsonl", 2);
}

#[test]
fn a_folder_that_vanishes_and_returns() {
    both_ways(
        "d",
        "mkdir d; echo one > d/a.log; sleep 1.3; rm -r d; mkdir d; echo two > d/a.log; sleep 1.3; rm -r d; mkdir d; echo three > d/a.log",
        3,
    );
}

#[test]
fn rotation_by_renaming_with_an_unread_tail_through_many_generations() {
    // Eight generations a second with three kept: each stays readable for more than the second that polling needs.
    let script = "g=0; while [ $g -lt 16 ]; do
        [ -e u.log.2 ] && mv u.log.2 u.log.3; [ -e u.log.1 ] && mv u.log.1 u.log.2; [ -e u.log ] && mv u.log u.log.1
        i=0; while [ $i -lt 20 ]; do echo g$g-$i >> u.log; i=$((i+1)); done
        echo tail$g >> u.log; sleep 0.4; g=$((g+1)); done";
    both_ways("", script, 16 * 21);
}

#[test]
fn a_link_that_is_moved_to_another_file() {
    both_ways(
        "now.log",
        "echo one > a.txt; ln -s a.txt now.log; sleep 1.3; echo two > b.txt; ln -sfn b.txt now.log; echo three >> a.txt; sleep 1.3; echo four >> b.txt",
        4,
    );
}

#[test]
fn deleted_and_made_again_and_truncated() {
    both_ways(
        "a.log",
        "echo one > a.log; sleep 1.3; rm a.log; echo two > a.log; sleep 1.3; echo three > a.log; sleep 1.3; : > a.log; echo four >> a.log",
        4,
    );
}

#[test]
fn one_shot_reads_all_with_torn_ends_and_ends() {
    let home = tempfile::tempdir().unwrap();
    shell(
        home.path(),
        "mkdir s; i=0; while [ $i -lt 50 ]; do echo line$i > s/$i.jsonl; i=$((i+1)); done; printf torn >> s/7.jsonl",
    );
    let mut live = Live::start(home.path().to_str().unwrap(), &Options { once: true, ..Options::default() });
    live.wait_for("the end", |live| live.ended);
    assert!(live.caught_up && live.exactly(50));
    assert_eq!(live.torn, ["torn"]);
    assert_eq!(live.statuses.last().unwrap().state, SourceState::Ended);
    let missing = home.path().join("missing.jsonl");
    let mut live = Live::start(missing.to_str().unwrap(), &Options { once: true, ..Options::default() });
    live.wait_for("the end", |live| live.ended);
    assert!(matches!(&live.statuses.last().unwrap().state, SourceState::Lost(text) if text.contains("check the name")));
}

fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// In a process of its own, so that other tests' memory does not count.
#[test]
fn a_line_of_100_megabytes_does_not_grow_the_process() {
    const MARK: &str = "COSTTOP_TEST_LONG_LINE";
    if let Ok(folder) = std::env::var(MARK) {
        let before = resident();
        let mut live = Live::start(&folder, &Options::default());
        let mut most = 0;
        live.wait_for("the line after the long one", |live| {
            most = most.max(resident());
            live.lines.len() == 1 && live.too_long == 1
        });
        let grown = most.saturating_sub(before);
        assert!(grown < 8 << 20, "grew by {grown} bytes");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    shell(home.path(), "head -c 100000000 /dev/zero | tr '\\0' a > a.log; printf '\\nok\\n' >> a.log");
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "live::a_line_of_100_megabytes_does_not_grow_the_process"])
        .env(MARK, home.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

/// Milliseconds from an append to the line's arrival: median, 99th percentile.
fn latency(notify: bool, count: usize, pause: Duration) -> (f64, f64) {
    use std::io::Write;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.log");
    let mut file = fs::File::create(&path).unwrap();
    let mut live = Live::start(home.path().to_str().unwrap(), &Options { notify, ..Options::default() });
    live.wait_for("catching up", |live| live.caught_up);
    let mut times = Vec::new();
    for number in 0..count {
        let begun = Instant::now();
        writeln!(file, "{number}").unwrap();
        live.wait_for("the line", |live| live.lines.len() == number + 1);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(pause);
    }
    times.sort_by(f64::total_cmp);
    (times[count / 2], times[count * 99 / 100])
}

#[test]
fn an_append_is_noticed_soon() {
    let (median, late) = latency(true, 200, Duration::from_millis(3));
    println!("with the watcher: p50 {median:.2} ms, p99 {late:.2} ms");
    assert!(median < 30.0 && late < 500.0, "{median} {late}");
    let (median, late) = latency(false, 20, Duration::from_millis(37));
    println!("without: p50 {median:.2} ms, p99 {late:.2} ms");
    assert!(late < 1200.0, "{late}");
}

pub fn processor_seconds() -> f64 {
    // SAFETY: a zeroed rusage is a valid value, and the call only fills it.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut used);
        used
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(used.ru_utime) + seconds(used.ru_stime)
}

/// In a process of its own, so that other tests' work does not count. `COSTTOP_FOLLOW=full` measures a minute, and 10,000 files too.
#[test]
fn quiet_files_cost_next_to_nothing() {
    const MARK: &str = "COSTTOP_TEST_IDLE";
    let seconds = if crate::is_full() { 60.0 } else { 3.0 };
    if let Ok(folder) = std::env::var(MARK) {
        let mut live = Live::start(&folder, &Options::default());
        live.wait_for("catching up", |live| live.caught_up);
        // Until no file counts as grown lately, all are cold and listings are settled.
        std::thread::sleep(Duration::from_secs(if crate::is_full() { 32 } else { 2 }));
        let before = processor_seconds();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        let share = (processor_seconds() - before) / seconds;
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
        println!("share {share} descriptors {descriptors}");
        return;
    }
    // The budget of a core; the short run looks at ten times as much: an unoptimised build on a busy machine, the files still hot.
    let cases: &[(u32, f64)] = if crate::is_full() { &[(1000, 0.003), (10_000, 0.02)] } else { &[(1000, 0.03)] };
    for (files, budget) in cases {
        let home = tempfile::tempdir().unwrap();
        for number in 0..*files {
            let folder = home.path().join(format!("{}", number % 100));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{number}.jsonl")), format!("{number}\n").repeat(100)).unwrap();
        }
        let done = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "live::quiet_files_cost_next_to_nothing", "--nocapture"])
            .env(MARK, home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        let figure = |name: &str| -> f64 {
            let after = said.split(name).nth(1).unwrap_or_else(|| panic!("{said}"));
            after.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (share, descriptors) = (figure("share "), figure("descriptors "));
        println!("idle: {files} files, {:.3} % of a core over {seconds} s, {descriptors} descriptors", share * 100.0);
        assert!(share <= *budget, "{share}");
        // SAFETY: a zeroed limit is a valid value, and the call only fills it.
        let limit = unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
            limit.rlim_max.min(65_536)
        };
        assert!(descriptors <= limit as f64 / 2.0, "{descriptors} of {limit}");
    }
}
