//! How fast lines become usage, in bytes per second of the thread's CPU time and format: others on the same machine do not count. Own NDJSON and Claude Code lines are generated, OpenTelemetry's are bodies
//! of a real exporter, the others are a fixture's, of `LiteLLM` the whole ones. `SCAN_FILE=history.jsonl cargo bench --bench scan` adds a
//! file of yours.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use costtop::format::Decoder;
use costtop::format::scanner::Scanner;
use costtop::source::{Encoding, Frame, Signal};
use costtop::time::Zone;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput};

/// Bytes of one workload: larger than the caches.
const SIZE: usize = 16 << 20;
/// Lines of `LiteLLM` carry every price of their model; the fixture's others are shortened.
const WHOLE_PAYLOAD: usize = 12_000;

/// CPU time of the thread, in nanoseconds; told as wall time is.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the clock exists on every system that costtop runs on, and `now` is where it is written.
        let said = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
        assert_eq!(said, 0, "no clock of the thread");
        Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).expect("less than a second"))
    }

    fn end(&self, since: Duration) -> Duration {
        self.start().saturating_sub(since)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn own() -> String {
    let mut lines = String::new();
    for n in 0.. {
        let (user, output) = (n * 7 % 120, n * 31 % 2000);
        writeln!(
            lines,
            r#"{{"ts":"2026-11-21T10:{:02}:{:02}.{:03}Z","request_id":"req_{n:016x}","session_id":"s-{}","user":"user-{user}","team":"team-{}","feature":"chat","model":"claude-sonnet-4-5","input_tokens":{},"output_tokens":{output},"cache_read_tokens":48211,"cache_write_tokens":903,"status":200,"cost_usd":"0.0230605"}}"#,
            n / 60_000 % 60,
            n / 1000 % 60,
            n % 1000,
            n / 40,
            user % 9,
            n % 5000
        )
        .expect("writing to a string");
        if lines.len() > SIZE {
            break;
        }
    }
    lines
}

/// Half of the lines are tool results, half answers with a usage at their end; 2 kB each, with a newline escape every 60 bytes.
fn claude_code() -> String {
    let code = r#"    let value = map.get(\"key\").unwrap_or_default(); // caf\u00e9\n"#.repeat(14);
    let prose = "the function returns an error when the configuration lacks a value; ".repeat(12);
    let mut lines = String::new();
    for n in 0.. {
        let head = format!(
            r#"{{"parentUuid":"5e0c8f5a-6f0e-4f5e-9b0d-{n:012x}","isSidechain":false,"userType":"external","cwd":"/home/ada/src/webapp","sessionId":"5e0c8f5a-6f0e-4f5e-9b0d-{:012x}","version":"2.1.180","gitBranch":"main","#,
            n / 300
        );
        if n % 2 == 0 {
            writeln!(lines, r#"{head}"type":"user","message":{{"role":"user","content":[{{"type":"tool_result","content":"{code}"}}]}},"toolUseResult":{{"stdout":"{code}"}},"timestamp":"2026-11-21T10:00:00.123Z"}}"#)
        } else {
            writeln!(lines, r#"{head}"type":"assistant","uuid":"u","timestamp":"2026-11-21T10:00:00.123Z","message":{{"model":"claude-opus-4-5-20251101","id":"msg_01{n:022}","type":"message","role":"assistant","content":[{{"type":"thinking","thinking":"{prose}"}},{{"type":"tool_use","name":"Edit","input":{{"old_string":"{code}","new_string":"{prose}"}}}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{{"input_tokens":{},"cache_creation_input_tokens":903,"cache_read_input_tokens":48211,"cache_creation":{{"ephemeral_5m_input_tokens":903,"ephemeral_1h_input_tokens":0}},"output_tokens":345,"service_tier":"standard"}}}},"requestId":"req_011C{n:020}"}}"#, n % 12)
        }
        .expect("writing to a string");
        if lines.len() > SIZE {
            break;
        }
    }
    lines
}

fn litellm() -> String {
    let whole: String = include_str!("../tests/fixtures/formats/litellm.jsonl")
        .split_inclusive('\n')
        .filter(|line| line.len() >= WHOLE_PAYLOAD)
        .collect();
    whole.repeat(SIZE / whole.len() + 1)
}

/// What an exporter for Python sent: five events of Claude Code, five spans, each with all its attributes.
fn otlp() -> String {
    let whole: String = include_str!("../tests/fixtures/formats/otlp.jsonl").split_inclusive('\n').take(2).collect();
    whole.repeat(SIZE / whole.len() + 1)
}

/// The same in protobuf.
const BODIES: [(Signal, &[u8]); 2] = [
    (Signal::Traces, include_bytes!("../tests/fixtures/otlp/traces.pb")),
    (Signal::Logs, include_bytes!("../tests/fixtures/otlp/logs.pb")),
];

fn protobuf(group: &mut BenchmarkGroup<'_, CpuTime>) {
    let times = SIZE / BODIES.iter().map(|(_, body)| body.len()).sum::<usize>() + 1;
    group.throughput(Throughput::Bytes((times * BODIES.iter().map(|(_, body)| body.len()).sum::<usize>()) as u64));
    group.bench_function("decode/otlp-protobuf", |bencher| {
        bencher.iter(|| {
            let mut decoder = Decoder::new(Zone::UTC);
            let mut tokens = 0;
            for (signal, body) in std::iter::repeat_n(BODIES, times).flatten() {
                decoder.decode_body(Frame::Otlp(signal, Encoding::Protobuf), 0, body, &mut |_, result| {
                    if let Ok(usage) = result {
                        tokens += black_box(usage).tokens.total();
                    }
                });
            }
            tokens
        });
    });
}

/// A fixture's lines over and over.
fn repeated(fixture: &str) -> String {
    fixture.repeat(SIZE / fixture.len() + 1)
}

/// Cuts at newlines by `memchr`, as the sources do, so that cutting does not drown what is measured.
fn each_line(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes).map(move |end| &bytes[std::mem::replace(&mut start, end + 1)..end])
}

fn scan(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(20);
    let mut workloads = vec![
        ("own", own()),
        ("claude-code", claude_code()),
        ("litellm", litellm()),
        ("otlp", otlp()),
        ("litellm-spend", repeated(include_str!("../tests/fixtures/formats/litellm_spend.jsonl"))),
        ("answers", repeated(include_str!("../tests/fixtures/formats/answers.jsonl"))),
        ("bedrock-log", repeated(include_str!("../tests/fixtures/formats/bedrock_log.jsonl"))),
        ("mapped", repeated(include_str!("../tests/fixtures/formats/mapped.jsonl"))),
        ("wrapped", repeated(include_str!("../tests/fixtures/formats/wrapped.log"))),
        ("codex", repeated(include_str!("../tests/fixtures/formats/codex/parent.jsonl"))),
        ("gemini-cli", repeated(include_str!("../tests/fixtures/formats/agents/gemini_cli.jsonl"))),
        ("opencode", repeated(include_str!("../tests/fixtures/formats/agents/opencode.jsonl"))),
        ("pi", repeated(include_str!("../tests/fixtures/formats/agents/pi.jsonl"))),
        ("stream", repeated(include_str!("../tests/fixtures/formats/agents/stream.jsonl"))),
    ];
    if let Some(path) = std::env::var_os("SCAN_FILE") {
        let bytes = std::fs::read(&path).expect("SCAN_FILE names a readable file");
        workloads.push(("file", String::from_utf8_lossy(&bytes).into_owned()));
    }
    for (name, lines) in &workloads {
        group.throughput(Throughput::Bytes(lines.len() as u64));
        group.bench_function(format!("decode/{name}"), |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new(Zone::UTC);
                let mut tokens = 0;
                for line in each_line(lines.as_bytes()) {
                    decoder.decode(0, line, &mut |_, result| {
                        if let Ok(usage) = result {
                            tokens += black_box(usage).tokens.total();
                        }
                    });
                }
                tokens
            });
        });
        group.bench_function(format!("skip/{name}"), |bencher| {
            bencher.iter(|| {
                let whole = |line: &[u8]| {
                    let mut scanner = Scanner::new(line);
                    scanner.skip().and_then(|()| scanner.end()).is_ok()
                };
                each_line(lines.as_bytes()).filter(|line| whole(line)).count()
            });
        });
    }
    protobuf(&mut group);
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    scan(&mut criterion);
    criterion.final_summary();
}
