//! Many senders at once, each as fast as it is let: over HTTP until every body is acknowledged, and lines on the socket.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

/// Charges of one body.
const BODY: u64 = 500;
/// A refused body is sent again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// Of four connections, so many speak HTTP.
const HTTP_OF_FOUR: u64 = 3;

/// What one sender achieved.
pub struct Sent {
    /// Charges that were acknowledged, or written to the socket.
    pub charges: u64,
    /// Bodies that were refused at first.
    pub refused: u64,
}

/// Starts `connections` senders; they end with the first whole body after `seconds`.
pub fn start(port: u16, socket: &Path, connections: u64, seconds: u64, users: u64) -> Vec<JoinHandle<Result<Sent>>> {
    let stop = Arc::new(AtomicBool::new(false));
    let timer = Arc::clone(&stop);
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        timer.store(true, Ordering::Relaxed);
    });
    (0..connections)
        .map(|sender| {
            let (stop, socket) = (Arc::clone(&stop), socket.to_path_buf());
            thread::spawn(move || {
                if sender % 4 < HTTP_OF_FOUR {
                    post(port, sender, users, &stop)
                } else {
                    write(&socket, sender, users, &stop)
                }
            })
        })
        .collect()
}

/// Waits for all senders.
pub fn join(senders: Vec<JoinHandle<Result<Sent>>>) -> Result<Sent> {
    let mut all = Sent { charges: 0, refused: 0 };
    for sender in senders {
        let sent = sender.join().map_err(|_| anyhow!("a sender panicked"))??;
        all.charges += sent.charges;
        all.refused += sent.refused;
    }
    Ok(all)
}

fn body(sender: u64, from: u64, users: u64, out: &mut String) -> Result<()> {
    out.clear();
    let now = costtop::time::Timestamp::now();
    for number in from..from + BODY {
        let user = (number * 31 + sender) % users;
        writeln!(
            out,
            "{{\"request_id\":\"req_flood_{sender:03}_{number:012}\",\"ts\":\"{now}\",\"user\":\"user-{user:06}\",\"session_id\":\"run-{}\",\"model\":\"claude-sonnet-4-6\",\"input_tokens\":{},\"output_tokens\":{}}}",
            number % 4096,
            number % 4000,
            number % 900,
        )?;
    }
    Ok(())
}

fn post(port: u16, sender: u64, users: u64, stop: &AtomicBool) -> Result<Sent> {
    let mut sent = Sent { charges: 0, refused: 0 };
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut text = String::new();
    while !stop.load(Ordering::Relaxed) {
        body(sender, sent.charges, users, &mut text)?;
        let begun = Instant::now();
        loop {
            match answer(&mut stream, &text) {
                Ok(200) => break,
                Ok(503) => sent.refused += 1,
                Ok(status) => bail!("answered {status}"),
                // Let go while it waited: a place is asked for anew, and the body counts once.
                Err(_) => stream = TcpStream::connect(("127.0.0.1", port))?,
            }
            if begun.elapsed() > Duration::from_secs(60) {
                bail!("a body was refused for a minute");
            }
            thread::sleep(AGAIN);
        }
        sent.charges += BODY;
    }
    Ok(sent)
}

/// Sends a body and reads the status of the answer, and the answer to its end.
fn answer(stream: &mut TcpStream, body: &str) -> io::Result<u16> {
    let head = format!("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&buffer[..read]);
        // Answers are JSON objects on one line.
        if text.windows(4).any(|window| window == b"\r\n\r\n") && text.ends_with(b"}") {
            break;
        }
    }
    let status = text.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
    status.and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
}

fn write(socket: &Path, sender: u64, users: u64, stop: &AtomicBool) -> Result<Sent> {
    let mut sent = Sent { charges: 0, refused: 0 };
    let mut stream = UnixStream::connect(socket)?;
    let mut text = String::new();
    while !stop.load(Ordering::Relaxed) {
        body(sender, sent.charges, users, &mut text)?;
        stream.write_all(text.as_bytes())?;
        sent.charges += BODY;
    }
    Ok(sent)
}
