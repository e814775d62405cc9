//! HTTP as a source: which requests become chunks, which questions, which are refused, and what each is answered.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use costtop::source::{
    Ask, Encoding, Event, Frame, Handle, Method, Options, Receiving, Reply, Signal, SourceSpec, start,
};
use crossbeam_channel::bounded;

use crate::client::{Answer, connect, free_port, gzip, send, zstd};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

pub type Taken = Vec<(Frame, Vec<u8>)>;

/// A listener whose bodies a thread of the test takes: each is answered with what `judge` makes of it.
pub struct Listener {
    pub port: u16,
    handle: Option<Handle>,
    taken: Option<JoinHandle<Taken>>,
}

impl Listener {
    pub fn start(judge: impl Fn(&[u8]) -> Option<Receiving> + Send + 'static) -> Listener {
        Listener::start_with(&Options::default(), judge)
    }

    pub fn start_with(options: &Options, judge: impl Fn(&[u8]) -> Option<Receiving> + Send + 'static) -> Listener {
        Listener::start_at("http", options, judge)
    }

    pub fn start_at(
        scheme: &str,
        options: &Options,
        judge: impl Fn(&[u8]) -> Option<Receiving> + Send + 'static,
    ) -> Listener {
        let port = free_port();
        let (events_in, events) = bounded(8);
        let spec = SourceSpec::parse(0, &format!("{scheme}://127.0.0.1:{port}")).unwrap();
        let handle = start(vec![spec], options, events_in).unwrap();
        let taken = std::thread::spawn(move || {
            let mut taken = Vec::new();
            for event in events {
                match event {
                    Event::Chunk(mut chunk) => {
                        let receipt = chunk.receipt.take().unwrap();
                        if let Some(receiving) = judge(&chunk.bytes) {
                            receipt.safe(receiving);
                        }
                        taken.push((chunk.frame, std::mem::take(&mut chunk.bytes)));
                    }
                    Event::Ask(ask) if ask.path == "/echo" => answer(ask),
                    _ => {}
                }
            }
            taken
        });
        Listener { port, handle: Some(handle), taken: Some(taken) }
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        send(&mut connect(self.port), &format!("POST {path}"), headers, body).unwrap()
    }

    /// What was taken until now; nothing is taken any more.
    pub fn stop(mut self) -> Taken {
        self.handle.take().unwrap().stop();
        self.taken.take().unwrap().join().unwrap()
    }
}

fn answer(ask: Ask) {
    let method = if ask.method == Method::Get { "get" } else { "post" };
    let body = format!("{method} {} {} {}", ask.query, ask.peer, String::from_utf8_lossy(&ask.body));
    ask.reply.send(Reply { status: 202, content_type: "text/plain", body: body.into_bytes() }).unwrap();
}

const fn good(records: u64) -> Receiving {
    Receiving { records, rejected: 0 }
}

#[test]
fn bodies_become_chunks_of_what_their_sender_says_they_are() {
    let listener = Listener::start(|_| Some(good(2)));
    let body = br#"[{"model":"a"},{"model":"b"}]"#;
    let answer = listener.post("/v1/events", &[], body);
    assert_eq!((answer.status, answer.text()), (200, r#"{"records":2,"rejected":0}"#));
    for (path, headers, told) in [
        ("/v1/logs", &[JSON][..], (JSON.1, "{}")),
        ("/v1/traces", &[PROTOBUF], (PROTOBUF.1, "")),
        ("/v1/metrics", &[PROTOBUF, ("Content-Encoding", "gzip")], (PROTOBUF.1, "")),
        (
            "/v1/events",
            &[("Content-Type", "application/x-www-form-urlencoded"), ("Content-Encoding", "zstd")],
            (JSON.1, r#"{"records":2,"rejected":0}"#),
        ),
    ] {
        let packed = match headers.get(1) {
            Some((_, "gzip")) => [gzip(&body[..9]), gzip(&body[9..])].concat(),
            Some(_) => zstd(body),
            None => body.to_vec(),
        };
        let answer = listener.post(path, headers, &packed);
        assert_eq!(
            (answer.status, answer.header("content-type").unwrap(), answer.text()),
            (200, told.0, told.1),
            "{path}"
        );
    }
    let frames = [
        Frame::Values,
        Frame::Otlp(Signal::Logs, Encoding::Json),
        Frame::Otlp(Signal::Traces, Encoding::Protobuf),
        Frame::Otlp(Signal::Metrics, Encoding::Protobuf),
        Frame::Values,
    ];
    assert_eq!(listener.stop(), frames.map(|frame| (frame, body.to_vec())));
}

#[test]
fn chunked_bodies_and_many_requests_on_one_connection_are_taken() {
    let listener = Listener::start(|_| Some(good(1)));
    let mut stream = connect(listener.port);
    for _ in 0..3 {
        stream
            .write_all(b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:4318\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"mod\r\n5\r\nel\":1\r\n1\r\n}\r\n0\r\n\r\n")
            .unwrap();
        assert_eq!(Answer::of(&mut stream).unwrap().status, 200);
    }
    assert_eq!(listener.stop(), vec![(Frame::Values, b"{\"model\":1}".to_vec()); 3]);
}

#[test]
fn rejected_records_are_told_in_the_senders_own_words() {
    let listener = Listener::start(|bytes| Some(Receiving { records: 3, rejected: bytes.len() as u64 }));
    let answer = listener.post("/v1/events", &[], b"1");
    assert_eq!((answer.status, answer.text()), (200, r#"{"records":3,"rejected":1}"#));
    let answer = listener.post("/v1/traces", &[JSON], b"12");
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedSpans"]), (200, &"2".into()));
    let answer = listener.post("/v1/logs", &[PROTOBUF], b"12");
    assert_eq!((answer.status, &answer.body[2..4]), (200, &[0x08, 2][..]));
    // Nothing of it could be read: to send it again would not help.
    let answer = listener.post("/v1/events", &[], b"123");
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].is_string());
    let answer = listener.post("/v1/metrics", &[JSON], b"123");
    assert_eq!((answer.status, &answer.json()["code"]), (400, &3.into()));
    listener.stop();
}

#[test]
fn a_body_that_is_not_safe_is_answered_503_and_never_200() {
    let listener = Listener::start(|_| None);
    for (path, headers) in [("/v1/events", &[][..]), ("/v1/logs", &[PROTOBUF])] {
        let answer = listener.post(path, headers, b"{}");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
    }
    listener.stop();
}

#[test]
fn questions_are_asked_and_answered_and_what_is_dropped_unanswered_is_503() {
    let listener = Listener::start(|_| None);
    let mut stream = connect(listener.port);
    let answer = send(&mut stream, "GET /echo?a=1&b=%20", &[], b"").unwrap();
    assert_eq!((answer.status, answer.text()), (202, "get a=1&b=%20 127.0.0.1 "));
    let answer = send(&mut stream, "POST /echo", &[], b"body").unwrap();
    assert_eq!((answer.status, answer.text()), (202, "post  127.0.0.1 body"));
    let answer = send(&mut stream, "GET /script", &[], b"").unwrap();
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("script"), "nothing is repeated: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    listener.stop();
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_reason() {
    let listener = Listener::start(|_| Some(good(1)));
    let refused = |start: &str, headers: &[(&str, &str)], body: &[u8]| {
        let answer = send(&mut connect(listener.port), start, headers, body).unwrap();
        assert!(answer.json()["error"].is_string() || answer.json()["message"].is_string(), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        answer.status
    };
    assert_eq!(refused("GET /v1/events", &[], b""), 405);
    assert_eq!(refused("DELETE /v1/snapshot", &[], b""), 405);
    assert_eq!(refused("POST /v1/logs", &[("Content-Type", "text/plain")], b"x"), 415);
    assert_eq!(refused("POST /v1/logs", &[], b"x"), 415);
    assert_eq!(refused("POST /v1/events", &[("Content-Type", "multipart/form-data; boundary=x")], b"x"), 415);
    assert_eq!(refused("POST /v1/events", &[("Content-Encoding", "br")], b"x"), 415);
    assert_eq!(refused("POST /v1/events", &[("Content-Encoding", "gzip")], b"plain"), 400);
    assert_eq!(refused("POST /v1/events", &[("Content-Encoding", "gzip")], &gzip(b"torn")[..12]), 400);
    // A page of somebody's in a browser: by its origin, or by a name that was made to mean this machine.
    assert_eq!(refused("POST /v1/events", &[("Origin", "https://evil.example")], b"{}"), 403);
    assert_eq!(refused("GET /v1/snapshot", &[("Host", "evil.example:4318")], b""), 421);
    assert!(listener.stop().is_empty());
}

#[test]
fn a_body_beyond_the_cap_is_refused_before_it_is_read_or_unpacked() {
    let listener = Listener::start(|_| Some(good(1)));
    let mut stream = connect(listener.port);
    stream.write_all(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20971521\r\n\r\n").unwrap();
    assert_eq!(Answer::of(&mut stream).unwrap().status, 413);
    // A thousand times as large as it came.
    let bomb = gzip(&vec![b' '; 40 << 20]);
    assert!(bomb.len() < 50_000);
    assert_eq!(listener.post("/v1/events", &[("Content-Encoding", "gzip")], &bomb).status, 413);
    let large = [b"{\"model\":\"".to_vec(), vec![b'x'; (20 << 20) - 12], b"\"}".to_vec()].concat();
    assert_eq!(listener.post("/v1/events", &[], &large).status, 200);
    assert_eq!(listener.stop(), vec![(Frame::Values, large)]);
}

#[test]
fn a_socket_for_questions_knows_its_user_and_takes_no_bodies() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("control");
    let options = Options { control: Some(path.clone()), ..Options::default() };
    let listener = Listener::start_with(&options, |_| Some(good(1)));
    let mut stream = UnixStream::connect(&path).unwrap();
    let answer = send(&mut stream, "GET /echo", &[("Host", "anything")], b"").unwrap();
    // SAFETY: no arguments, no memory.
    let user = unsafe { libc::getuid() };
    assert_eq!(answer.text(), format!("get  unix uid {user} "));
    assert_eq!(send(&mut stream, "POST /v1/events", &[], b"{}").unwrap().status, 404);
    assert!(listener.stop().is_empty());
    assert!(!path.exists());
}

/// The first byte of HTTP/2 without upgrade, as gRPC begins.
#[test]
fn http_2_is_spoken_on_the_same_port() {
    let listener = Listener::start(|_| Some(good(1)));
    let mut stream = connect(listener.port);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "settings come first");
    listener.stop();
}
