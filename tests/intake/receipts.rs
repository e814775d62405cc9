//! The engine behind the listener: an answer of 200 comes when what was posted is in the state, and not before.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use costtop::config::{Config, SourceConfig};
use costtop::engine::Engine;
use costtop::engine::bill::CostMode;
use costtop::engine::counters::Counters;
use costtop::engine::report::ReportQuery;
use costtop::run::Sources;
use costtop::run::live::{self, Wires};
use costtop::run::once::read_state;
use costtop::run::{RunError, Setup};
use costtop::time::{Timestamp, Zone};
use costtop::ui::action::Effect;
use crossbeam_channel::{Sender, bounded, unbounded};

use crate::client::{connect, free_port, gzip, send, zstd};

/// The engine's thread with a listener; its screen looks at nothing.
pub struct Running {
    pub port: u16,
    effects: Sender<Effect>,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub fn start(state: Option<&Path>) -> Running {
        let port = free_port();
        let config = Config::default();
        let source = SourceConfig::new(&format!("http://127.0.0.1:{port}"));
        let setup = Setup {
            said: Vec::new(),
            sources: Sources::new(&[source], &config).unwrap(),
            book: costtop::run::prices(&config).unwrap(),
            config,
            mode: CostMode::Auto,
            state: state.map(Path::to_path_buf),
            from_end: false,
            notify: false,
            log: None,
        };
        let (snapshots_in, snapshots) = bounded(1);
        let (effects, effects_out) = unbounded();
        let (rings, _) = bounded(1);
        let wires = Wires { snapshots: snapshots_in, effects: effects_out, rings };
        let thread = std::thread::spawn(move || {
            let _seen = snapshots;
            live::run(setup, &wires)
        });
        Running { port, effects, thread }
    }

    pub fn quit(self) {
        self.effects.send(Effect::Quit).unwrap();
        self.thread.join().unwrap().unwrap();
    }
}

fn charge(number: u32) -> String {
    format!(
        r#"{{"request_id":"req-intake-{number:08}","model":"claude-sonnet-4-6","input_tokens":{number},"output_tokens":1}}"#
    )
}

/// What a state holds, if there is one.
fn engine(state: &Path) -> Option<Engine> {
    let config = Config::default();
    let book = costtop::run::prices(&config).unwrap();
    read_state(state, &config, &book, CostMode::Auto, Timestamp::now()).unwrap().map(|read| read.engine)
}

fn requests(state: &Path) -> u64 {
    engine(state).map_or(0, |engine| engine.intake().charges)
}

/// What a state adds up to.
pub fn totals(state: &Path) -> Counters {
    let mut engine = engine(state).unwrap();
    let query = ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC };
    engine.report(&query).unwrap().totals
}

#[test]
fn whatever_was_answered_200_is_in_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let running = Running::start(Some(&state));
    let mut stream = connect(running.port);
    for number in 1..=20 {
        let answer = send(&mut stream, "POST /v1/events", &[], charge(number).as_bytes()).unwrap();
        assert_eq!((answer.status, answer.text()), (200, r#"{"records":1,"rejected":0}"#));
        // Another process looks: what it finds is on the disk.
        assert_eq!(requests(&state), u64::from(number));
    }
    running.quit();
    assert_eq!(requests(&state), 20);
}

#[test]
fn without_a_state_the_answer_comes_once_it_is_counted() {
    let running = Running::start(None);
    let answer = send(&mut connect(running.port), "POST /v1/events", &[], charge(1).as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
    running.quit();
}

#[test]
fn acknowledgements_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(folder.path().join("state"));
    let running = Running::start(Some(&state));
    let senders: Vec<_> = (0..32u32)
        .map(|sender| {
            let port = running.port;
            std::thread::spawn(move || {
                let mut stream = connect(port);
                for number in 0..10 {
                    let body = charge(1 + sender * 100 + number);
                    assert_eq!(send(&mut stream, "POST /v1/events", &[], body.as_bytes()).unwrap().status, 200);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    running.quit();
    assert_eq!(requests(&state), 320);
    let commits = costtop::store::Store::open(&state).unwrap().1.sequence;
    assert!(commits < 200, "{commits} commits for 320 answers");
}

/// Without ids, in three encodings and from three connections: it is the same body.
#[test]
fn a_body_sent_again_counts_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let without_ids = r#"{"model":"gpt-5","input_tokens":5,"output_tokens":1}
{"model":"gpt-5","input_tokens":5,"output_tokens":1}"#;
    let post = |running: &Running, headers: &[(&str, &str)], body: &[u8]| {
        let answer = send(&mut connect(running.port), "POST /v1/events", headers, body).unwrap();
        assert_eq!(answer.text(), r#"{"records":2,"rejected":0}"#);
    };
    let running = Running::start(Some(&state));
    post(&running, &[], without_ids.as_bytes());
    post(&running, &[("Content-Encoding", "gzip")], &gzip(without_ids.as_bytes()));
    running.quit();
    assert_eq!(requests(&state), 2, "two lines that are alike are two charges");
    let running = Running::start(Some(&state));
    post(&running, &[("Content-Encoding", "zstd")], &zstd(without_ids.as_bytes()));
    assert_eq!(requests(&state), 2);
    post(&running, &[], format!("{without_ids} ").as_bytes());
    running.quit();
    assert_eq!(requests(&state), 4, "another body");
}
