//! OpenTelemetry over gRPC, as an exporter's client speaks it: HTTP/2 without TLS, one message a call, the status in trailers.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::{TokioExecutor, TokioIo};

use costtop::source::{Encoding, Frame, Receiving, Signal};

use crate::client::gzip;
use crate::http::Listener;

pub const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// A path, headers, and the framed message.
pub type Call<'c> = (&'c str, &'c [(&'c str, &'c str)], Vec<u8>);

/// Calls one after the other on one connection; the message and the status of each.
pub fn call(port: u16, calls: &[Call<'_>]) -> Vec<(Vec<u8>, HeaderMap)> {
    drop(crate::client::connect(port));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.unwrap();
        tokio::spawn(connection);
        let mut answers = Vec::new();
        for (path, headers, framed) in calls {
            let mut request = Request::post(format!("http://127.0.0.1:{port}{path}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers");
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::from(framed.clone()))).unwrap();
            let (head, body) = sender.send_request(request).await.unwrap().into_parts();
            assert_eq!(head.status, 200);
            let body = body.collect().await.unwrap();
            let status = body.trailers().cloned().unwrap_or(head.headers);
            answers.push((body.to_bytes().to_vec(), status));
        }
        answers
    })
}

pub fn framed(packed: bool, message: &[u8]) -> Vec<u8> {
    [&[u8::from(packed)][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

#[test]
fn calls_are_taken_and_answered_with_what_was_rejected() {
    let listener = Listener::start(|bytes| Some(Receiving { records: 9, rejected: bytes.len() as u64 % 8 }));
    let answers = call(
        listener.port,
        &[
            (LOGS, &[], framed(false, b"12345678")),
            (TRACES, &[("grpc-encoding", "gzip")], framed(true, &gzip(b"12345678"))),
            (METRICS, &[("grpc-encoding", "gzip")], framed(false, b"123")),
        ],
    );
    for (message, status) in &answers[..2] {
        assert_eq!((message.as_slice(), &status["grpc-status"]), (&[0, 0, 0, 0, 0][..], &"0".parse().unwrap()));
    }
    // partial_success { rejected: 3, …
    assert_eq!((answers[2].0[5], answers[2].0[7..9].to_vec()), (0x0a, vec![0x08, 3]));
    let otlp = |signal| Frame::Otlp(signal, Encoding::Protobuf);
    let expected = [
        (otlp(Signal::Logs), b"12345678".to_vec()),
        (otlp(Signal::Traces), b"12345678".to_vec()),
        (otlp(Signal::Metrics), b"123".to_vec()),
    ];
    assert_eq!(listener.stop(), expected);
}

#[test]
fn a_refused_call_says_why_and_whether_to_come_again() {
    let listener = Listener::start(|bytes| (bytes == b"bad").then_some(Receiving { records: 1, rejected: 1 }));
    let answers = call(
        listener.port,
        &[
            (LOGS, &[], framed(false, b"not safe")),
            (LOGS, &[], framed(false, b"bad")),
            ("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export", &[], framed(false, b"x")),
            (LOGS, &[("grpc-encoding", "snappy")], framed(true, b"x")),
            (LOGS, &[("grpc-encoding", "gzip")], framed(true, &gzip(&vec![0; 5 << 20]))),
            (LOGS, &[], framed(false, b"two")[..6].to_vec()),
            (LOGS, &[("origin", "https://evil.example")], framed(false, b"x")),
        ],
    );
    let told: Vec<_> = answers
        .iter()
        .map(|(_, status)| (status["grpc-status"].to_str().unwrap(), status.contains_key("grpc-status-details-bin")))
        .collect();
    assert_eq!(
        told,
        [("14", true), ("3", false), ("12", false), ("12", false), ("8", false), ("3", false), ("7", false)]
    );
    listener.stop();
}
