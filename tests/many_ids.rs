//! T31: very many ids in a day, over HTTP to `costtop serve` with a state. What the index costs in memory, what a repeat of an old id counts,
//! what a commit takes then, and how long the next start. `MANY_IDS=10000000 cargo test --release --test many_ids -- --nocapture`

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "intake/client.rs"]
#[allow(dead_code, reason = "those who test the intake need more of it")]
mod client;
#[path = "intake/process.rs"]
#[allow(dead_code, reason = "those who test the intake need more of it")]
mod process;
#[path = "../examples/kill_check/terminal.rs"]
#[allow(dead_code, reason = "the programs that measure need more of it")]
mod terminal;

use std::fmt::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::{connect, send};
use process::{Server, World, most_memory};

/// Charges of one body.
const BODY: u64 = 1000;
const CONNECTIONS: usize = 4;
/// One of so many bodies is sent again.
const AGAIN: u64 = 50;
/// Bodies of one new charge, each with a commit of its own.
const ALONE: u64 = 100;
/// What following.md's T31 asks for.
const MOST_MEMORY: u64 = 200_000_000;
const LEAST_RATE: f64 = 30_000.0;

/// Charges of one day, 2026-11-20, in its order.
fn body(first: u64, count: u64) -> String {
    let mut text = String::new();
    for number in first..first + count {
        let (second, user) = (number / 200 % 86_400, number % 500);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        writeln!(
            text,
            "{{\"request_id\":\"req-many-{number:012}\",\"ts\":\"2026-11-20T{hour:02}:{minute:02}:{second:02}Z\",\"model\":\"claude-sonnet-4-6\",\"user\":\"u{user}\",\"input_tokens\":10,\"output_tokens\":1}}"
        )
        .unwrap();
    }
    text
}

/// Posts a body until it is acknowledged; a disk that is busy is waited for.
fn post(stream: &mut TcpStream, body: &str) {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = send(stream, "POST /v1/events", &[], body.as_bytes()).unwrap();
        match answer.status {
            200 => return,
            503 if Instant::now() < end => {}
            _ => panic!("{answer:?}"),
        }
    }
}

/// Every body of which `picks` says so, over some connections.
fn post_all(port: u16, bodies: u64, picks: impl Fn(u64) -> bool + Copy + Send + 'static) {
    let next = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let next = Arc::clone(&next);
            std::thread::spawn(move || {
                let mut stream = connect(port);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= bodies {
                        return;
                    }
                    if picks(number) {
                        post(&mut stream, &body(number * BODY, BODY));
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
}

/// What the server says it has counted: requests, and records that said nothing new.
fn counted(port: u16) -> (u64, u64) {
    let report = send(&mut connect(port), "GET /v1/snapshot", &[], b"").unwrap().json();
    (report["totals"]["requests"].as_u64().unwrap(), report["intake"]["duplicates"].as_u64().unwrap())
}

#[test]
fn very_many_ids_of_a_day_count_once_in_bounded_memory() {
    let bodies = std::env::var("MANY_IDS").map_or(30, |ids| ids.parse::<u64>().unwrap() / BODY);
    let ids = bodies * BODY;
    let world = World::new();
    let server = Server::start(&world);
    drop(connect(world.port));
    let begun = Instant::now();
    post_all(world.port, bodies, |_| true);
    let rate = ids as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    post_all(world.port, bodies, |number| number % AGAIN == 0);
    let again = bodies.div_ceil(AGAIN) * BODY;
    let rate_again = again as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(counted(world.port), (ids, again));
    let mut stream = connect(world.port);
    let mut alone: Vec<Duration> = (0..ALONE)
        .map(|number| {
            let begun = Instant::now();
            post(&mut stream, &body(ids + number, 1));
            begun.elapsed()
        })
        .collect();
    alone.sort_unstable();
    let memory = most_memory(server.process());
    server.end();
    let begun = Instant::now();
    let server = Server::start(&world);
    while TcpStream::connect(("127.0.0.1", world.port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let started = begun.elapsed();
    post_all(world.port, bodies, |number| number % AGAIN == 1);
    assert_eq!(counted(world.port).0, ids + ALONE, "what was known before the restart is known after it");
    let memory_again = most_memory(server.process());
    server.end();
    assert_eq!(world.requests(), ids + ALONE);
    println!(
        "{ids} ids at {rate:.0} a second, {again} again at {rate_again:.0}; at most {} MiB, {} after a start of {:.1} s; \
         a commit of one charge is acknowledged in {:.1} ms (median), {:.1} ms (p99)",
        memory >> 20,
        memory_again >> 20,
        started.as_secs_f64(),
        alone[alone.len() / 2].as_secs_f64() * 1e3,
        alone[alone.len() * 99 / 100].as_secs_f64() * 1e3,
    );
    assert!(memory <= MOST_MEMORY && memory_again <= MOST_MEMORY, "{memory}, {memory_again} bytes");
    assert!(ids < 1_000_000 || rate >= LEAST_RATE, "{rate}");
}
