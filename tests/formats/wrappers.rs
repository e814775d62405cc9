//! What containers, journals and loggers put around a line is taken off; what they cut is joined, however it is cut into chunks.

use std::fmt::Write as _;
use std::sync::Arc;

use costtop::engine::record::{Batch, Intake, Surroundings};
use costtop::format::context::Context;
use costtop::format::wrapper::Wrapper;
use costtop::format::{Decoder, Line, Skip};
use costtop::source::{Chunk, Position};
use costtop::time::Zone;
use costtop::usage::Rejection;
use proptest::prelude::*;

use super::world::decoder;
use super::{ANSWERS, CLAUDE_CODE, OWN, slow_reader, text};

pub const WRAPPED: &str = include_str!("../fixtures/formats/wrapped.log");

/// Wrapper, model, host, time of each record in a line.
fn read(line: &str) -> Vec<Result<String, Skip>> {
    slow_reader::compare(line.as_bytes());
    let mut seen = Vec::new();
    Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |at, result| {
        seen.push(result.map(|usage| {
            let wrapper = at.wrapper.map_or("-", Wrapper::name);
            let time = usage.time.map_or_else(|| "undated".to_owned(), |time| time.to_string());
            format!("{wrapper} {} {} {time}", usage.tokens.prompt(), text(usage.dimensions.host))
        }));
    });
    seen
}

#[test]
fn every_wrapper_is_taken_off() {
    let mut seen = String::new();
    for line in WRAPPED.lines() {
        let head: String = line.chars().take(60).collect();
        writeln!(seen, "{head}").unwrap();
        for fate in read(line) {
            writeln!(seen, "    {fate:?}").unwrap();
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn what_is_no_wrapper_stays_what_it_is() {
    let record = r#"{"model":"m","input_tokens":1}"#;
    for line in [
        format!("note {record}"),
        format!("a b | {record}"),
        format!("name|{record}"),
        format!("2026-11-21 10:00:00 {record}"),
        format!("<192>Nov 21 10:00:00 h p: {record}"),
        format!("<13> {record}"),
        format!("Nox 21 10:00:00 h p: {record}"),
        format!("[job/x] {record}"),
        format!("date: {record}"),
    ] {
        assert_eq!(read(&line), [Err(Skip::Rejected(Rejection::Json))], "{line}");
    }
    for other in [
        r#"{"log":"{\"model\":\"m\",\"input_tokens\":1}\n","time":"2026-11-21T10:00:00Z"}"#,
        r#"{"log":"{\"model\":\"m\",\"input_tokens\":1}\n","stream":"pod"}"#,
        r#"{"MESSAGE":"{\"model\":\"m\",\"input_tokens\":1}"}"#,
        r#"{"msg":"{\"model\":\"m\",\"input_tokens\":1}"}"#,
    ] {
        assert_eq!(read(other), [Err(Skip::NotUsage)], "{other}");
    }
}

#[test]
fn between_a_time_and_an_object_a_stream_or_a_level_may_stand() {
    let record = r#"{"model":"m","input_tokens":1}"#;
    for name in ["aws/bedrock/modelinvocations", "2026/11/21/[$LATEST]0f", "INFO", "name:"] {
        let line = format!("2026-11-21T10:00:00.123000+00:00 {name} {record}\n");
        assert_eq!(read(&line), [Ok("timestamp 1  2026-11-21T10:00:00.123Z".to_owned())], "{line}");
    }
    for other in ["a b {\"x\":1}", "INFO {x=1}", "INFO  {\"x\":1}", "\"a {\"x\":1}"] {
        let line = format!("2026-11-21T10:00:00Z {other}");
        assert_eq!(read(&line), [Err(Skip::NotUsage)], "{line}");
    }
}

#[test]
fn parts_are_joined_by_stream_and_begin_where_the_first_stands() {
    let lines = [
        r#"{"log":"{\"model\":\"a\",","stream":"stdout","time":"2026-11-21T10:00:00Z"}"#,
        r#"{"log":"{\"model\":\"b\",\"input_tokens\":2}\n","stream":"stderr","time":"2026-11-21T10:00:01Z"}"#,
        r#"{"log":"\"input_tok","stream":"stdout","time":"2026-11-21T10:00:02Z"}"#,
        r#"{"log":"ens\":1}\n","stream":"stdout","time":"2026-11-21T10:00:03Z"}"#,
        "2026-11-21T10:00:04Z stdout P {\"model\":",
        "2026-11-21T10:00:05Z stdout F \"c\",\"input_tokens\":3}",
    ];
    let mut decoder = Decoder::new(Zone::UTC);
    let mut seen = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let kind = decoder.decode(number as u64 * 100, line.as_bytes(), &mut |at, result| {
            let usage = result.unwrap();
            seen.push((at.offset, text(usage.model), usage.time.unwrap().to_string()));
        });
        assert_eq!(kind == Line::Part, matches!(number, 0 | 2 | 4), "line {number}");
    }
    let at = |offset, model: &str, second| (offset, model.to_owned(), format!("2026-11-21T10:00:0{second}.000Z"));
    assert_eq!(seen, [at(100, "b", 1), at(0, "a", 3), at(400, "c", 5)]);
    assert!(decoder.go_on_with(Context::default()).parts().is_empty());
}

#[test]
fn what_grows_too_long_is_given_up_once_and_passed_over_to_its_end() {
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.go_on_with(Context::new(40));
    let part = |tag: &str, text: &str| format!("2026-11-21T10:00:00Z stdout {tag} {text}\n");
    let mut fates = Vec::new();
    for (tag, text) in [
        ("P", "{\"model\":\"m\","),
        ("P", "\"prompt\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("P", "yyy"),
        ("F", "\",\"input_tokens\":1}"),
        ("F", "{\"model\":\"m\",\"input_tokens\":2}"),
    ] {
        decoder.decode(0, part(tag, text).as_bytes(), &mut |_, result| {
            fates.push(result.map(|usage| usage.tokens.input));
        });
    }
    assert_eq!(fates, [Err(Skip::Rejected(Rejection::TooLong)), Ok(2)]);
}

fn chunk(offset: u64, bytes: &[u8]) -> Chunk {
    Chunk {
        bytes: bytes.to_vec(),
        position: Some(Position {
            generation: 1,
            path: "wrapped.log".into(),
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
        }),
        ..Chunk::empty(0, 1, offset)
    }
}

/// What batches say, without the numbers of their labels.
fn said(batches: &[Batch]) -> (Vec<String>, Intake) {
    let mut intake = Intake::default();
    let mut records = Vec::new();
    for batch in batches {
        intake.add(&batch.intake);
        for record in &batch.records {
            let label = |label: u32| batch.labels.get(label as usize).map(ToString::to_string).unwrap_or_default();
            let names = batch.dimensions(record).map(label);
            records.push(format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                record.ids, record.time, record.tokens, names, record.reported, record.place
            ));
        }
    }
    (records, intake)
}

/// Lines wrapped by Docker and CRI, long ones in parts, the streams mixed.
fn wrapped(lines: &[&str], cuts: &[usize]) -> String {
    let mut cuts = cuts.iter().cycle();
    let mut lanes: [Vec<String>; 4] = Default::default();
    for (number, line) in lines.iter().enumerate() {
        let lane = number % 4;
        let mut rest = *line;
        loop {
            let mut cut = (*cuts.next().unwrap()).min(rest.len());
            while !rest.is_char_boundary(cut) {
                cut += 1;
            }
            let (now, later) = rest.split_at(cut);
            let stream = if lane % 2 == 0 { "stdout" } else { "stderr" };
            let last = later.is_empty();
            lanes[lane].push(if lane < 2 {
                let log = if last { format!("{now}\n") } else { now.to_owned() };
                serde_json::json!({"log": log, "stream": stream, "time": "2026-11-21T10:00:00Z"}).to_string()
            } else {
                format!("2026-11-21T10:00:00Z {stream} {} {now}", if last { "F" } else { "P" })
            });
            rest = later;
            if last {
                break;
            }
        }
    }
    let mut out = String::new();
    let mut lanes = lanes.map(Vec::into_iter);
    loop {
        let mut any = false;
        for lane in &mut lanes {
            for line in lane.by_ref().take(1 + *cuts.next().unwrap() % 3) {
                any = true;
                out += &line;
                out.push('\n');
            }
        }
        if !any && lanes.iter().all(|lane| lane.len() == 0) {
            return out;
        }
    }
}

/// Cuts behind newlines, about as far apart as told.
fn chunks(log: &str, sizes: &[usize]) -> Vec<Chunk> {
    let mut sizes = sizes.iter().cycle();
    let (mut chunks, mut at) = (Vec::new(), 0);
    while at < log.len() {
        let aim = (at + sizes.next().unwrap()).min(log.len() - 1);
        let end = log.as_bytes()[aim..].iter().position(|byte| *byte == b'\n').unwrap() + aim + 1;
        chunks.push(chunk(at as u64, &log.as_bytes()[at..end]));
        at = end;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_of_a_wrapped_stream_gives_the_same_charges(
        from in 0usize..40,
        cuts in prop::collection::vec(1usize..900, 1..12),
        sizes in prop::collection::vec(1usize..6000, 1..8),
        restart in any::<prop::sample::Index>(),
    ) {
        let all = [OWN, CLAUDE_CODE, ANSWERS].map(|fixture| fixture.lines().skip(from).take(12).collect::<Vec<_>>()).concat();
        let lines: Vec<&str> = all.into_iter().filter(|line| !line.is_empty()).collect();
        prop_assume!(!lines.is_empty());
        let log = wrapped(&lines, &cuts);
        let whole = said(&[decoder(Surroundings::default()).decode(chunk(0, log.as_bytes())).batch]);
        prop_assert_eq!(whole.1.rejected[Rejection::Json as usize], 0);

        let parts = chunks(&log, &sizes);
        let restart = restart.index(parts.len());
        let mut reader = decoder(Surroundings::default());
        let mut batches = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            let (start, length) = (part.offset, part.bytes.len() as u64);
            let decoded = reader.decode(part);
            batches.push(decoded.batch);
            let position = decoded.position.unwrap();
            prop_assert_eq!(position.offset, start + length);
            if number == restart {
                // Everything in memory is gone; what is read again is what the position says.
                reader = decoder(Surroundings::default());
                if let Some(since) = position.open_since {
                    prop_assert!(since < position.offset);
                    let bytes = &log.as_bytes()[since as usize..position.offset as usize];
                    let again = reader.decode(Chunk { again: true, position: None, ..chunk(since, bytes) });
                    prop_assert_eq!(said(&[again.batch]), (Vec::new(), Intake::default()));
                }
            }
        }
        prop_assert_eq!(said(&batches), whole);
        // The wrapped lines say what the lines say.
        let plain = said(&[decoder(Surroundings::default()).decode(chunk(0, (lines.join("\n") + "\n").as_bytes())).batch]);
        prop_assert_eq!(said(&batches).0.len(), plain.0.len());
        prop_assert_eq!(said(&batches).1.not_usage, plain.1.not_usage);
    }
}

#[test]
fn what_is_never_finished_is_counted_torn() {
    let mut reader = decoder(Surroundings::default());
    let line = b"2026-11-21T10:00:00Z stdout P {\"model\":\n";
    let decoded = reader.decode(chunk(70, line));
    assert_eq!(decoded.position.unwrap().open_since, Some(70));
    assert_eq!((decoded.batch.intake.lines, decoded.batch.intake.torn), (1, 0));
    let end = reader.decode(Chunk { ends: true, ..chunk(70 + line.len() as u64, b"") });
    assert_eq!((end.batch.intake.torn, end.position.unwrap().open_since), (1, None));
}

#[test]
fn a_beginning_far_behind_does_not_hold_the_position_back() {
    let mut reader = decoder(Surroundings::default());
    let limited = |offset, bytes: &[u8]| Chunk { longest_line: 500, ..chunk(offset, bytes) };
    let begin = b"2026-11-21T10:00:00Z stdout P {\"model\":\n";
    assert_eq!(reader.decode(limited(0, begin)).position.unwrap().open_since, Some(0));
    let other = b"2026-11-21T10:00:00Z stderr F {\"model\":\"m\",\"input_tokens\":2}\n".repeat(10);
    let decoded = reader.decode(limited(begin.len() as u64, &other));
    assert_eq!(decoded.position.unwrap().open_since, None);
    assert_eq!(decoded.batch.intake.rejected[Rejection::TooLong as usize], 1);
    assert_eq!(decoded.batch.records.len(), 10);
}
