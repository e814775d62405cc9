//! Chats of Gemini CLI, messages of `OpenCode`, sessions of pi, streamed answers, and values printed over many lines.

use costtop::format::context::Context;
use costtop::format::wrapper::Wrapper;
use costtop::format::{At, Decoder, Format, Line, Skip};
use costtop::money::Cost;
use costtop::time::Zone;
use costtop::usage::{Rejection, Usage};
use proptest::prelude::*;

use super::{slow_reader, text};

const GEMINI: &str = include_str!("../fixtures/formats/agents/gemini_cli.jsonl");
const GEMINI_OLD: &str = include_str!("../fixtures/formats/agents/gemini_cli.json");
pub const OPENCODE: &str = include_str!("../fixtures/formats/agents/opencode.jsonl");
const PI: &str = include_str!("../fixtures/formats/agents/pi.jsonl");
const STREAM: &str = include_str!("../fixtures/formats/agents/stream.jsonl");
pub const ALL: [&str; 4] = [GEMINI, OPENCODE, PI, STREAM];

/// What one record said.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    id: String,
    model: String,
    session: String,
    who: [String; 2],
    /// Input, cache read, writes for five minutes and an hour, output, reasoning, searches.
    tokens: [u32; 7],
    reported: Option<u64>,
    is_final: bool,
    at: (u64, u32),
}

fn said(at: At, usage: &Usage<'_>) -> Said {
    let tokens = usage.tokens;
    Said {
        id: text(usage.ids.response),
        model: text(usage.model),
        session: text(usage.dimensions.session),
        who: [text(usage.dimensions.project), text(usage.dimensions.agent)],
        tokens: [
            tokens.input,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.output,
            tokens.reasoning,
            tokens.web_searches,
        ],
        reported: usage.reported.map(Cost::pico),
        is_final: usage.is_final,
        at: (at.offset, at.index),
    }
}

/// Reads a file line by line; what is refused is told by its class.
fn read(file: &str) -> Vec<Result<Said, Rejection>> {
    let mut decoder = Decoder::new(Zone::UTC);
    let mut out = Vec::new();
    let mut offset = 0;
    for line in file.split_inclusive('\n') {
        decoder.decode(offset, line.as_bytes(), &mut |at, result| match result {
            Ok(usage) => out.push(Ok(said(at, usage))),
            Err(Skip::NotUsage | Skip::Beside) => {}
            Err(Skip::Rejected(class)) => out.push(Err(class)),
        });
        offset += line.len() as u64;
    }
    let left = decoder.go_on_with(Context::default());
    out.extend((0..left.parts().torn()).map(|_| Err(Rejection::TooLong)));
    out
}

fn counted(file: &str) -> Vec<Said> {
    read(file).into_iter().map(|fate| fate.expect("nothing is refused")).collect()
}

#[test]
fn gemini_cli_bills_cached_inside_and_thoughts_and_tool_prompts_beside() {
    let said = counted(GEMINI);
    // Written again when its tools ran; the ledger counts the id once.
    assert_eq!(said.iter().map(|it| &it.id[35..]).collect::<Vec<_>>(), ["1", "1", "2"]);
    assert_eq!(said[0].tokens, [12_040 - 8000 + 60, 8000, 0, 0, 310 + 540, 540, 0]);
    assert_eq!(said[2].tokens, [900, 0, 0, 0, 20, 0, 0]);
    assert!(said.iter().all(|it| it.session == "7c1de0a4-5d5a-4f0e-9a3e-0b1f6f3f2a11" && it.who == ["", ""]));
}

#[test]
fn an_older_chat_is_one_document_of_many_lines_and_says_the_same() {
    let new = counted(GEMINI);
    let old = counted(GEMINI_OLD);
    let same = |it: &Said| (it.id.clone(), it.session.clone(), it.tokens);
    assert_eq!(old.iter().map(same).collect::<Vec<_>>(), new[1..].iter().map(same).collect::<Vec<_>>());
    assert_eq!(old.iter().map(|it| it.at).collect::<Vec<_>>(), [(0, 1), (0, 2)], "places in the document");
    let on_one_line = serde_json::from_str::<serde_json::Value>(GEMINI_OLD).unwrap().to_string();
    assert_eq!(old, counted(&on_one_line));
}

#[test]
fn gemini_clis_telemetry_file_is_values_over_many_lines_and_its_answers_count_once() {
    let event = |name: &str, more: serde_json::Value| {
        let mut attributes = serde_json::json!({"session.id": "7c1de0a4-5d5a-4f0e-9a3e-0b1f6f3f2a11", "event.name": name,
            "event.timestamp": "2026-11-21T10:00:09.000Z", "model": "gemini-3.1-pro-preview"});
        attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let value = serde_json::json!({"hrTime": [1, 2], "resource": {"_rawAttributes": [["service.name", "gemini-cli"]]},
            "_body": "API response", "attributes": attributes});
        serde_json::to_string_pretty(&value).unwrap() + "\n"
    };
    let counts = serde_json::json!({"input_token_count": 12_040, "output_token_count": 310, "cached_content_token_count": 8000,
        "thoughts_token_count": 540, "tool_token_count": 60, "total_token_count": 12_950, "prompt_id": "p", "duration_ms": 5});
    let restated = serde_json::json!({"gen_ai.usage.input_tokens": 12_040, "gen_ai.usage.output_tokens": 310});
    let file = event("gemini_cli.user_prompt", serde_json::json!({"prompt_length": 5}))
        + &event("gemini_cli.api_response", counts.clone())
        + "garbage\n"
        + &event("gen_ai.client.inference.operation.details", restated)
        + &event("gemini_cli.api_response", counts);
    let fates = read(&file);
    let said: Vec<_> = fates.iter().filter_map(|fate| fate.as_ref().ok()).collect();
    assert_eq!(said.iter().map(|it| it.tokens).collect::<Vec<_>>(), [[4100, 8000, 0, 0, 850, 540, 0]; 2]);
    assert_eq!(fates.len(), 3, "and one line of garbage");
}

#[test]
fn opencode_bills_reasoning_where_its_total_says_it_stands() {
    let said = counted(OPENCODE);
    let tokens: Vec<_> = said.iter().map(|it| it.tokens).collect();
    assert_eq!(
        tokens,
        [[12, 48_211, 903, 0, 345, 0, 0], [1000, 500, 0, 0, 390, 90, 0], [1000, 500, 0, 0, 390, 90, 0]],
        "beside the output in the second, inside in the third"
    );
    assert_eq!(said[0].reported, Some(31_200_000_000));
    assert_eq!(said[1].reported, Some(0), "a subscription's zero is no price; who prices it asks the table");
    assert!(said.iter().all(|it| it.who == ["/home/mara/src/shop", "build"]));
}

#[test]
fn pi_bills_messages_under_their_session_and_names_them_for_all_branches() {
    let said = counted(PI);
    assert_eq!(said.len(), 2, "a failed message that used nothing is none");
    assert_eq!(said[0].tokens, [12, 48_211, 903, 0, 345, 0, 0]);
    assert_eq!((said[0].reported, said[1].reported), (Some(23_060_550_000), Some(0)));
    assert!(said.iter().all(|it| it.session.starts_with("4f0c9a52") && it.who[0] == "/home/mara/src/shop"));
    let branch = PI.replace("4f0c9a52-9c0e-4d5e-8f6a-1b2c3d4e5f60", "5a0c9a52-9c0e-4d5e-8f6a-1b2c3d4e5f61");
    let ids = |said: Vec<Said>| said.into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(ids(counted(&branch)), ids(said));
}

#[test]
fn a_streams_counts_are_said_anew_each_time_and_never_summed() {
    let said = counted(STREAM);
    let last = said.last().unwrap();
    assert_eq!(said.iter().map(|it| it.tokens[4]).collect::<Vec<_>>(), [1, 120, 345]);
    assert_eq!(said.iter().map(|it| it.is_final).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(last.tokens, [12, 48_211, 3, 900, 345, 0, 2], "how long a write lives, only the start said");
    assert!(said.iter().all(|it| it.id == "msg_01Stream00000000000001" && it.model == "claude-sonnet-4-6"));
    // As it came over the wire.
    let lines = STREAM.lines().map(|line| {
        let kind = line.split('"').nth(3).unwrap();
        format!("event: {kind}\ndata: {line}\n\n")
    });
    let wire = lines.collect::<String>() + "data: [DONE]\n";
    let same = |it: &Said| (it.id.clone(), it.tokens);
    assert_eq!(counted(&wire).iter().map(same).collect::<Vec<_>>(), said.iter().map(same).collect::<Vec<_>>());
    let mut wrapper = None;
    Decoder::new(Zone::UTC).decode(0, b"data: {\"model\":\"m\",\"input_tokens\":1}", &mut |at, _| wrapper = at.wrapper);
    assert_eq!(wrapper, Some(Wrapper::Sse));
}

#[test]
fn a_delta_without_its_start_is_refused_and_bedrocks_metrics_have_the_last_word() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
    assert_eq!(read(delta), [Err(Rejection::Model)]);
    let twice = format!("{STREAM}{delta}\n");
    assert_eq!(read(&twice).last(), Some(&Err(Rejection::Model)), "the start before it has said why it stopped");
    let metrics = r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":14,"outputTokenCount":350,"invocationLatency":9,"cacheReadInputTokenCount":48211,"cacheWriteInputTokenCount":903}}"#;
    let said = counted(&STREAM.replace(r#"{"type":"message_stop"}"#, metrics));
    assert_eq!(said.last().unwrap().tokens, [14, 48_211, 3, 900, 350, 0, 2]);
}

#[test]
fn chunks_of_openai_and_gemini_repeat_their_answers_id() {
    let chunks = [
        r#"data: {"id":"chatcmpl-A1b2C3d4E5f6G7","object":"chat.completion.chunk","created":1795255200,"model":"gpt-5.4","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}"#,
        r#"data: {"id":"chatcmpl-A1b2C3d4E5f6G7","object":"chat.completion.chunk","created":1795255200,"model":"gpt-5.4","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#,
        r#"data: {"candidates":[],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":2,"totalTokenCount":10},"modelVersion":"gemini-2.5-pro","responseId":"r-A1b2C3d4E5f6G7"}"#,
        r#"data: {"candidates":[],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":20,"totalTokenCount":28},"modelVersion":"gemini-2.5-pro","responseId":"r-A1b2C3d4E5f6G7"}"#,
    ];
    let said = counted(&chunks.join("\n"));
    let all: Vec<_> = said.iter().map(|it| (it.id.as_str(), it.tokens[4])).collect();
    assert_eq!(all, [("chatcmpl-A1b2C3d4E5f6G7", 12), ("r-A1b2C3d4E5f6G7", 2), ("r-A1b2C3d4E5f6G7", 20)]);
}

#[test]
fn values_over_many_lines_are_found_between_garbage_and_torn_ones_give_way() {
    let value = "{\n  \"model\": \"m\",\n  \"input_tokens\": 1\n}\n";
    let ids = |file: &str| read(file).into_iter().map(|fate| fate.map(|it| it.tokens[0])).collect::<Vec<_>>();
    assert_eq!(ids(&value.repeat(2)), [Ok(1), Ok(1)]);
    assert_eq!(ids(&value.replace('\n', "\r\n")), [Ok(1)]);
    assert_eq!(ids(&format!("garbage\n{value}")), [Err(Rejection::Json), Ok(1)]);
    // Torn in the middle: the next one begins at the margin, where nothing inside of a value stands.
    let torn = "{\n  \"model\": \"m\",\n  \"inp";
    assert_eq!(ids(&format!("{torn}\n{value}")), [Err(Rejection::Json), Ok(1)]);
    assert_eq!(ids(&format!("{{\n  \"model\": \"m\",\n{value}")), [Err(Rejection::Json), Ok(1)]);
    assert_eq!(ids("{\n  \"model\": \"m\",\n{\"model\":\"m\",\"input_tokens\":7}\n"), [Err(Rejection::Json), Ok(7)]);
    assert_eq!(
        ids("[\n  {\"model\": \"m\", \"input_tokens\": 1},\n  {\"model\": \"m\", \"input_tokens\": 2}\n]"),
        [Ok(1), Ok(2)]
    );
    assert_eq!(ids("{\n  \"model\": \"m\""), [Err(Rejection::TooLong)], "still open at the end: told as torn");
    assert_eq!(ids("{\n  \"a\": 1\n}}\n"), [Err(Rejection::Json)], "a bracket too many");
}

#[test]
fn a_value_over_many_lines_is_bounded_and_keeps_no_prompt() {
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.decode(0, b"{\n", &mut |_, _| {});
    let prompt = format!("  \"content\": \"{}\\\"end\",\n", "x".repeat(1 << 20));
    assert_eq!(decoder.decode(2, prompt.as_bytes(), &mut |_, _| {}), Line::Part);
    let held = decoder.go_on_with(Context::new(100));
    assert!(held.parts().held() < 1000, "{} bytes", held.parts().held());
    let mut fates = Vec::new();
    let mut offset = 0;
    for line in [
        "{\n",
        &format!("  \"a\": \"{}\",\n", "y".repeat(90)),
        "  \"b\": 1,\n",
        "  \"c\": 1\n",
        "}\n",
        "{\"model\":\"m\",\"input_tokens\":2}\n",
    ] {
        decoder.decode(offset, line.as_bytes(), &mut |at, result| {
            fates.push((at.offset, result.map(|it| it.tokens.input)));
        });
        offset += line.len() as u64;
    }
    assert_eq!(
        fates,
        [(0, Err(Skip::Rejected(Rejection::TooLong))), (124, Ok(2))],
        "refused once, and passed over to its end"
    );
}

#[test]
fn counts_behind_a_start_that_says_nothing_are_not_those_of_the_stream_before() {
    let start = STREAM.lines().next().unwrap();
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
    for (broken, why) in [
        (r#"{"type":"message_start","messages":{"id":"msg_2"}}"#, Rejection::Model),
        (
            r#"{"type":"message_start","message":{"model":"claude-sonnet-4-6","usage":{"input_tokens":-1}}}"#,
            Rejection::Number,
        ),
    ] {
        let said = read(&format!("{start}\n{broken}\n{delta}\n"));
        assert!(said[0].is_ok(), "{said:?}");
        assert_eq!(said[1..], [Err(why), Err(Rejection::Model)]);
        slow_reader::compare(broken.as_bytes());
    }
}

/// One stream of Anthropic's: its start, what it used on the way, its end.
fn stream(number: u32, names_request: bool) -> [String; 3] {
    let (model, input) =
        (["claude-opus-4-6", "claude-haiku-4-5", "claude-sonnet-4-6"][number as usize % 3], 10 + number);
    let (request, read) = if names_request {
        (format!(r#""request_id":"r-{number}","user":"u-{number}","#), String::new())
    } else {
        (
            String::new(),
            format!(r#""input_tokens":{input},"cache_read_input_tokens":500,"cache_creation_input_tokens":0,"#),
        )
    };
    let delta = |reason: &str, output: u32| {
        format!(
            r#"{{{request}"type":"message_delta","delta":{{"stop_reason":{reason}}},"usage":{{{read}"output_tokens":{output}}}}}"#
        )
    };
    [
        format!(
            r#"{{{request}"type":"message_start","message":{{"id":"msg_{number:020}","model":"{model}","usage":{{"input_tokens":{input},"cache_read_input_tokens":500,"output_tokens":1}}}}}}"#
        ),
        delta("null", 20 + number),
        delta("\"end_turn\"", 100 + number),
    ]
}

/// What a file's answers came to, by id.
fn last_words(file: &str) -> std::collections::BTreeMap<String, (String, [u32; 7], bool)> {
    let said = read(file).into_iter().map(|said| said.expect("each event has its start"));
    said.map(|said| (said.id, (said.model, said.tokens, said.is_final))).collect()
}

#[test]
fn streams_that_run_at_a_time_are_told_apart_by_what_they_read_or_by_their_requests() {
    for names_request in [false, true] {
        let [one, other] = [stream(1, names_request), stream(2, names_request)];
        let mixed = [&one[0], &other[0], &one[1], &other[1], &other[2], &one[2]].map(String::as_str).join("\n") + "\n";
        let said = last_words(&mixed);
        let of = |id: &str| (said[id].0.as_str(), said[id].1[4], said[id].2);
        assert_eq!(of("msg_00000000000000000001"), ("claude-haiku-4-5", 101, true));
        assert_eq!(of("msg_00000000000000000002"), ("claude-sonnet-4-6", 102, true));
    }
    // Counts that name no stream belong to the last one that is open.
    let [one, ..] = stream(1, false);
    let [other, ..] = stream(2, false);
    let delta = |output: u32| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{{"output_tokens":{output}}}}}"#
        )
    };
    let said = last_words(&format!("{one}\n{other}\n{}\n{}\n", delta(7), delta(8)));
    assert_eq!([said["msg_00000000000000000002"].1[4], said["msg_00000000000000000001"].1[4]], [7, 8]);
    // A request that nothing began has no model.
    let [_, _, stranger] = stream(3, true);
    assert_eq!(read(&format!("{one}\n{stranger}\n"))[1], Err(Rejection::Model));
}

#[test]
fn around_an_event_costtops_own_names_say_who_asked() {
    let [start, ..] = stream(4, true);
    slow_reader::compare(start.as_bytes());
    let mut decoder = Decoder::new(Zone::UTC);
    let line = start.replacen('{', r#"{"ts":"2026-11-21T10:00:00Z","team":"search","session_id":"s-1","#, 1);
    let kind = decoder.decode(0, line.as_bytes(), &mut |_, result| {
        let usage = result.expect("it is one");
        let who = [usage.dimensions.user, usage.dimensions.team, usage.dimensions.session, usage.ids.request].map(text);
        assert_eq!(who, ["u-4", "search", "s-1", "r-4"]);
        assert_eq!(usage.time.expect("it says so").to_string(), "2026-11-21T10:00:00.000Z");
        assert!(usage.ids.own_request && text(usage.provider) == "anthropic");
    });
    assert_eq!(kind, Line::Known(Format::AnthropicStream));
    let broken = start.replacen('{', r#"{"cost_usd":"x","#, 1);
    slow_reader::compare(broken.as_bytes());
    assert_eq!(read(&(broken + "\n"))[0], Err(Rejection::Number));
}

#[test]
fn both_readers_agree_on_every_line_of_them() {
    for file in ALL {
        for line in file.lines() {
            slow_reader::compare(line.as_bytes());
        }
    }
    slow_reader::compare(serde_json::from_str::<serde_json::Value>(GEMINI_OLD).unwrap().to_string().as_bytes());
    for format in [Format::GeminiCli, Format::OpenCode, Format::Pi, Format::AnthropicStream, Format::Codex] {
        assert_eq!(Format::named(format.name()), Some(format));
    }
}

proptest! {
    /// In whatever order the events of several streams come, as long as each keeps its own: the same is said of each.
    #[test]
    fn streams_interleave_as_they_like(
        turns in Just((0..5u32).flat_map(|number| [number; 3]).collect::<Vec<u32>>()).prop_shuffle(), names_request: bool
    ) {
        let streams: Vec<[String; 3]> = (0..5).map(|number| stream(number, names_request)).collect();
        let mut next = [0; 5];
        let mut mixed = String::new();
        for turn in turns {
            let turn = turn as usize;
            mixed += &streams[turn][next[turn]];
            mixed.push('\n');
            next[turn] += 1;
        }
        let in_turn = streams.concat().join("\n") + "\n";
        prop_assert_eq!(last_words(&mixed), last_words(&in_turn));
    }

    /// Cut at any lines, the context saved and loaded there as a restart does: the same is said. A value that is open is read again.
    #[test]
    fn a_restart_anywhere_changes_nothing(
        order in proptest::sample::subsequence((0..6).collect::<Vec<usize>>(), 0..=6).prop_shuffle(), breaks: u64
    ) {
        let [one, other] = [stream(1, false), stream(2, true)];
        let at_a_time = [&one[0], &other[0], &other[1], &one[1], &other[2], &one[2]].map(String::as_str).join("\n");
        let files = [GEMINI, GEMINI_OLD, OPENCODE, PI, STREAM, &at_a_time];
        let file: String = order.iter().map(|file| files[*file].to_owned() + "\n").collect();
        let lines: Vec<&str> = file.split_inclusive('\n').collect();
        let offsets: Vec<u64> = lines.iter().scan(0, |at, line| { let offset = *at; *at += line.len() as u64; Some(offset) }).collect();
        let mut decoder = Decoder::new(Zone::UTC);
        let mut out = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            if breaks >> (number % 64) & 1 == 1 {
                let context = decoder.go_on_with(Context::default());
                let since = context.parts().since();
                let mut loaded = Context::load(&context.save()).expect("what was saved is loaded");
                decoder = Decoder::new(Zone::UTC);
                if let Some(since) = since {
                    let first = offsets.iter().position(|offset| *offset == since).unwrap();
                    for again in first..number {
                        decoder.decode(offsets[again], lines[again].as_bytes(), &mut |_, _| {});
                    }
                    loaded.replace_parts(decoder.go_on_with(Context::default()).replace_parts(costtop::format::wrapper::Parts::default()));
                }
                decoder.go_on_with(loaded);
            }
            decoder.decode(offsets[number], line.as_bytes(), &mut |at, result| {
                if let Ok(usage) = result {
                    out.push(said(at, usage));
                }
            });
        }
        prop_assert_eq!(out, counted(&file));
    }
}
