//! As many senders as there are places, each as fast as it is let, against a server without a screen (S01).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::{alone, connect, send};
use crate::process::{Server, World, most_memory};

const CONNECTIONS: u64 = 64;
/// Charges of one body.
const BODY: u64 = 200;
const MOST_MEMORY: u64 = 256 << 20;
/// Nothing takes so long unless it is broken, on a machine that is busy with other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

fn body(sender: u64, from: u64) -> String {
    let charge = |number: u64| {
        format!(
            "{{\"request_id\":\"req-flood-{sender}-{number:09}\",\"model\":\"claude-sonnet-4-6\",\"user\":\"u{}\",\"input_tokens\":10,\"output_tokens\":1}}\n",
            number % 500
        )
    };
    (from..from + BODY).map(charge).collect()
}

/// Posts until told to stop, each body until it is acknowledged; how many charges were, and how often one was refused.
fn post(port: u16, sender: u64, stop: &AtomicBool) -> (u64, u64) {
    let (mut acknowledged, mut refused) = (0, 0);
    let mut stream = connect(port);
    while !stop.load(Ordering::Relaxed) {
        let body = body(sender, acknowledged);
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "a body was refused for too long");
            match send(&mut stream, "POST /v1/events", &[], body.as_bytes()) {
                Ok(answer) if answer.status == 200 => {
                    assert_eq!(answer.json()["records"], BODY);
                    break;
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                // Its place was given to another: it asks for one anew.
                Err(_) => stream = connect(port),
            }
            refused += 1;
        }
        acknowledged += BODY;
    }
    (acknowledged, refused)
}

#[test]
fn s01_what_64_connections_send_as_fast_as_they_can_is_counted_in_bounded_memory() {
    let _alone = alone();
    let world = World::new();
    let server = Server::start(&world);
    drop(connect(world.port));
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|sender| {
            let (port, stop) = (world.port, Arc::clone(&stop));
            std::thread::spawn(move || post(port, sender, &stop))
        })
        .collect();
    std::thread::sleep(Duration::from_secs(3));
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (0, 0);
    for sender in senders {
        let sent = sender.join().unwrap();
        acknowledged += sent.0;
        refused += sent.1;
    }
    let passed = begun.elapsed();
    let memory = most_memory(server.process());
    server.end();
    println!(
        "S01: {acknowledged} charges acknowledged in {passed:?}, {refused} times refused; at most {} MiB",
        memory >> 20
    );
    assert!(acknowledged >= CONNECTIONS * BODY, "{acknowledged}");
    assert_eq!(world.requests(), acknowledged);
    assert!(memory <= MOST_MEMORY, "{memory} bytes");
}
