//! Codex rollouts: statements of running totals become charges, whatever is repeated, reset, copied, cut and gone on with elsewhere.

use std::sync::Arc;

use costtop::engine::record::{Batch, Surroundings};
use costtop::format::context::Context;
use costtop::format::{Decoder, Skip};
use costtop::source::{Chunk, Position};
use costtop::time::Zone;
use costtop::usage::{Origin, Rejection, Tokens, Usage};
use proptest::prelude::*;
use serde_json::json;

use super::slow_reader::codex::{Statement, statements};
use super::text;
use super::world::decoder;

pub const PARENT: &str = include_str!("../fixtures/formats/codex/parent.jsonl");
pub const FORK: &str = include_str!("../fixtures/formats/codex/fork.jsonl");
pub const SUBAGENT: &str = include_str!("../fixtures/formats/codex/subagent.jsonl");

fn statement(usage: &Usage<'_>) -> Statement {
    assert_eq!((usage.origin, usage.is_final), (Origin::Transcript, true));
    let who = &usage.dimensions;
    Statement {
        id: text(usage.ids.response),
        session: text(who.session),
        model: text(usage.model),
        project: text(who.project),
        agent: text(who.agent),
        tokens: usage.tokens,
        time: usage.time,
    }
}

/// What a decoder makes of a file: statements, `None` where the model is not known; with the context saved and loaded where `breaks` says.
fn read(lines: &[String], breaks: impl Fn(usize) -> bool) -> Vec<Option<Statement>> {
    let mut decoder = Decoder::new(Zone::UTC);
    let mut out = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if breaks(number) {
            let saved = decoder.go_on_with(Context::default()).save();
            decoder = Decoder::new(Zone::UTC);
            decoder.go_on_with(Context::load(&saved).expect("what was saved is loaded"));
        }
        decoder.decode(0, line.as_bytes(), &mut |_, result| match result {
            Ok(usage) => out.push(Some(statement(usage))),
            Err(Skip::NotUsage) => {}
            Err(Skip::Rejected(Rejection::Model)) => out.push(None),
            Err(skip) => panic!("{skip:?}: {line}"),
        });
    }
    out
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn both_ways(file: &[String]) -> Vec<Statement> {
    let fast = read(file, |_| false);
    assert_eq!(fast, statements(file.iter().map(String::as_str)));
    fast.into_iter().flatten().collect()
}

fn usage(counts: [u64; 5]) -> serde_json::Value {
    let [input, cached, write, output, reasoning] = counts;
    json!({"input_tokens": input, "cached_input_tokens": cached, "cache_write_input_tokens": write, "output_tokens": output,
        "reasoning_output_tokens": reasoning, "total_tokens": input + output})
}

fn count(total: [u64; 5], last: [u64; 5]) -> String {
    let info = json!({"total_token_usage": usage(total), "last_token_usage": usage(last)});
    json!({"timestamp": "2026-11-21T10:00:00.000Z", "type": "event_msg", "payload": {"type": "token_count", "info": info}})
        .to_string()
}

fn meta(more: &serde_json::Value) -> String {
    let mut payload =
        json!({"id": "019f6a10-3c1e-7a40-9b1d-0a6f1c2d3e4f", "timestamp": "2026-11-21T09:00:00Z", "cwd": "/src"});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"timestamp": "2026-11-21T09:00:00Z", "type": "session_meta", "payload": payload}).to_string()
}

fn turn(model: &str) -> String {
    json!({"timestamp": "2026-11-21T09:00:00Z", "type": "turn_context", "payload": {"model": model, "cwd": "/src"}})
        .to_string()
}

/// Input without the cache, cache read, cache write, output, reasoning.
fn tokens(statement: &Statement) -> [u32; 5] {
    let Tokens { input, cache_read, cache_write_5m, output, reasoning, .. } = statement.tokens;
    [input, cache_read, cache_write_5m, output, reasoning]
}

#[test]
fn totals_bill_what_they_grew_by_repeats_nothing_and_a_reset_its_last_request() {
    let billed = both_ways(&lines(PARENT));
    let said: Vec<_> = billed.iter().map(|statement| (statement.model.as_str(), tokens(statement))).collect();
    assert_eq!(
        said,
        [
            ("gpt-5.6-terra", [1198, 12_032, 1500, 412, 128]),
            ("gpt-5.6-terra", [108, 15_104, 1400, 549, 192]),
            ("gpt-5.6-luna", [1038, 3072, 0, 240, 32]),
            ("gpt-5.6-luna", [4904, 4096, 0, 300, 64]),
            ("gpt-5.6-luna", [1308, 8192, 0, 400, 64]),
        ]
    );
    assert!(
        billed
            .iter()
            .all(|it| it.session == "019f6a10-3c1e-7a40-9b1d-0a6f1c2d3e4f" && it.project == "/home/mara/src/shop")
    );
}

#[test]
fn a_fork_says_its_parents_statements_under_their_names_and_adds_its_own() {
    let (parent, fork) = (both_ways(&lines(PARENT)), both_ways(&lines(FORK)));
    let ids = |all: &[Statement]| all.iter().map(|statement| statement.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&fork)[..parent.len()], ids(&parent), "copies are the parent's");
    let own = &fork[parent.len()..];
    assert_eq!(own.iter().map(tokens).collect::<Vec<_>>(), [[10, 10_240, 0, 480, 128], [86, 11_264, 0, 320, 44]]);
    assert!(own.iter().all(|statement| statement.session == "019f6a2b-77aa-7c01-8f00-1b2c3d4e5f60"));
}

#[test]
fn a_spawned_agent_bills_from_its_own_first_line_on() {
    let billed = both_ways(&lines(SUBAGENT));
    assert_eq!(billed.iter().map(tokens).collect::<Vec<_>>(), [[956, 6144, 0, 250, 0]]);
    assert_eq!((billed[0].agent.as_str(), billed[0].project.as_str()), ("explorer", "/home/mara/src/shop/api"));
}

#[test]
fn inherited_totals_without_copies_bill_the_last_request_and_not_the_history() {
    let file = [
        meta(&json!({"forked_from_id": "019f0000-a0de-7171-b58c-795255d1bd62"})),
        turn("gpt-5.6-sol"),
        count([3_158_656_533, 3_100_000_000, 0, 9_000_000, 1000], [9035, 8192, 0, 40, 0]),
        count([3_158_666_533, 3_100_009_000, 0, 9_000_100, 1000], [10_000, 9000, 0, 100, 0]),
    ];
    let billed = both_ways(&file);
    assert_eq!(billed.iter().map(tokens).collect::<Vec<_>>(), [[843, 8192, 0, 40, 0], [1000, 9000, 0, 100, 0]]);
    assert!(billed.iter().all(|statement| statement.id.starts_with("codex:019f0000")));
}

#[test]
fn a_statement_that_jumps_bills_all_that_was_not_stated_before() {
    let file = [
        meta(&json!({})),
        turn("m"),
        count([100, 0, 0, 10, 0], [60, 0, 0, 5, 0]),
        count([400, 0, 0, 40, 0], [50, 0, 0, 5, 0]),
    ];
    assert_eq!(both_ways(&file).iter().map(tokens).collect::<Vec<_>>(), [[100, 0, 0, 10, 0], [300, 0, 0, 30, 0]]);
}

#[test]
fn counting_that_began_anew_and_overtook_is_seen() {
    let file = [
        meta(&json!({})),
        turn("m"),
        count([100, 0, 0, 10, 0], [100, 0, 0, 10, 0]),
        count([400, 0, 0, 40, 0], [400, 0, 0, 40, 0]),
    ];
    assert_eq!(both_ways(&file).iter().map(tokens).collect::<Vec<_>>(), [[100, 0, 0, 10, 0], [400, 0, 0, 40, 0]]);
}

#[test]
fn without_the_head_of_its_file_a_statement_has_no_name_and_waits_for_its_model() {
    let total = [5000, 0, 0, 500, 0];
    let file = [count(total, [70, 0, 0, 7, 0]), turn("m"), count([5100, 0, 0, 510, 0], [100, 0, 0, 10, 0])];
    let fast = read(&file, |_| false);
    assert_eq!(fast, statements(file.iter().map(String::as_str)));
    assert_eq!(fast[0], None, "usage that names no model is refused, not guessed");
    let known = fast[1].as_ref().unwrap();
    assert_eq!((known.id.as_str(), known.session.as_str(), tokens(known)), ("", "", [100, 0, 0, 10, 0]));
    let behind = read(&[vec![turn("m")], file.to_vec()].concat(), |_| false);
    assert_eq!(tokens(behind[0].as_ref().unwrap()), [70, 0, 0, 7, 0], "the request, not what came before it");
}

#[test]
fn what_an_exec_prints_at_the_end_of_a_turn_is_a_sum_and_no_usage() {
    let line =
        r#"{"type":"turn.completed","usage":{"input_tokens":24763,"cached_input_tokens":24448,"output_tokens":122}}"#;
    assert_eq!(super::skip(line), Skip::NotUsage);
}

#[test]
fn counts_that_are_none_are_refused_and_change_nothing() {
    let bad = count([200, 0, 0, 20, 0], [100, 0, 0, 10, 0]).replace(":200,", ":-200,");
    let huge = count([1 << 40, 0, 0, 20, 0], [1 << 40, 0, 0, 10, 0]);
    let mut decoder = Decoder::new(Zone::UTC);
    let mut fates = Vec::new();
    for line in [meta(&json!({})), turn("m"), count([100, 0, 0, 10, 0], [100, 0, 0, 10, 0]), bad, huge] {
        decoder.decode(0, line.as_bytes(), &mut |_, result| fates.push(result.map(|usage| usage.tokens.input)));
    }
    let refused = Err(Skip::Rejected(Rejection::Number));
    assert_eq!(fates, [Err(Skip::NotUsage), Err(Skip::NotUsage), Ok(100), refused, refused]);
}

#[test]
fn only_what_was_saved_loads() {
    let mut decoder = Decoder::new(Zone::UTC);
    for line in PARENT.lines() {
        decoder.decode(0, line.as_bytes(), &mut |_, _| {});
    }
    let saved = decoder.go_on_with(Context::default()).save();
    assert!(saved.len() < 400, "{} bytes", saved.len());
    assert_eq!(Context::load(&saved).unwrap().save(), saved);
    for length in 1..saved.len() {
        assert!(Context::load(&saved[..length]).is_none(), "cut at {length}");
    }
    assert!(Context::load(&[&saved[..], b"x"].concat()).is_none());
    assert!(Context::load(b"\x09").is_none(), "of another version");
    let prompt = String::from_utf8_lossy(&saved).into_owned();
    assert!(!prompt.contains("Codex"), "instructions are not kept");
}

/// Files of sessions that were resumed, forked and compacted at random.
fn rollout() -> impl Strategy<Value = Vec<String>> {
    let counts = prop::array::uniform5(0u64..50_000);
    let act = prop_oneof![
        6 => counts.clone().prop_map(|used| (0, used)),
        2 => Just((1, [0; 5])),
        1 => counts.prop_map(|used| (2, used)),
        1 => Just((3, [0; 5])),
        1 => Just((4, [0; 5])),
        1 => Just((5, [0; 5])),
    ];
    (prop::collection::vec(act, 0..40), any::<[bool; 3]>()).prop_map(|(acts, [has_head, is_fork, copies])| {
        let mut file = Vec::new();
        let none = json!({});
        let parent =
            json!({"forked_from_id": "019f0000-a0de-7171-b58c-795255d1bd62", "timestamp": "2026-11-21T09:59:00Z"});
        if has_head {
            file.push(meta(if is_fork { &parent } else { &none }));
        }
        if copies {
            file.push(meta(&json!({"id": "019f0000-a0de-7171-b58c-795255d1bd62"})));
        }
        let (mut total, mut last) = ([0; 5], [0; 5]);
        for (number, (act, used)) in acts.into_iter().enumerate() {
            match act {
                0 => {
                    last = used;
                    for (total, used) in total.iter_mut().zip(used) {
                        *total += used;
                    }
                    file.push(count(total, last));
                }
                1 => file.push(count(total, last)),
                2 => {
                    (total, last) = (used, used);
                    file.push(count(total, last));
                }
                3 => file.push(turn(["gpt-5.6-sol", "gpt-5.6-luna"][number % 2])),
                4 => file.push(count(total, last).replace("2026-11-21T10", "2026-11-20T10")),
                _ => file.push(r#"{"type":"event_msg","payload":{"type":"token_count","info":null}}"#.to_owned()),
            }
        }
        file
    })
}

fn said(batch: &Batch) -> Vec<String> {
    let label = |label: u32| batch.labels.get(label as usize).map(ToString::to_string).unwrap_or_default();
    batch
        .records
        .iter()
        .map(|it| {
            format!("{:?} {:?} {:?} {:?} {:?}", it.ids, it.time, it.tokens, batch.dimensions(it).map(label), it.place)
        })
        .collect()
}

fn chunk(generation: u32, offset: u64, bytes: &[u8]) -> Chunk {
    let position = Position {
        generation,
        path: "rollout.jsonl".into(),
        device: 1,
        inode: 1,
        offset: offset + bytes.len() as u64,
        head_length: 0,
        head_hash: 0,
        mark_length: 0,
        mark_hash: 0,
        dead: false,
        open_since: None,
        context: Arc::default(),
    };
    Chunk { bytes: bytes.to_vec(), position: Some(position), ..Chunk::empty(0, generation, offset) }
}

proptest! {
    #[test]
    fn both_readers_agree_and_a_context_goes_on_where_it_was_saved(file in rollout(), breaks: u64) {
        let fast = read(&file, |_| false);
        prop_assert_eq!(&fast, &statements(file.iter().map(String::as_str)));
        prop_assert_eq!(fast, read(&file, |line| breaks >> (line % 64) & 1 == 1));
    }

    /// Files mixed line by line in any way, cut into any chunks, the process restarted anywhere: each file says what it says alone.
    #[test]
    fn order_matters_inside_a_file_and_nowhere_else(
        files in prop::collection::vec(rollout(), 1..4),
        picks in prop::collection::vec((0usize..4, 1usize..6, prop::bool::weighted(0.2)), 0..60),
    ) {
        let mut alone = Vec::new();
        for (generation, file) in (1..).zip(&files) {
            let text = file.join("\n") + "\n";
            alone.extend(said(&decoder(Surroundings::default()).decode(chunk(generation, 0, text.as_bytes())).batch));
        }
        let mut at = vec![(0usize, 0u64); files.len()];
        let mut saved: Vec<Option<Position>> = vec![None; files.len()];
        let mut mixed = Vec::new();
        let mut reader = decoder(Surroundings::default());
        let rest = (0..files.len()).map(|file| (file, usize::MAX, false));
        for (pick, count, restarts) in picks.into_iter().chain(rest) {
            let pick = pick % files.len();
            if restarts {
                reader = decoder(Surroundings::default());
                reader.resume(saved.iter().flatten());
            }
            let (line, offset) = at[pick];
            let text: String = files[pick][line..].iter().take(count).flat_map(|line| [line.as_str(), "\n"]).collect();
            let decoded = reader.decode(chunk(pick as u32 + 1, offset, text.as_bytes()));
            mixed.extend(said(&decoded.batch));
            saved[pick] = decoded.position;
            at[pick] = ((line + count.min(files[pick].len() - line)), offset + text.len() as u64);
        }
        alone.sort_unstable();
        mixed.sort_unstable();
        prop_assert_eq!(alone, mixed);
    }
}
