//! Bodies that promise much and come slowly, and frames of HTTP/2 that mean nothing: whoever sends properly goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use costtop::source::Receiving;

use crate::client::{Answer, alone, connect, send};
use crate::http::Listener;

/// Nearly as many as there are places.
const CRAWLERS: usize = 60;

fn listener() -> Listener {
    Listener::start(|_| Some(Receiving { records: 1, rejected: 0 }))
}

/// Connections that promise 1 MiB and send so much of it.
fn promise(port: u16, sent: usize) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = connect(port);
        stream.write_all(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n").unwrap();
        stream.set_nonblocking(true).unwrap();
        // As much as is taken: who waits for room is not read from.
        let _ = stream.write(&vec![b' '; sent]);
        stream
    };
    (0..CRAWLERS).map(open).collect()
}

/// How long a body of that size takes to be answered.
fn post(port: u16, bytes: usize) -> Duration {
    let begun = Instant::now();
    let answer = send(&mut connect(port), "POST /v1/events", &[], &vec![b' '; bytes]).unwrap();
    assert_eq!(answer.status, 200, "{answer:?} after {:?}", begun.elapsed());
    begun.elapsed()
}

#[test]
fn s03_who_promises_a_mebibyte_and_sends_nothing_holds_no_room() {
    let _alone = alone();
    let listener = listener();
    let crawlers = promise(listener.port, 1);
    // Beyond the first it would have to wait for one of them, ten seconds.
    let longest = (0..5).map(|_| post(listener.port, 900_000)).max().unwrap();
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    drop(crawlers);
    listener.stop();
}

#[test]
fn s03_who_fills_its_room_slowest_lets_go_when_others_need_it() {
    let _alone = alone();
    let listener = listener();
    // They show that they come, are lent the rest, and stop.
    let mut crawlers = promise(listener.port, 70_000);
    std::thread::sleep(Duration::from_millis(200));
    let longest = (0..5).map(|_| post(listener.port, 900_000)).max().unwrap();
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    let mut refused = 0;
    for stream in &mut crawlers {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        refused += usize::from(Answer::of(stream).is_ok_and(|answer| answer.status == 408));
    }
    assert!(refused > 0, "somebody had to go");
    listener.stop();
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_HEADERS: u8 = 4;

/// Sends what `next` makes until `stop` or the other side has enough; how many rounds it took.
fn flood(port: u16, stop: &AtomicBool, mut next: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let mut stream = connect(port);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    let mut answers = stream.try_clone().unwrap();
    // Whoever floods does read: what is written back must not be what holds it up.
    let mut room = vec![0; 1 << 16];
    let reading = std::thread::spawn(move || while matches!(answers.read(&mut room), Ok(1..)) {});
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) && stream.write_all(&next(rounds)).is_ok() {
        rounds += 1;
    }
    let _ = stream.shutdown(std::net::Shutdown::Both); // it may be closed already
    reading.join().unwrap();
    rounds
}

#[test]
fn s03_frames_that_mean_nothing_hold_up_nobody_and_streams_taken_back_end_the_connection() {
    let _alone = alone();
    let listener = listener();
    let (port, stop) = (listener.port, Arc::new(AtomicBool::new(false)));
    let flooding: Vec<_> = [(PING, 8), (SETTINGS, 0)]
        .map(|(kind, length)| {
            let (stop, frames) = (Arc::clone(&stop), frame(kind, 0, 0, &vec![0; length]).repeat(64));
            std::thread::spawn(move || flood(port, &stop, |_| frames.clone()))
        })
        .into();
    // POST http /v1/events of localhost, in HPACK's static table and literals; then RST_STREAM(CANCEL). A hundred streams a round.
    let head = [&[0x83, 0x86, 0x44, 10][..], b"/v1/events", &[0x41, 9], b"localhost"].concat();
    let begun = Instant::now();
    let rounds = flood(port, &stop, |round| {
        let stream = |number: u32| 2 * (round * 100 + number) + 1;
        let both = |number| [frame(1, END_HEADERS, stream(number), &head), frame(3, 0, stream(number), &[0, 0, 0, 8])];
        (0..100).flat_map(both).collect::<Vec<_>>().concat()
    });
    assert!(begun.elapsed() < Duration::from_secs(10), "{rounds} rounds in {:?}", begun.elapsed());
    let mut took: Vec<Duration> = (0..50).map(|_| post(port, 1000)).collect();
    took.sort_unstable();
    assert!(took[45] < Duration::from_millis(500), "{took:?}");
    stop.store(true, Ordering::Relaxed);
    for flooding in flooding {
        assert!(flooding.join().unwrap() > 0);
    }
    listener.stop();
}
