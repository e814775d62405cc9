//! Datagrams: a record each; on a unix socket the sender waits, over UDP the kernel's losses are counted to the last one.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use costtop::source::budget::ByteBudget;
use costtop::source::{Event, Handle, Options, SourceSpec, start};
use crossbeam_channel::{Receiver, bounded};

use crate::client::free_port;

fn listen(text: &str, options: &Options) -> (Handle, Receiver<Event>) {
    let (events_in, events) = bounded(8);
    (start(vec![SourceSpec::parse(0, text).unwrap()], options, events_in).unwrap(), events)
}

/// What came: lines, those that were too long, and what the kernel dropped.
#[derive(Debug, Default)]
struct Came {
    lines: Vec<String>,
    too_long: u64,
    dropped: u64,
    /// As the source's status tells it.
    told: u64,
}

impl Came {
    /// Takes until `enough`.
    fn until(&mut self, events: &Receiver<Event>, enough: impl Fn(&Came) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !enough(self) {
            match events.recv_deadline(end).unwrap_or_else(|_| panic!("not in time: {self:?}")) {
                Event::Chunk(chunk) => {
                    let text = String::from_utf8(chunk.bytes).unwrap();
                    self.lines.extend(text.lines().map(str::to_owned));
                    self.too_long += chunk.too_long;
                    self.dropped += chunk.dropped;
                }
                Event::Status(status) => self.told = status.dropped,
                _ => {}
            }
        }
    }
}

#[test]
fn a_unix_datagram_is_a_record_with_or_without_its_newline() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("d.sock");
    // Left over from a process that was killed.
    drop(UnixDatagram::bind(&path).unwrap());
    let (handle, events) = listen(&format!("unixgram:{}", path.display()), &Options::default());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(&path).unwrap();
    let long = "x".repeat(64 << 10);
    for record in ["one", "two\n", &format!("{long}y"), &long] {
        sender.send(record.as_bytes()).unwrap();
    }
    let mut came = Came::default();
    came.until(&events, |came| came.lines.len() == 3);
    assert_eq!(
        (came.lines[0].as_str(), came.lines[1].as_str(), came.lines[2].len(), came.too_long),
        ("one", "two", 64 << 10, 1)
    );
    handle.stop();
    assert!(!path.exists());
}

#[test]
fn a_unix_sender_waits_while_nothing_is_taken_and_none_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("d.sock");
    let options = Options { streams: ByteBudget::new(256 << 10), ..Options::default() };
    let (handle, events) = listen(&format!("unixgram:{}", path.display()), &options);
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(&path).unwrap();
    sender.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let record = |number: usize| format!("{number} {}", "x".repeat(2000));
    let mut sent = 0;
    // Nobody takes: the queue fills, then the sender waits.
    while sender.send(record(sent).as_bytes()).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "nothing holds the sender up");
    }
    let mut came = Came::default();
    came.until(&events, |came| came.lines.len() == sent);
    for (number, line) in came.lines.iter().enumerate() {
        assert!(line.starts_with(&format!("{number} ")), "{number}: in order and whole");
    }
    handle.stop();
}

/// S07: more is sent than the kernel holds while nothing is taken.
#[cfg(target_os = "linux")]
#[test]
fn s07_what_udp_loses_is_counted_to_the_last_datagram() {
    let port = free_port();
    let options = Options { streams: ByteBudget::new(256 << 10), ..Options::default() };
    let (handle, events) = listen(&format!("udp://127.0.0.1:{port}"), &options);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(("127.0.0.1", port)).unwrap();
    let sent = 50_000;
    for number in 0..sent {
        sender.send(format!("{number} {}", "x".repeat(200)).as_bytes()).unwrap();
    }
    sender.send(&vec![b'x'; (8 << 10) + 1]).unwrap_or_default();
    let mut came = Came::default();
    came.until(&events, |came| {
        came.lines.len() as u64 + came.dropped + came.too_long == sent + 1 && came.told == came.dropped
    });
    assert!(came.dropped > 0, "the kernel held all: send more");
    println!(
        "S07: {} sent = {} counted + {} dropped + {} too long",
        sent + 1,
        came.lines.len(),
        came.dropped,
        came.too_long
    );
    handle.stop();
}
