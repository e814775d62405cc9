//! What each log format's lines become: real lines, decoys, refusals, and a slow second reader that must agree on every mutation.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "support/slow_reader.rs"]
mod slow_reader;

#[path = "formats/agents.rs"]
mod agents;
#[path = "formats/answers.rs"]
mod answers;
#[path = "formats/bedrock_log.rs"]
mod bedrock_log;
#[path = "formats/codex.rs"]
mod codex;
#[path = "formats/gateway.rs"]
mod gateway;
#[path = "formats/golden.rs"]
mod golden;
#[path = "formats/mapping.rs"]
mod mapping;
#[path = "formats/media.rs"]
mod media;
#[path = "formats/order.rs"]
mod order;
#[path = "formats/otlp.rs"]
mod otlp;
#[path = "formats/several.rs"]
mod several;
#[path = "formats/shapes.rs"]
mod shapes;
#[path = "formats/traps.rs"]
mod traps;
#[path = "formats/traps_agents.rs"]
mod traps_agents;
#[path = "support/otlp_twin.rs"]
mod twin;
#[path = "formats/world.rs"]
mod world;
#[path = "formats/wrappers.rs"]
mod wrappers;

use costtop::format::context::Context;
use costtop::format::{Decoder, Format, Line, Skip};
use costtop::money::Cost;
use costtop::time::Zone;
use costtop::usage::{Origin, RawText, Rejection, Restated, Tokens, Usage};
use proptest::prelude::*;

const OWN: &str = include_str!("fixtures/formats/own.jsonl");
const CLAUDE_CODE: &str = include_str!("fixtures/formats/claude_code.jsonl");
const LITELLM: &str = include_str!("fixtures/formats/litellm.jsonl");
const ANSWERS: &str = include_str!("fixtures/formats/answers.jsonl");
const FIXTURES: [&str; 14] = [
    OWN,
    CLAUDE_CODE,
    LITELLM,
    ANSWERS,
    gateway::SPEND,
    otlp::OTLP,
    wrappers::WRAPPED,
    codex::PARENT,
    bedrock_log::LOG,
    mapping::PRESET_LINES,
    agents::ALL[0],
    agents::ALL[1],
    agents::ALL[2],
    agents::ALL[3],
];

/// Decodes `line` and hands its only record to `check`.
fn with(line: &str, check: impl FnOnce(Line, Result<&Usage<'_>, Skip>)) {
    slow_reader::compare(line.as_bytes());
    let mut check = Some(check);
    // The kind of line is known only at the end, so a first pass asks for it.
    let kind = Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, _| {});
    Decoder::new(Zone::UTC)
        .decode(0, line.as_bytes(), &mut |_, result| check.take().expect("one record")(kind, result));
    assert!(check.is_none(), "no record in {line}");
}

fn usage(line: &str, check: impl FnOnce(&Usage<'_>)) {
    with(line, |_, result| check(result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"))));
}

fn skip(line: &str) -> Skip {
    let mut skip = None;
    with(line, |_, result| skip = result.err());
    skip.unwrap_or_else(|| panic!("counted: {line}"))
}

fn text(text: RawText<'_>) -> String {
    String::from_utf8_lossy(&text.bytes()).into_owned()
}

#[test]
fn the_whole_own_grammar_is_read() {
    usage(OWN.lines().next().unwrap(), |usage| {
        assert_eq!((usage.origin, usage.is_final, usage.revision), (Origin::Api, true, 3));
        assert!(usage.ids.own_request && !usage.cache_hit && !usage.side_chain);
        let expected = Tokens {
            input: 12,
            cache_read: 48_211,
            cache_write_5m: 903,
            cache_write_1h: 4,
            output: 345,
            reasoning: 5,
            web_searches: 2,
        };
        assert_eq!(usage.tokens, expected);
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.123Z");
        let ids = [usage.ids.request, usage.ids.response, usage.ids.call, usage.retry_of].map(text);
        assert_eq!(ids, ["r-1", "msg_01Own0000000000001", "c-1", "r-0"]);
        let who = &usage.dimensions;
        let who =
            [who.user, who.team, who.project, who.feature, who.agent, who.host, who.key_alias, who.session].map(text);
        assert_eq!(who, ["ada", "search", "webapp", "summarise", "planner", "build-7", "ci", "s-1"]);
        let terms = &usage.terms;
        let terms =
            [terms.tier, terms.region, terms.data_residency, terms.vertex_location, terms.inference_geo, terms.speed]
                .map(text);
        assert_eq!(terms, ["standard", "us-east-1", "eu", "global", "us", "fast"]);
        assert_eq!((usage.status, usage.latency_ms, usage.max_tokens), (200, 1834, 8192));
        assert_eq!(
            [usage.provider, usage.model, usage.stop_reason].map(text),
            ["anthropic", "claude-sonnet-4-6", "end_turn"]
        );
        assert_eq!(usage.reported, None);
        assert_eq!(usage.restated, Some(Restated::Computed(Cost::from_pico(23_060_550_000))));
    });
}

#[test]
fn what_costtop_printed_keeps_its_amounts() {
    let amounts = |tail: &str| {
        let mut amounts = None;
        usage(&format!(r#"{{"model":"m","input_tokens":1,{tail}}}"#), |usage| {
            amounts = Some((usage.reported.map(Cost::pico), usage.restated));
        });
        amounts.unwrap()
    };
    let computed = |pico| Some(Restated::Computed(Cost::from_pico(pico)));
    assert_eq!(amounts(r#""cost_usd":"0.2""#), (Some(200_000_000_000), None));
    assert_eq!(
        amounts(r#""cost_usd":2e-1,"cost_source":"reported""#),
        (Some(200_000_000_000), Some(Restated::Unpriced))
    );
    let both = amounts(r#""cost_usd":"0.2","cost_source":"reported","computed_usd":"0.19""#);
    assert_eq!(both, (Some(200_000_000_000), computed(190_000_000_000)));
    assert_eq!(amounts(r#""cost_usd":"0.2","cost_source":"computed""#), (None, computed(200_000_000_000)));
    assert_eq!(amounts(r#""cost_usd":null,"cost_source":"unpriced""#), (None, Some(Restated::Unpriced)));
    assert_eq!(amounts(r#""cost_usd":null"#), (None, None));
}

#[test]
fn money_needs_no_model_but_tokens_do() {
    usage(r#"{"type":"charge","ts":"2026-11-21T10:00:03Z","kind":"gpu","cost_usd":"12.5"}"#, |usage| {
        assert_eq!(text(usage.model), "gpu");
        assert_eq!(usage.reported.map(Cost::pico), Some(12_500_000_000_000));
    });
    usage(r#"{"timestamp":"2026-11-21T10:00:04Z","user_id":7,"task_type":"triage","cost_usd":0.004}"#, |usage| {
        assert_eq!([usage.model, usage.dimensions.user, usage.dimensions.feature].map(text), ["", "7", "triage"]);
    });
    usage(r#"{"turn":3,"inputTokens":120,"outputTokens":40,"cost":0.002}"#, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output), (120, 40));
    });
    for line in [r#"{"input_tokens":5}"#, r#"{"model":"","output_tokens":6}"#, r#"{"model":null,"input_tokens":"7"}"#] {
        assert_eq!(skip(line), Skip::Rejected(Rejection::Model), "{line}");
    }
    assert_eq!(skip(r#"{"model":"gpt-5","ts":1795297733}"#), Skip::NotUsage);
}

#[test]
fn every_refusal_has_its_class() {
    for (line, class) in [
        ("{x", Rejection::Json),
        ("no json", Rejection::Json),
        (r#"{"model":"m","input_tokens":1}}"#, Rejection::Json),
        (r#"{"model":"m","input_tokens":1"#, Rejection::Json),
        (r#"{"model":"m","input_tokens":1,"x":[1}"#, Rejection::Json),
        (r#"[{"model":"m","input_tokens":1},{]"#, Rejection::Json),
        (r#"{"model":"m","input_tokens":-1}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":0.5}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":4294967296}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":true}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":{}}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":"many"}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":NaN}"#, Rejection::Number),
        (r#"{"model":"m","input_tokens":1,"cost_usd":"-0.01"}"#, Rejection::Number),
        (r#"{"type":"assistant","message":{"model":"claude-x","usage":{"input_tokens":-3}}}"#, Rejection::Number),
        (r#"{"type":"assistant","message":{"usage":{"input_tokens":3}}}"#, Rejection::Model),
        (r#"{"call_type":"c","response_cost":0,"model":"m","prompt_tokens":-3}"#, Rejection::Number),
        (r#"{"call_type":"c","response_cost":0,"prompt_tokens":3}"#, Rejection::Model),
    ] {
        assert_eq!(skip(line), Skip::Rejected(class), "{line}");
    }
    let deep = format!(r#"{{"model":"m","input_tokens":1,"x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(skip(&deep), Skip::Rejected(Rejection::Depth));
    let less = format!(r#"{{"model":"m","input_tokens":1,"x":{}{}}}"#, "[".repeat(63), "]".repeat(63));
    usage(&less, |usage| assert_eq!(usage.tokens.input, 1));
}

#[test]
fn dress_does_not_matter() {
    let plain = r#"{"model":"m","input_tokens":1}"#;
    for line in [
        format!("{plain}\r\n"),
        format!("\u{feff}{plain}\n"),
        format!("  \t{plain}  "),
        r#" { "model" : "m" , "input_tokens" : 1 } "#.to_owned(),
        r#"{"mod\u0065l":"m","input\u005ftokens":"\u0031"}"#.to_owned(),
        r#"{"model":"x","input_tokens":99,"model":"m","input_tokens":1}"#.to_owned(),
    ] {
        usage(&line, |usage| assert_eq!((text(usage.model), usage.tokens.input), ("m".to_owned(), 1), "{line}"));
    }
    slow_reader::compare(b"{\"model\":\"m\xff\",\"user\":\"\xe2\x82\",\"input_tokens\":1}");
    let mut decoder = Decoder::new(Zone::UTC);
    for blank in ["", "\n", " \t\r\n", "\u{feff}"] {
        let line = decoder.decode(0, blank.as_bytes(), &mut |_, _| panic!("a blank line is no record"));
        assert_eq!(line, Line::Blank);
    }
}

#[test]
fn an_array_is_as_many_records() {
    let mut seen = Vec::new();
    let line = r#"[{"model":"a","input_tokens":1},7,{"model":"b","input_tokens":-1},{"model":"c","output_tokens":2}]"#;
    let kind = Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |at, result| {
        seen.push((at.index, result.map(|usage| text(usage.model))));
    });
    assert_eq!(kind, Line::Known(Format::Own));
    let number = Skip::Rejected(Rejection::Number);
    assert_eq!(seen, [(0, Ok("a".to_owned())), (1, Err(Skip::NotUsage)), (2, Err(number)), (3, Ok("c".to_owned()))]);
}

#[test]
fn claude_code_bills_its_answers_only() {
    let mut decoder = Decoder::new(Zone::UTC);
    let mut by_type = std::collections::BTreeMap::<String, (u32, u32)>::new();
    for line in CLAUDE_CODE.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let kind = value["type"].as_str().unwrap().to_owned();
        let counts = by_type.entry(kind).or_default();
        decoder.decode(0, line.as_bytes(), &mut |_, result| match result {
            Ok(usage) => {
                assert_eq!(usage.origin, Origin::Transcript);
                assert!(usage.tokens.input < 600_000, "a decoy was counted: {line}");
                counts.0 += 1;
            }
            Err(skip) => {
                assert_eq!(skip, Skip::NotUsage, "{line}");
                counts.1 += 1;
            }
        });
    }
    assert!(by_type["assistant"].0 > 30, "{by_type:?}");
    assert_eq!(by_type["user"].0, 0);
    assert_eq!(by_type["progress"], (1, 1));
}

fn claude_line(with: &str) -> &'static str {
    CLAUDE_CODE.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no fixture with {with}"))
}

#[test]
fn claude_code_fields_and_traps() {
    usage(claude_line("msg_01OldClient"), |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read, usage.tokens.cache_write_5m), (12, 48_211, 903));
        assert_eq!(usage.tokens.cache_write_1h, 0);
        assert!(usage.side_chain && !usage.is_final);
        assert_eq!(usage.reported.map(Cost::pico), Some(12_345_500_000));
        assert_eq!(text(usage.dimensions.project), "C:\\work\\café");
        assert_eq!([usage.dimensions.agent, usage.dimensions.session].map(text), ["reviewer", "s-old"]);
        assert_eq!(
            [usage.ids.response, usage.ids.request].map(text),
            ["msg_01OldClient000000000001", "req_011COldClient0000000001"]
        );
        assert_eq!(text(usage.provider), "");
    });
    usage(claude_line("s-thin"), |usage| {
        assert_eq!((usage.tokens.cache_write_5m, usage.tokens.cache_write_1h), (70, 30));
        assert_eq!((usage.tokens.reasoning, usage.tokens.web_searches), (120, 3));
        assert_eq!([usage.terms.tier, usage.terms.speed, usage.terms.inference_geo].map(text), ["batch", "fast", "us"]);
        assert_eq!(text(usage.provider), "anthropic");
        assert!(usage.is_final);
    });
    usage(claude_line("msg_01SubAgentLine"), |usage| {
        assert_eq!((usage.tokens.cache_read, usage.tokens.output), (1200, 41));
        assert_eq!([usage.dimensions.agent, usage.ids.request].map(text), ["a1b2c3d", "req_011CSubAgentLine0000001"]);
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T20:10:01.500Z");
        assert!(usage.side_chain, "the sub-agent's own lines have the last word");
    });
    usage(claude_line("msg_01Decoy"), |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output), (5, 6));
        assert_eq!(text(usage.ids.request), "", "the request id of a tool's input is not ours");
    });
    usage(claude_line("msg_01Escaped"), |usage| assert_eq!((usage.tokens.input, usage.tokens.output), (11, 22)));
    usage(claude_line("msg_01Twice"), |usage| {
        assert_eq!(
            (text(usage.model), text(usage.ids.response)),
            ("claude-haiku-4-5".to_owned(), "msg_01Twice000000000001".to_owned())
        );
        assert_eq!(
            usage.tokens,
            Tokens { output: 2, ..Tokens::default() },
            "the last usage replaces the former entirely"
        );
    });
    usage(claude_line("msg_01Failed"), |usage| assert_eq!(usage.status, 500));
    assert_eq!(skip(claude_line("<synthetic>")), Skip::NotUsage);
    assert_eq!(skip(claude_line("msg_01NoUsage")), Skip::NotUsage);
}

#[test]
fn a_split_says_how_much_of_the_total_lives_an_hour() {
    let line = |usage: &str| format!(r#"{{"type":"assistant","message":{{"model":"claude-x","usage":{{{usage}}}}}}}"#);
    for (counts, five, hour) in [
        (
            r#""cache_creation_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":60,"ephemeral_1h_input_tokens":40}"#,
            60,
            40,
        ),
        (
            r#""cache_creation_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}"#,
            100,
            0,
        ),
        (r#""cache_creation_input_tokens":100,"cache_creation":null"#, 100, 0),
        (r#""cache_creation_input_tokens":100"#, 100, 0),
        (r#""cache_creation":{"ephemeral_5m_input_tokens":60,"ephemeral_1h_input_tokens":40}"#, 60, 40),
        (
            r#""cache_creation":{"ephemeral_1h_input_tokens":9},"cache_creation":{"ephemeral_5m_input_tokens":60}"#,
            60,
            0,
        ),
    ] {
        usage(&line(counts), |usage| {
            assert_eq!((usage.tokens.cache_write_5m, usage.tokens.cache_write_1h), (five, hour), "{counts}");
        });
    }
}

#[test]
fn compactions_are_billed_beside_the_totals() {
    let line = r#"{"type":"assistant","message":{"model":"claude-x","usage":{"input_tokens":10,"output_tokens":20,"iterations":[{"type":"compaction","input_tokens":1000,"output_tokens":200},{"type":"message","input_tokens":10,"output_tokens":20},{"type":"compaction","cache_read_input_tokens":7}]}}}"#;
    usage(line, |usage| {
        let tokens = usage.tokens;
        assert_eq!((tokens.input, tokens.output, tokens.cache_read), (1010, 220, 7));
    });
    assert_eq!(skip(&line.replace(":1000", ":4294967295")), Skip::Rejected(Rejection::Number));
}

#[test]
fn litellm_lines_keep_their_sums() {
    let mut decoder = Decoder::new(Zone::UTC);
    let (mut hits, mut failures) = (0, 0);
    for line in LITELLM.lines() {
        slow_reader::compare(line.as_bytes());
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let kind = decoder.decode(0, line.as_bytes(), &mut |_, result| {
            let usage = result.expect("a real line counts");
            assert_eq!(usage.origin, Origin::Gateway);
            assert_eq!(
                usage.tokens.prompt(),
                value["prompt_tokens"].as_u64().unwrap(),
                "cache counts are inside the prompt"
            );
            assert_eq!(u64::from(usage.tokens.output), value["completion_tokens"].as_u64().unwrap());
            let cost = Cost::parse(value["response_cost"].to_string().as_bytes()).unwrap();
            assert_eq!(usage.reported, Some(cost));
            let shown = value["model"].as_str().unwrap().split_once('/').unwrap().1;
            assert_eq!(text(usage.model), shown);
            assert_ne!(text(usage.dimensions.session), "0");
            hits += u32::from(usage.cache_hit);
            failures += u32::from(usage.status >= 400);
            assert_eq!(usage.ids.response.is_empty(), usage.cache_hit || usage.status >= 400);
            assert!(!usage.ids.call.is_empty() && usage.time.is_some() && usage.latency_ms > 0);
        });
        assert_eq!(kind, Line::Known(Format::LiteLlm));
    }
    assert_eq!((LITELLM.lines().count(), hits, failures), (60, 1, 2));
}

fn litellm_line(with: &str) -> &'static str {
    LITELLM.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no fixture with {with}"))
}

#[test]
fn litellm_fields_and_traps() {
    // input 3,517 + 2,048 for five minutes + 4,096 for an hour = 9,661 prompt tokens
    usage(litellm_line("chatcmpl-1cf62773-996f-4191-bfcc-9eba894"), |usage| {
        let expected =
            Tokens { input: 3517, cache_write_5m: 2048, cache_write_1h: 4096, output: 610, ..Tokens::default() };
        assert_eq!(usage.tokens, expected);
        assert_eq!(
            [usage.model, usage.provider, usage.terms.inference_geo].map(text),
            ["claude-haiku-4-5-20251001", "anthropic", "us"]
        );
        assert_eq!(usage.status, 200);
    });
    usage(LITELLM.lines().next().unwrap(), |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read, usage.tokens.reasoning), (10_386 - 8308, 8308, 197));
        let who = &usage.dimensions;
        let who = [who.end_user, who.user, who.user_email, who.key_alias, who.team].map(text);
        assert_eq!(who, ["end-user-0", "bob", "bob@example.com", "ci-runner", "Search"]);
        assert_eq!(text(usage.dimensions.session), "6882ef2a-36e6-4fc8-90b4-8ff937959986");
        assert_eq!(usage.time.unwrap().ms(), 1_795_297_729_933);
        assert_eq!((usage.latency_ms, text(usage.terms.tier)), (150, "default".to_owned()));
        assert_eq!(usage.reported.map(Cost::pico), Some(47_562_000_000));
    });
    usage(litellm_line("chatcmpl-51dfb39d20f54938b0633c76"), |usage| assert_eq!(text(usage.terms.tier), "flex"));
    usage(litellm_line("chatcmpl-832059b8-3031-4ace-b97d-c7d3a86"), |usage| assert_eq!(usage.tokens.web_searches, 3));
    usage(litellm_line(r#""id": "f74cc144-11a4-4923-a1b4-82509cd03c7e""#), |usage| {
        assert_eq!((usage.status, usage.tokens), (429, Tokens::default()));
        assert!(usage.ids.response.is_empty());
    });
    let apart = r#"{"call_type":"c","response_cost":1,"model":"xai/grok-4.7","custom_llm_provider":"xai","prompt_tokens":10,"completion_tokens":5,"total_tokens":18,"metadata":{"usage_object":{"completion_tokens_details":{"reasoning_tokens":3}}}}"#;
    usage(apart, |usage| assert_eq!((usage.tokens.output, usage.tokens.reasoning), (8, 3)));
    usage(&apart.replace(":18", ":15"), |usage| assert_eq!((usage.tokens.output, usage.tokens.reasoning), (5, 3)));
    assert_eq!(
        skip(r#"{"call_type":"alist_batches","response_cost":0.0,"model":"","prompt_tokens":0}"#),
        Skip::NotUsage
    );
}

#[test]
fn a_line_is_what_it_is_whatever_stood_before() {
    let lines = FIXTURES.map(|fixture| fixture.lines().collect::<Vec<_>>());
    let mut decoder = Decoder::new(Zone::UTC);
    for place in 0..120 {
        for fixture in &lines {
            let line = fixture[place % fixture.len()];
            let fates = |decoder: &mut Decoder| {
                decoder.go_on_with(Context::default());
                let mut fates = Vec::new();
                let kind = decoder
                    .decode(0, line.as_bytes(), &mut |_, result| fates.push(result.map(|usage| format!("{usage:?}"))));
                (kind, fates)
            };
            assert_eq!(fates(&mut decoder), fates(&mut Decoder::new(Zone::UTC)), "{line}");
        }
    }
}

#[test]
fn a_pinned_decoder_reads_one_format_only() {
    for only in Format::ALL {
        let mut pinned = Decoder::new(Zone::UTC);
        pinned.pin(Some(only));
        let mut free = Decoder::new(Zone::UTC);
        let mut counted = 0;
        let single = |line: &&str| line.starts_with('{');
        let unwrapped = [
            OWN,
            CLAUDE_CODE,
            LITELLM,
            ANSWERS,
            gateway::SPEND,
            otlp::OTLP,
            codex::PARENT,
            mapping::PRESET_LINES,
            bedrock_log::UNWRAPPED,
            agents::ALL[0],
            agents::ALL[1],
            agents::ALL[2],
            agents::ALL[3],
        ];
        for line in unwrapped.into_iter().flat_map(str::lines).filter(single) {
            let fates = |decoder: &mut Decoder| {
                let mut fates = Vec::new();
                let kind = decoder
                    .decode(0, line.as_bytes(), &mut |_, result| fates.push(result.map(|usage| format!("{usage:?}"))));
                (kind, fates)
            };
            let expected = match fates(&mut free) {
                (Line::Known(format), _) if format != only => (Line::Unknown, vec![Err(Skip::NotUsage)]),
                other => other,
            };
            counted += expected.1.iter().flatten().count();
            assert_eq!(fates(&mut pinned), expected, "{}: {line}", only.name());
        }
        assert!(counted > 0, "no line of {}", only.name());
    }
}

#[test]
fn the_slow_reader_agrees_on_every_fixture() {
    for line in FIXTURES.into_iter().flat_map(str::lines) {
        slow_reader::compare(line.as_bytes());
    }
}

#[test]
fn a_record_with_the_marks_of_two_formats_is_one_of_them_whatever_stood_before() {
    let records: Vec<&str> =
        FIXTURES.iter().flat_map(|fixture| fixture.lines().filter(|line| line.starts_with('{')).take(3)).collect();
    for (first, second) in records.iter().flat_map(|first| records.iter().map(move |second| (first, second))) {
        let (Some(first), Some(second)) = (first.trim_end().strip_suffix('}'), second.strip_prefix('{')) else {
            continue;
        };
        slow_reader::compare(format!("{first},{second}").as_bytes());
    }
}

/// Pieces that a careless reader would stumble over.
const PIECES: [&str; 48] = [
    "\"log\":\"{}\\n\",\"stream\":\"stdout\",",
    "2026-11-21T10:00:00Z stdout F ",
    "2026-11-21T10:00:00Z ",
    "[pod/a/b] ",
    "a-1  | ",
    "<13>Nov 21 10:00:00 h p[1]: ",
    "\"MESSAGE\":[123,125],\"__REALTIME_TIMESTAMP\":\"1\",",
    "<13>1 - - - - - - ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "1e3",
    "-1",
    "0.5",
    "12.0",
    "\"12\"",
    "4294967296",
    "\"\"",
    "\"0\"",
    "\"usage\":{}",
    ",\"usage\":{\"input_tokens\":7}",
    ",\"message\":{}",
    ",\"message\":null",
    "\\u0061",
    "\\ud83d\\ude00",
    "\u{feff}",
    "\"type\":\"user\",",
    "\"type\":\"assistant\",",
    "\"type\":\"progress\",",
    "\"type\":\"charge\",",
    "\"model\":\"m\",",
    "\"call_type\":1,",
    "\"response_cost\":0.1,",
    "\"cost_usd\":\"1e-3\",",
    "\"input_tokens\":3,",
    "\"metadata\":{},",
    "\"data\":{\"message\":{\"message\":{\"usage\":{}}}},",
    " ",
    "\r",
    "[[[[[[[[",
    "\u{1}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Cuts, overwrites, insertions and repetitions of real lines.
    #[test]
    fn the_slow_reader_agrees_on_mutations(
        fixture in 0usize..FIXTURES.len(),
        place in any::<prop::sample::Index>(),
        edits in prop::collection::vec((0u8..4, any::<prop::sample::Index>(), 0usize..PIECES.len(), any::<u8>(), 0usize..40), 1..6),
    ) {
        let lines: Vec<&str> = FIXTURES[fixture].lines().collect();
        let mut line = place.get(&lines).as_bytes().to_vec();
        for (edit, at, piece, byte, length) in edits {
            if line.is_empty() {
                break;
            }
            let at = at.index(line.len());
            let end = (at + length).min(line.len());
            match edit {
                0 => drop(line.splice(at..at, PIECES[piece].bytes())),
                1 => line[at] = byte,
                2 => drop(line.drain(at..end)),
                _ => {
                    let copy = line[at..end].to_vec();
                    line.splice(at..at, copy);
                }
            }
        }
        slow_reader::compare(&line);
    }

    /// Whole members put where members stand, so that most mutants stay JSON.
    #[test]
    fn the_slow_reader_agrees_on_inserted_members(
        fixture in 0usize..FIXTURES.len(),
        place in any::<prop::sample::Index>(),
        inserts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
    ) {
        const KEYS: &[&str] = &["response", "body", "result", "usageMetadata", "usage_metadata", "modelVersion", "responseId", "service_tier", "serviceTier", "custom_id",
            "choices", "candidates", "created", "created_at", "spend", "request_id", "total_tokens", "inputTokens", "cacheDetails", "input_tokens_details",
            "cache_read_input_tokens", "promptTokenCount", "type", "usage", "message", "model", "input_tokens", "output_tokens", "prompt_tokens", "cost_usd", "metadata",
            "usage_object", "prompt_tokens_details", "cached_tokens", "cache_creation", "ephemeral_1h_input_tokens", "endTime", "ts",
            "schemaType", "ai", "fallback_index", "token_usage", "tokens_in", "usageDetails", "req_units", "ai_model", "logEvents", "@message", "modelId", "output", "outputBodyJson", "requestMetadata", "response_cost", "call_type", "id", "litellm_call_id", "cost_source", "us\\u0061ge", "status", "data", "cache_hit", "requestId",
            "resourceLogs", "resource", "scopeSpans", "spans", "attributes", "value", "key", "stringValue", "intValue", "timeUnixNano", "body", "scope"];
        const VALUES: &[&str] = &["{\"prompt_tokens\":9,\"total_tokens\":12,\"completion_tokens_details\":{\"reasoning_tokens\":3}}",
            "{\"body\":{\"id\":\"x\",\"model\":\"m\",\"usage\":{\"inputTokens\":3}}}", "{\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":3}}}",
            "{\"promptTokenCount\":4,\"trafficType\":\"ON_DEMAND\"}", "[{\"ttl\":\"1h\",\"inputTokens\":3},{\"finish_reason\":\"stop\"}]",
            "\"{\\\"usage_object\\\":{\\\"prompt_tokens\\\":3}}\"", "{\"cached_tokens\":2,\"type\":\"flex\"}", "\"ModelInvocationLog\"", "\"processing\"", "[{\"message\":\"{\\\"model\\\":\\\"m\\\",\\\"input_tokens\\\":3}\"}]", "{\"outputBodyJson\":{\"usage\":{\"output_tokens\":3}}}", "{\"proxy\":{\"usage\":{\"prompt_tokens\":3},\"meta\":{\"request_model\":\"m\"}}}", "\"batch\"", "null", "true", "5", "12.0", "1e2", "\"7\"", "-1", "0.5", "{}", "[]", "\"assistant\"", "\"computed\"",
            "\"failure\"", "{\"input_tokens\":3,\"output_tokens\":4}", "{\"usage\":{\"output_tokens\":9},\"model\":\"claude-x\"}",
            "1795297733.0995", "\"2026-11-21T10:00:00Z\"", "\"<synthetic>\"", "\"a\\u0062\"", "\"charge\""];
        let lines: Vec<&str> = FIXTURES[fixture].lines().collect();
        let mut line = (*place.get(&lines)).to_owned();
        for (at, key, value) in inserts {
            let gaps: Vec<usize> = line.match_indices(['{', ',']).map(|(at, _)| at).filter(|at| line[*at..].contains(':')).collect();
            if gaps.is_empty() {
                break;
            }
            let gap = *at.get(&gaps);
            let member = format!("\"{}\":{}", key.get(KEYS), value.get(VALUES));
            if line.as_bytes()[gap] == b'{' {
                let comma = if line[gap + 1..].trim_start().starts_with('}') { "" } else { "," };
                line.insert_str(gap + 1, &format!("{member}{comma}"));
            } else {
                line.insert_str(gap, &format!(",{member}"));
            }
        }
        slow_reader::compare(line.as_bytes());
    }
}
