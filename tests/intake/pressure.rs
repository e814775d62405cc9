//! What must hold when the disk, the process or the sender gives way: acknowledged is counted, and counted once.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Answer, alone, connect, gzip, send};
use crate::process::{World, memory};

/// A line of a charge with an id of its own.
fn charge(name: &str, number: u64) -> String {
    format!(
        "{{\"request_id\":\"req-{name}-{number:012}\",\"model\":\"claude-sonnet-4-6\",\"user\":\"u{}\",\"input_tokens\":10,\"output_tokens\":1}}\n",
        number % 50
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// S02: another program holds the state for ten seconds.
#[test]
fn s02_while_the_store_is_paused_senders_wait_nothing_is_dropped_and_memory_stays() {
    const PAUSE: Duration = Duration::from_secs(10);
    let _alone = alone();
    let world = World::new();
    let mut terminal = world.start();
    let mut first = connect(world.port);
    assert_eq!(send(&mut first, "POST /v1/events", &[], charge("first", 0).as_bytes()).unwrap().status, 200);
    let lock = rusqlite::Connection::open(world.database()).unwrap();
    lock.busy_timeout(Duration::from_secs(10)).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = (0..4u64)
        .map(|sender| {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            let mut stream = UnixStream::connect(world.socket()).unwrap();
            std::thread::spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let lines: String =
                        (number..number + 200).map(|number| charge(&format!("s{sender}"), number)).collect();
                    stream.write_all(lines.as_bytes()).unwrap();
                    number += 200;
                    written.fetch_add(200, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let paused = Instant::now();
    let posting = {
        let port = world.port;
        std::thread::spawn(move || {
            let mut refused = 0;
            loop {
                let answer = send(&mut connect(port), "POST /v1/events", &[], charge("posted", 1).as_bytes()).unwrap();
                match answer.status {
                    200 => return (refused, Instant::now()),
                    503 => refused += 1,
                    other => panic!("{other}"),
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        })
    };
    // Until nobody can send any more.
    let mut before = u64::MAX;
    until("senders that wait", || {
        let now = written.load(Ordering::Relaxed);
        let still = now == before;
        before = now;
        std::thread::sleep(Duration::from_millis(700));
        still
    });
    let process = terminal.process().unwrap();
    let (held, at_rest) = (written.load(Ordering::Relaxed), memory(process));
    std::thread::sleep(PAUSE.saturating_sub(paused.elapsed()).max(Duration::from_secs(2)));
    terminal.must_live().unwrap();
    let grown = memory(process).saturating_sub(at_rest);
    assert_eq!(written.load(Ordering::Relaxed), held, "nobody sends while nothing is safe");
    assert!(grown < 5 << 20, "memory grew by {grown} bytes while senders waited");
    lock.execute_batch("ROLLBACK").unwrap();
    let released = Instant::now();
    let (refused, answered) = posting.join().unwrap();
    assert!(answered >= released, "200 while nothing could be written");
    until("senders that go on", || written.load(Ordering::Relaxed) > held);
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    let written = written.load(Ordering::Relaxed);
    until("everything", || world.requests() == written + 2);
    println!(
        "S02: {held} charges held up {:?}, memory +{} KiB, {refused} posts refused; {written} sent, all counted",
        paused.elapsed(),
        grown >> 10
    );
    terminal.quit(Duration::from_secs(60)).unwrap();
    assert_eq!(world.requests(), written + 2);
}

/// S06: what was committed but never acknowledged is sent again, and counts once; with ids and without.
#[test]
fn s06_killed_between_the_commit_and_the_answer_a_body_counts_once() {
    let _alone = alone();
    let world = World::new();
    let mut terminal = world.start();
    let mut sent = 0;
    for round in 0..6u64 {
        let body = if round % 2 == 0 {
            charge("killed", round)
        } else {
            format!("{{\"model\":\"gpt-5\",\"input_tokens\":{},\"output_tokens\":1}}", round + 1)
        };
        let mut stream = connect(world.port);
        let commits = world.commits();
        write!(stream, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        sent += 1;
        // Nobody reads the answer: for the sender it never came.
        until("the commit", || world.commits() > commits);
        terminal.kill().unwrap();
        terminal = world.start();
        for _ in 0..3 {
            let answer = send(&mut connect(world.port), "POST /v1/events", &[], body.as_bytes()).unwrap();
            assert_eq!((answer.status, answer.text()), (200, r#"{"records":1,"rejected":0}"#));
        }
        assert_eq!(world.requests(), sent, "round {round}");
    }
    terminal.quit(Duration::from_secs(60)).unwrap();
    assert_eq!(world.requests(), sent);
    println!("S06: {sent} bodies committed and not acknowledged, killed, sent 3 times more: each counted once");
}

/// Killed at any moment while many post: what was answered 200 is there, and what is sent again counts once.
#[test]
fn s06_killed_at_any_moment_whatever_was_acknowledged_is_counted_once() {
    let _alone = alone();
    let world = World::new();
    let mut terminal = world.start();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    drop(connect(world.port));
    let senders: Vec<_> = (0..8u64)
        .map(|sender| {
            let (port, acknowledged, stop) = (world.port, Arc::clone(&acknowledged), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut number = 0;
                let post = |body: &str| -> std::io::Result<Answer> {
                    send(&mut connect(port), "POST /v1/events", &[], body.as_bytes())
                };
                while !stop.load(Ordering::Relaxed) {
                    let body: String =
                        (number..number + 20).map(|number| charge(&format!("k{sender}"), number)).collect();
                    // As an exporter does: again until it is taken.
                    while post(&body).map_or(true, |answer| answer.status != 200) {}
                    number += 20;
                    acknowledged.fetch_add(20, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 0..5u64 {
        std::thread::sleep(Duration::from_millis(300 + 137 * round));
        terminal.kill().unwrap();
        terminal = world.start();
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    terminal.quit(Duration::from_secs(60)).unwrap();
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    assert!(acknowledged > 100, "{acknowledged}");
    assert_eq!(world.requests(), acknowledged);
    println!("S06: killed 5 times while 8 senders post: {acknowledged} acknowledged, {acknowledged} counted");
}

/// Its name, headers and body, and the status of the answer.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

/// S04: what is made to grow costs no memory, and the next request is answered.
#[test]
fn s04_bodies_and_lines_made_to_harm_cost_little_memory_and_no_later_request() {
    let _alone = alone();
    let world = World::new();
    let mut terminal = world.start();
    let mut stream = connect(world.port);
    let mut post = |headers: &[(&str, &str)], body: &[u8]| send(&mut stream, "POST /v1/events", headers, body);
    assert_eq!(post(&[], charge("s04", 0).as_bytes()).unwrap().status, 200);
    let process = terminal.process().unwrap();
    let before = memory(process);
    let bomb = gzip(&vec![b' '; 200 << 20]);
    let deep = vec![b'['; 100_000];
    let keys = (0..1_000_000).fold(b"{\"k\":0".to_vec(), |mut keys, number| {
        write!(keys, ",\"{number}\":1").unwrap();
        keys
    });
    let keys = [keys, b"}".to_vec()].concat();
    let packed = [("Content-Encoding", "gzip")];
    let cases: [Case<'_>; 3] = [("deep", &[], &deep, 400), ("keys", &[], &keys, 200), ("bomb", &packed, &bomb, 413)];
    let mut worst = 0;
    for (name, headers, body, expected) in cases {
        let watch = {
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            (
                stop,
                std::thread::spawn(move || {
                    let mut most = 0;
                    while !stopped.load(Ordering::Relaxed) {
                        most = most.max(memory(process));
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    most
                }),
            )
        };
        let answer = send(&mut connect(world.port), "POST /v1/events", headers, body).unwrap();
        watch.0.store(true, Ordering::Relaxed);
        let grown = watch.1.join().unwrap().saturating_sub(before);
        println!("S04: {name}: {} bytes, answered {}, memory +{} KiB", body.len(), answer.status, grown >> 10);
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
        worst = worst.max(grown);
        assert_eq!(
            send(&mut connect(world.port), "POST /v1/events", &[], charge("s04", 1).as_bytes()).unwrap().status,
            200
        );
    }
    let mut lines = UnixStream::connect(world.socket()).unwrap();
    lines.write_all(&vec![b'x'; 10 << 20]).unwrap();
    lines.write_all(format!("\n{}", charge("s04", 2)).as_bytes()).unwrap();
    until("the line behind", || world.requests() == 3);
    let after = memory(process).saturating_sub(before);
    assert!(worst.max(after) < 16 << 20, "memory grew by {worst} bytes, then {after}");
    println!("S04: a line of 10 MiB, the next one counted: memory +{} KiB", after >> 10);
    terminal.must_live().unwrap();
    terminal.quit(Duration::from_secs(60)).unwrap();
    assert_eq!(world.report()["intake"]["rejected_by"]["too_long"], 1);
}
