//! Sockets: framing, rights, ends, refusals, and waiting instead of dropping.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use costtop::source::budget::ByteBudget;
use costtop::source::{Options, SourceError, SourceSpec, start};

use crate::live::Live;

#[test]
fn a_unix_socket_takes_lines_is_private_and_goes_with_us() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("c.sock");
    // Left over from a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let text = format!("unix:{}", path.display());
    let mut live = Live::start(&text, &Options::default());
    live.wait_for("catching up", |live| live.caught_up);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut sender = UnixStream::connect(&path).unwrap();
    sender.write_all(b"one\ntw").unwrap();
    live.wait_for("the first line", |live| live.lines.contains_key("one"));
    sender.write_all(b"o\n").unwrap();
    sender.write_all(&vec![b'a'; 300 << 10]).unwrap();
    sender.write_all(b"\nthree\ntorn").unwrap();
    drop(sender);
    live.wait_for("the torn end", |live| live.torn == ["torn"]);
    assert_eq!((live.lines.len(), live.too_long), (3, 1));
    let (events, _kept) = crossbeam_channel::bounded(1);
    let again = start(vec![SourceSpec::parse(0, &text).unwrap()], &Options::default(), events).unwrap_err();
    assert!(matches!(again, SourceError::SocketInUse(_)), "{again}");
    live.handle.take().unwrap().stop();
    assert!(!path.exists());
    std::fs::write(&path, "a file").unwrap();
    let (events, _kept) = crossbeam_channel::bounded(1);
    let refused = start(vec![SourceSpec::parse(0, &text).unwrap()], &Options::default(), events).unwrap_err();
    assert!(matches!(refused, SourceError::NotASocket(_)), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}

#[test]
fn a_sender_waits_when_lines_are_not_taken_and_none_is_lost() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let budget = ByteBudget::new(256 << 10);
    let options = Options { streams: budget.clone(), ..Options::default() };
    let mut live = Live::start(&format!("tcp://127.0.0.1:{port}"), &options);
    live.wait_for("catching up", |live| live.caught_up);
    let mut sender = TcpStream::connect(("127.0.0.1", port)).unwrap();
    sender.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut all = Vec::new();
    for number in 0..100_000 {
        writeln!(all, "{number} {}", "x".repeat(200)).unwrap();
    }
    let mut sent = 0;
    // Nobody takes: the kernel's buffers fill, then writing blocks.
    while let Ok(now) = sender.write(&all[sent..]) {
        sent += now;
        assert!(sent < all.len(), "21 MB went nowhere");
    }
    assert!(budget.lent() <= 256 << 10);
    sender.set_write_timeout(None).unwrap();
    let rest = std::thread::spawn(move || sender.write_all(&all[sent..]).unwrap());
    live.wait_for("all lines", |live| live.lines.len() == 100_000);
    rest.join().unwrap();
    assert!(live.lines.values().all(|count| *count == 1));
}

#[test]
fn an_endless_source_is_refused_in_one_go() {
    let (events, _kept) = crossbeam_channel::bounded(1);
    let options = Options { once: true, ..Options::default() };
    let refused = start(vec![SourceSpec::parse(0, "tcp://127.0.0.1:1").unwrap()], &options, events).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "source 'tcp://127.0.0.1:1' never ends: use it with the dashboard or 'costtop serve'"
    );
}
