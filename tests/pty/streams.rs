//! Standard input beside the keyboard, unix sockets and TCP.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::console::{Console, PATIENCE};
use super::place::{COSTTOP, Place, charge, text};

#[test]
fn lines_come_through_a_pipe_while_keys_come_from_the_terminal() {
    let place = Place::new();
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The shell opens the pipe and becomes the program: the terminal stays its controlling one.
    let script = r#"exec "$0" - < "$1""#;
    let mut console = Console::start(place.command("/bin/sh", &["-c", script, COSTTOP, text(&pipe)]), 120, 36);
    let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    console.wait_for_text("● LIVE");
    writer.write_all(charge("one", "ana", "1.25").as_bytes()).unwrap();
    console.wait_for_text("$1.25");
    console.press("?");
    console.wait_for_text("esc closes");
    console.press("\x1b");
    console.wait_until_gone("esc closes");
    // A line that ends with the stream instead of a newline counts, too.
    writer.write_all(charge("two", "ana", "2.00").trim_end().as_bytes()).unwrap();
    drop(writer);
    console.wait_for("the end of the stream", |seen| seen.shows("■ ENDED") && seen.shows("$3.25"));
    console.press("z");
    console.wait_for_text("overview ▸ models");
    console.resize(80, 24);
    console.wait_for_text("⇥ users");
    console.quit();
}

#[test]
fn a_pipe_that_is_gone_at_once_leaves_the_dashboard_open() {
    let place = Place::new();
    let mut console = Console::start(place.command("/bin/sh", &["-c", r#"exec "$0" - < /dev/null"#, COSTTOP]), 120, 36);
    console.wait_for_text("■ ENDED");
    console.quit();
}

#[test]
fn a_closed_terminal_ends_it_while_its_pipe_is_open() {
    let place = Place::new();
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = r#"trap "" HUP; "$0" - < "$1"; echo "ended $?" > end"#;
    let mut console = Console::start(place.command("/bin/sh", &["-c", script, COSTTOP, text(&pipe)]), 120, 36);
    let _writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    console.wait_for_text("● LIVE");
    console.hang_up();
    console.wait_for_end(Duration::from_secs(10));
    assert_eq!(std::fs::read_to_string(place.path("end")).unwrap(), "ended 1\n");
}

#[test]
fn a_unix_socket_is_its_owners_alone_and_takes_lines_of_many() {
    let place = Place::new();
    let path = place.path("s.sock");
    let mut console = place.open(&[&format!("unix:{}", path.display())]);
    console.wait_for_text("● LIVE");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut writers: Vec<_> = (0..8).map(|_| UnixStream::connect(&path).unwrap()).collect();
    send(&mut writers);
    console.wait_for_text("$24.00");
    drop(writers);
    console.quit();
    assert!(!path.exists(), "the socket is left behind");
}

#[test]
fn a_tcp_listener_takes_lines_of_many() {
    let place = Place::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut console = place.open(&[&format!("tcp://127.0.0.1:{port}")]);
    console.wait_for_text("● LIVE");
    let until = Instant::now() + PATIENCE;
    let connect = || loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    let mut writers: Vec<_> = (0..8).map(|_| connect()).collect();
    send(&mut writers);
    console.wait_for_text("$24.00");
    // Only this machine may send: another address is refused before anything is opened.
    let refused = place.piped(&["report", "tcp://0.0.0.0:4777"]);
    assert_eq!(refused.status.code(), Some(78));
    console.quit();
}

/// Two lines of a dollar from each, the second in pieces, then one of a dollar without its newline before the end.
fn send(writers: &mut Vec<impl Write>) {
    for (at, writer) in writers.iter_mut().enumerate() {
        writer.write_all(charge(&format!("{at} whole"), "ana", "1.00").as_bytes()).unwrap();
    }
    let lines: Vec<_> = (0..writers.len()).map(|at| charge(&format!("{at} in pieces"), "ben", "1.00")).collect();
    for half in [0..60, 60..usize::MAX] {
        for (line, writer) in lines.iter().zip(writers.iter_mut()) {
            writer.write_all(&line.as_bytes()[half.start..half.end.min(line.len())]).unwrap();
            writer.flush().unwrap();
        }
    }
    for (at, writer) in writers.iter_mut().enumerate() {
        writer.write_all(charge(&format!("{at} last"), "eva", "1.00").trim_end().as_bytes()).unwrap();
    }
    writers.clear();
}
