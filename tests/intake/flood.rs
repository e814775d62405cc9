//! As many senders as there are places, each as fast as it is let, against a server without a screen (S01).

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::{alone, connect, send};
use crate::process::{World, most_memory};

const CONNECTIONS: u64 = 64;
/// Charges of one body.
const BODY: u64 = 200;
const MOST_MEMORY: u64 = 256 << 20;
/// Nothing takes so long unless it is broken, on a machine that is busy with other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// `costtop serve`, killed when a test ends before it.
struct Server(Child);

impl Server {
    fn start(world: &World) -> Server {
        let listen = format!("127.0.0.1:{}", world.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
        command.args(["serve", "--listen", &listen, "--state", World::STATE]).envs(world.environment());
        Server(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Asks it to end as a supervisor does, and waits until it has.
    fn end(mut self) {
        let process = i32::try_from(self.0.id()).unwrap();
        // SAFETY: kill(2) touches no memory; the child has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(process, libc::SIGTERM) }, 0);
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
fn what_64_connections_send_as_fast_as_they_can_is_counted_in_bounded_memory() {
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
    let memory = most_memory(server.0.id());
    server.end();
    println!(
        "{acknowledged} charges acknowledged in {passed:?}, {refused} times refused; at most {} MiB",
        memory >> 20
    );
    assert!(acknowledged >= CONNECTIONS * BODY, "{acknowledged}");
    assert_eq!(world.requests(), acknowledged);
    assert!(memory <= MOST_MEMORY, "{memory} bytes");
}
