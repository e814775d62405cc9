//! S05: one export request in three encodings, each posted three times: one and the same charge.

use serde_json::json;

use crate::client::{connect, gzip, send};
use crate::grpc::{TRACES, call, framed};
use crate::receipts::Running;

const TRACE: [u8; 16] = *b"0123456789abcdef";
const SPAN: [u8; 8] = *b"01234567";
const START: u64 = 1_795_300_000_000_000_000;

/// A field of Protobuf with bytes.
fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    [out, value.to_vec()].concat()
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    bytes(9, &[bytes(1, key.as_bytes()), bytes(2, value)].concat())
}

fn protobuf() -> Vec<u8> {
    let text = |text: &str| bytes(1, text.as_bytes());
    let number = |number: u8| vec![3 << 3, number];
    let moment = |field: u8, at: u64| [vec![field << 3 | 1], at.to_le_bytes().to_vec()].concat();
    let span = [
        bytes(1, &TRACE),
        bytes(2, &SPAN),
        bytes(5, b"chat gpt-5"),
        moment(7, START),
        moment(8, START + 1_000_000_000),
        attribute("gen_ai.operation.name", &text("chat")),
        attribute("gen_ai.provider.name", &text("openai")),
        attribute("gen_ai.request.model", &text("gpt-5")),
        attribute("gen_ai.response.model", &text("gpt-5")),
        attribute("gen_ai.response.id", &text("chatcmpl-0123456789abcdef")),
        attribute("gen_ai.usage.input_tokens", &number(100)),
        attribute("gen_ai.usage.output_tokens", &number(20)),
    ]
    .concat();
    bytes(1, &bytes(2, &bytes(2, &span)))
}

fn json() -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let number = |key: &str, value: &str| json!({"key": key, "value": {"intValue": value}});
    let span = json!({
        "traceId": hex(&TRACE), "spanId": hex(&SPAN), "name": "chat gpt-5",
        "startTimeUnixNano": START.to_string(), "endTimeUnixNano": (START + 1_000_000_000).to_string(),
        "attributes": [
            text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"),
            text("gen_ai.request.model", "gpt-5"), text("gen_ai.response.model", "gpt-5"),
            text("gen_ai.response.id", "chatcmpl-0123456789abcdef"),
            number("gen_ai.usage.input_tokens", "100"), number("gen_ai.usage.output_tokens", "20"),
        ],
    });
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string().into_bytes()
}

/// An encoding, and how it is sent.
type Send<'a> = (&'a str, &'a dyn Fn(&Running));

#[test]
fn s05_protobuf_json_and_grpc_say_the_same_and_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = |name: &str| folder.path().join(name);
    let post = |running: &Running, headers: &[(&str, &str)], body: &[u8]| {
        let answer = send(&mut connect(running.port), "POST /v1/traces", headers, body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let by_json = |running: &Running| post(running, &[("Content-Type", "application/json")], &json());
    let by_protobuf = |running: &Running| {
        let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "gzip")];
        post(running, &headers, &gzip(&protobuf()));
    };
    let by_grpc = |running: &Running| {
        let answers = call(running.port, &[(TRACES, &[], framed(false, &protobuf()))]);
        assert_eq!(answers[0].1["grpc-status"], "0");
    };
    let sends: [Send<'_>; 3] = [("json", &by_json), ("protobuf", &by_protobuf), ("grpc", &by_grpc)];
    let mut totals = Vec::new();
    for (name, send) in sends {
        let running = Running::start(Some(&state(name)));
        (0..3).for_each(|_| send(&running));
        running.quit();
        totals.push(crate::receipts::totals(&state(name)));
    }
    assert_eq!((totals[0].requests, totals[0].input, totals[0].output), (1, 100, 20));
    assert!(totals.iter().all(|other| *other == totals[0]), "{totals:?}");
    let running = Running::start(Some(&state("all")));
    for (_, send) in sends {
        send(&running);
    }
    running.quit();
    assert_eq!(crate::receipts::totals(&state("all")), totals[0]);
    println!(
        "S05: JSON, Protobuf and gRPC, 3 times each and 9 times together: the same totals, {} charge",
        totals[0].requests
    );
}
