//! Random histories of files whose lines hang on those before: running totals, settings that hold until they change. Files grow, are
//! archived, packed and copied, the process dies; every statement bills once what it would bill had the file been read in one go.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use costtop::config::PriceConfig;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Place, Surroundings};
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::follow::{FollowOptions, Follower, Look};
use costtop::source::{Event, Position};
use costtop::time::Zone;
use costtop::usage::{Ids, RawText, Tokens, Usage};
use proptest::prelude::*;
use serde_json::json;

use crate::codex::statements;
use crate::world::{config, follower, packed};

const KEY: IdentityKey = IdentityKey(1, 2);
const SESSIONS: usize = 3;

#[derive(Clone, Debug)]
enum Act {
    /// A turn of a session: so much input, settings or not, told once or twice.
    Turn(usize, u32, bool, bool),
    /// Half a line.
    Part(usize),
    Poll,
    /// Moved to the archive's folder.
    Archive(usize),
    /// Packed, the original removed.
    Pack(usize),
    /// A copy beside a session that lives.
    Copy(usize),
    Restart,
    DieInPoll(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let session = 0..SESSIONS;
    prop_oneof![
        8 => (session.clone(), 1u32..9000, any::<bool>(), any::<bool>())
            .prop_map(|(session, input, settings, twice)| Act::Turn(session, input, settings, twice)),
        2 => session.clone().prop_map(Act::Part),
        5 => Just(Act::Poll),
        1 => session.clone().prop_map(Act::Archive),
        1 => session.clone().prop_map(Act::Pack),
        1 => session.prop_map(Act::Copy),
        2 => Just(Act::Restart),
        2 => (1usize..4).prop_map(Act::DieInPoll),
    ]
}

/// One session's file as it was written.
#[derive(Default)]
struct Session {
    text: String,
    total: u32,
    /// Half a line stands at its end.
    part: Option<String>,
    archived: bool,
    packed: bool,
}

/// Follower and decoder, and what a state would hold of them.
struct Reading {
    home: tempfile::TempDir,
    follower: Follower,
    decoder: LineDecoder,
    generations: Arc<AtomicU32>,
    saved: BTreeMap<u32, Position>,
    billed: Vec<(u128, Tokens, String)>,
    now: Instant,
}

fn decoder() -> LineDecoder {
    let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
    let around = [Surroundings::default()].into();
    LineDecoder::new(Shared {
        zone: Zone::UTC,
        key: KEY,
        book,
        around,
        labels: None,
        keep_names: false,
        bodies: Arc::default(),
    })
}

impl Reading {
    fn new() -> Reading {
        let home = tempfile::tempdir().unwrap();
        for folder in ["sessions", "archived_sessions"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        let generations = Arc::new(AtomicU32::new(1));
        let text = home.path().display().to_string();
        let follower = follower(&text, &FollowOptions::default(), &[], &generations);
        let (saved, billed) = (BTreeMap::new(), Vec::new());
        Reading { home, follower, decoder: decoder(), generations, saved, billed, now: Instant::now() }
    }

    /// What a batch says and its position are kept together; what comes after `kept` events dies with the process.
    fn poll(&mut self, kept: usize) {
        self.now += Duration::from_secs(2);
        let mut events = Vec::new();
        let mut sink = |event: Event| {
            events.push(event);
            events.len() < kept
        };
        self.follower.poll(self.now, Look::Everything, &mut sink);
        for event in events {
            let Event::Chunk(chunk) = event else { continue };
            let decoded = self.decoder.decode(chunk);
            assert_eq!(decoded.batch.intake.rejected_total(), 0);
            for record in &decoded.batch.records {
                let dimensions = decoded.batch.dimensions(record);
                let labels = dimensions.map(|label| decoded.batch.labels[label as usize].to_string());
                self.billed.push((record.ids.response, record.tokens, labels.join(" ")));
            }
            // What is read again has none.
            if let Some(position) = decoded.position {
                self.saved.insert(position.generation, position);
            }
        }
    }

    fn restart(&mut self) {
        let saved: Vec<Position> = self.saved.values().cloned().collect();
        self.generations.store(self.saved.keys().max().map_or(1, |last| last + 1), Ordering::Relaxed);
        let text = self.home.path().display().to_string();
        self.follower = follower(&text, &FollowOptions::default(), &saved, &self.generations);
        self.decoder = decoder();
        self.decoder.resume(saved.iter());
    }
}

fn path(home: &tempfile::TempDir, number: usize, session: &Session) -> std::path::PathBuf {
    let folder = if session.archived { "archived_sessions" } else { "sessions" };
    home.path().join(folder).join(format!("rollout-{number}.jsonl"))
}

fn append(home: &tempfile::TempDir, number: usize, session: &mut Session, text: &str) {
    use std::io::Write as _;
    let text = session.part.take().unwrap_or_default() + text;
    let mut file = fs::File::options().append(true).create(true).open(path(home, number, session)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    session.text += &text;
}

fn lines_of(number: usize, session: &mut Session, input: u32, settings: bool, twice: bool) -> String {
    let mut lines = Vec::new();
    if session.text.is_empty() {
        // Longer than a head, so that a copy is known by its marks.
        let pad = format!("{number}").repeat(1500);
        let id = format!("019f6a10-3c1e-7a40-9b1d-00000000000{number}");
        let payload = json!({"id": id, "cwd": format!("/src/{number}"), "base_instructions": pad});
        lines.push(json!({"type": "session_meta", "payload": payload}));
    }
    if settings || session.text.is_empty() {
        let model = ["gpt-5.6-sol", "gpt-5.6-luna"][input as usize % 2];
        lines.push(json!({"type": "turn_context", "payload": {"model": model}}));
    }
    session.total += input;
    let info =
        json!({"total_token_usage": {"input_tokens": session.total}, "last_token_usage": {"input_tokens": input}});
    for _ in 0..=usize::from(twice) {
        lines.push(json!({"type": "event_msg", "payload": {"type": "token_count", "info": info}}));
    }
    lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

fn play(acts: &[Act]) -> Result<(), TestCaseError> {
    let mut reading = Reading::new();
    let mut sessions: [Session; SESSIONS] = Default::default();
    for act in acts {
        match *act {
            Act::Turn(number, input, settings, twice) => {
                let session = &mut sessions[number];
                if !session.packed {
                    let text = lines_of(number, session, input, settings, twice);
                    append(&reading.home, number, session, &text);
                }
            }
            Act::Part(number) => {
                let session = &mut sessions[number];
                if !session.packed && !session.text.is_empty() && session.part.is_none() {
                    let line = "{\"type\":\"response_item\",\"payload\":{\"content\":\"half\"}}\n";
                    append(&reading.home, number, session, &line[..20]);
                    session.part = Some(line[20..].to_owned());
                }
            }
            Act::Poll => reading.poll(usize::MAX),
            Act::Archive(number) => {
                let session = &mut sessions[number];
                if !session.packed && !session.archived && !session.text.is_empty() {
                    let from = path(&reading.home, number, session);
                    session.archived = true;
                    fs::rename(from, path(&reading.home, number, session)).unwrap();
                }
            }
            Act::Pack(number) => {
                let session = &mut sessions[number];
                if !session.packed && !session.text.is_empty() && session.part.is_none() {
                    let plain = path(&reading.home, number, session);
                    let zst = plain.with_extension("jsonl.zst");
                    fs::write(&zst, packed(&zst.display().to_string(), session.text.as_bytes())).unwrap();
                    fs::remove_file(plain).unwrap();
                    session.packed = true;
                }
            }
            Act::Copy(number) => {
                let session = &sessions[number];
                if !session.packed && !session.text.is_empty() {
                    reading.poll(usize::MAX);
                    let copy = reading.home.path().join("sessions").join(format!("copy-{number}.jsonl"));
                    // A backup is a new file each time: an older one, shorter by now, is still a copy.
                    let _ = fs::remove_file(&copy);
                    fs::copy(path(&reading.home, number, session), copy).unwrap();
                    reading.poll(usize::MAX);
                }
            }
            Act::Restart => reading.restart(),
            Act::DieInPoll(kept) => {
                reading.poll(kept);
                reading.restart();
            }
        }
    }
    for _ in 0..40 {
        reading.poll(usize::MAX);
    }
    let mut truth = Vec::new();
    for session in &sessions {
        for statement in statements(session.text.lines()).into_iter().flatten() {
            let id = RawText::plain(statement.id.as_bytes());
            let named = Usage { ids: Ids { response: id, ..Ids::default() }, ..Usage::default() };
            let ids = KEY.identify(&named, Place::default());
            truth.push((ids.response, statement.tokens, statement.model, statement.project));
        }
    }
    let mut billed = reading.billed;
    prop_assert_eq!(truth.len(), billed.len(), "lost or double");
    truth.sort_unstable();
    billed.sort_unstable();
    for ((id, tokens, model, project), (billed_id, billed_tokens, labels)) in truth.iter().zip(&billed) {
        prop_assert_eq!((id, tokens), (billed_id, billed_tokens));
        prop_assert!(labels.contains(model) && labels.contains(project), "{labels}: {model} {project}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_history_loses_or_doubles_what_hangs_on_earlier_lines(acts in proptest::collection::vec(act(), 1..50)) {
        play(&acts)?;
    }
}
