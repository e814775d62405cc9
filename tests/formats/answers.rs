//! Providers' answers as they came: every API, every wrapper, every dialect, and what only looks like one.

use costtop::format::{Format, Line, Skip};
use costtop::money::Cost;
use costtop::usage::{Origin, Rejection, Tokens, Usage};

use super::{skip, text, usage, with};

const ANSWERS: &str = include_str!("../fixtures/formats/answers.jsonl");

fn line(with: &str) -> &'static str {
    ANSWERS.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no fixture with {with}"))
}

fn as_format(line: &str, format: Format, check: impl FnOnce(&Usage<'_>)) {
    with(line, |kind, result| {
        assert_eq!(kind, Line::Known(format), "{line}");
        let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"));
        assert_eq!((usage.origin, usage.is_final, usage.side_chain), (Origin::Api, true, false));
        check(usage);
    });
}

#[test]
fn anthropic_messages() {
    as_format(line("msg_01AnthropicTop"), Format::Anthropic, |usage| {
        let expected = Tokens {
            input: 12,
            cache_read: 48_211,
            cache_write_5m: 800,
            cache_write_1h: 103,
            output: 345,
            reasoning: 40,
            web_searches: 2,
        };
        assert_eq!(usage.tokens, expected);
        assert_eq!([usage.provider, usage.model].map(text), ["anthropic", "claude-opus-4-6"]);
        assert_eq!([usage.ids.response, usage.ids.request].map(text), ["msg_01AnthropicTop00000001", ""]);
        let terms = [usage.terms.tier, usage.terms.inference_geo, usage.terms.speed].map(text);
        assert_eq!(terms, ["standard", "us", "fast"]);
        assert_eq!((text(usage.stop_reason), usage.time), ("end_turn".to_owned(), None));
    });
    as_format(line("msg_01AnthropicWrapped"), Format::Anthropic, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output), (7, 9));
        let who = [usage.dimensions.user, usage.dimensions.team, usage.dimensions.session].map(text);
        assert_eq!(who, ["ada", "search", "s-1"]);
        assert!(usage.ids.own_request);
        assert_eq!([usage.ids.request, usage.terms.region].map(text), ["own-1", "us-east-1"]);
        assert_eq!(text(usage.terms.tier), "standard", "what was served, not what was asked for");
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z");
    });
    as_format(line("msg_01AnthropicBatch"), Format::Anthropic, |usage| assert_eq!(text(usage.terms.tier), "batch"));
    assert_eq!(skip(line("item-2")), Skip::NotUsage);
    let compacted = r#"{"model":"claude-x","usage":{"input_tokens":10,"output_tokens":20,"iterations":[{"type":"compaction","input_tokens":1000,"output_tokens":200},{"type":"message","input_tokens":10,"output_tokens":20}]}}"#;
    as_format(compacted, Format::Anthropic, |usage| assert_eq!((usage.tokens.input, usage.tokens.output), (1010, 220)));
}

#[test]
fn openai_chat_and_those_who_speak_it() {
    as_format(line("OpenAiTop"), Format::OpenAiChat, |usage| {
        let expected = Tokens { input: 7168, cache_read: 40_000, output: 2331, reasoning: 244, ..Tokens::default() };
        assert_eq!(usage.tokens, expected);
        assert_eq!(usage.time.unwrap().ms(), 1_795_297_733_000);
        assert_eq!([usage.provider, usage.terms.tier, usage.stop_reason].map(text), ["", "default", "stop"]);
    });
    as_format(line(r#""completion_tokens":60"#), Format::OpenAiChat, |usage| assert_eq!(usage.tokens.output, 60));
    assert_eq!(skip(line(r#""choices":[],"usage":null"#)), Skip::NotUsage);
    as_format(line("OpenAiBatch"), Format::OpenAiChat, |usage| {
        let ids = [usage.ids.response, usage.ids.request].map(text);
        assert_eq!(ids, ["chatcmpl-OpenAiBatch0000001", "req_c187b3eb8ae24c3a"]);
        assert!(!usage.ids.own_request);
        assert_eq!(
            [usage.terms.tier, usage.stop_reason].map(text),
            ["batch", "length"],
            "a batch's item, served as default"
        );
    });
    as_format(line("text-embedding"), Format::OpenAiChat, |usage| {
        assert_eq!(usage.tokens, Tokens { input: 8, ..Tokens::default() });
        assert_eq!([usage.dimensions.end_user, usage.provider].map(text), ["u-9", "openai"]);
    });
    as_format(line("deepseek-0"), Format::OpenAiChat, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read), (8000, 12_000));
    });
    let split =
        r#"{"model":"m","usage":{"completion_tokens":1,"prompt_cache_hit_tokens":30,"prompt_cache_miss_tokens":12}}"#;
    as_format(split, Format::OpenAiChat, |usage| assert_eq!((usage.tokens.input, usage.tokens.cache_read), (12, 30)));
    as_format(line("xai-0"), Format::OpenAiChat, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output, usage.tokens.reasoning), (600, 500, 300));
    });
    as_format(line("gen-OpenRouter0"), Format::OpenAiChat, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_write_5m), (94, 100));
        assert_eq!(usage.reported.map(Cost::pico), Some(1_020_000_000));
        assert_eq!(text(usage.provider), "Anthropic");
    });
    as_format(line("OwnKey"), Format::OpenAiChat, |usage| {
        assert_eq!(usage.reported.map(Cost::pico), Some(21_000_000_000), "the fee and what the provider charges");
    });
    as_format(line("kimi-0"), Format::OpenAiChat, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read), (44, 256));
    });
    as_format(line("voyage"), Format::OpenAiChat, |usage| assert_eq!(usage.tokens.input, 77));
}

#[test]
fn openai_responses_include_the_cache_under_anthropics_names() {
    as_format(line("resp_OpenAiResponses"), Format::OpenAiResponses, |usage| {
        let expected = Tokens {
            input: 5000,
            cache_read: 10_000,
            cache_write_5m: 15_000,
            output: 1200,
            reasoning: 300,
            web_searches: 1,
            ..Tokens::default()
        };
        assert_eq!(usage.tokens, expected, "opening a page is no search");
        assert_eq!([usage.terms.tier, usage.dimensions.user].map(text), ["flex", "bob"]);
        assert_eq!((usage.max_tokens, usage.status), (4096, 0));
    });
    as_format(line("response.completed"), Format::OpenAiResponses, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.cache_read), (6, 4));
        assert_eq!(usage.time.unwrap().ms(), 1_795_297_740_000);
    });
    assert_eq!(skip(line("response.created")), Skip::NotUsage);
    let by = |usage: &str| {
        let mut format = None;
        with(&format!(r#"{{"model":"m","usage":{{"input_tokens":9,"output_tokens":1,{usage}}}}}"#), |kind, _| {
            format = Some(kind);
        });
        format.unwrap()
    };
    assert_eq!(by(r#""total_tokens":10"#), Line::Known(Format::OpenAiResponses));
    assert_eq!(by(r#""total_tokens":10,"cache_read_input_tokens":5"#), Line::Known(Format::Anthropic));
    assert_eq!(by(r#""input_tokens_details":{},"cache_read_input_tokens":5"#), Line::Known(Format::OpenAiResponses));
    assert_eq!(by(r#""input_tokens_details":null"#), Line::Known(Format::Anthropic));
}

#[test]
fn gemini_in_both_spellings() {
    as_format(line("gem-000000000000001"), Format::Gemini, |usage| {
        let expected =
            Tokens { input: 40_933 + 50, cache_read: 40_933, output: 4474, reasoning: 2793, ..Tokens::default() };
        assert_eq!(usage.tokens, expected);
        assert_eq!([usage.model, usage.provider, usage.stop_reason].map(text), ["gemini-2.5-pro", "gemini", "STOP"]);
    });
    as_format(line("gem-000000000000002"), Format::Gemini, |usage| {
        let said = [usage.model, usage.provider, usage.terms.tier, usage.dimensions.user].map(text);
        assert_eq!(said, ["gemini-2.5-flash", "vertex_ai", "ON_DEMAND_PRIORITY", "7"]);
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:01.000Z");
    });
    as_format(line("gem-000000000000003"), Format::Gemini, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output), (20, 9));
        assert_eq!([usage.model, usage.ids.response].map(text), ["gemini-2.5-flash", "gem-000000000000003"]);
    });
}

#[test]
fn bedrock_takes_its_model_from_around() {
    as_format(line("7f1c1a52"), Format::Bedrock, |usage| {
        let expected = Tokens {
            input: 1000,
            cache_read: 1000,
            cache_write_5m: 2000,
            cache_write_1h: 3000,
            output: 500,
            ..Tokens::default()
        };
        assert_eq!(usage.tokens, expected);
        let said = [usage.model, usage.provider, usage.terms.tier, usage.stop_reason, usage.ids.request].map(text);
        assert_eq!(
            said,
            [
                "us.anthropic.claude-opus-4-6-v1",
                "bedrock",
                "priority",
                "end_turn",
                "7f1c1a52-9c55-4a3b-8a11-000000000001"
            ]
        );
    });
    assert_eq!(skip(line(r#""inputTokens":1,"#)), Skip::Rejected(Rejection::Model));
}

#[test]
fn what_only_looks_like_an_answer() {
    assert_eq!(skip(line(r#""type":"result","subtype""#)), Skip::NotUsage, "the sum of a run");
    assert_eq!(skip(line("message_delta")), Skip::Rejected(Rejection::Model), "half an answer");
    usage(line(r#""usage":{"cpu""#), |usage| assert_eq!(usage.tokens.input, 3, "costtop's own"));
    assert_eq!(skip(line(r#""request":{"usage""#)), Skip::NotUsage);
    assert_eq!(skip(line(r#""event":"upload""#)), Skip::NotUsage);
    assert_eq!(skip(line(r#""prompt_tokens":-1"#)), Skip::Rejected(Rejection::Number));
    for decoy in [
        r#"{"model":"m","messages":[{"usage":{"prompt_tokens":5}}]}"#,
        r#"{"model":"m","request":{"body":{"usage":{"prompt_tokens":5}}}}"#,
        r#"{"model":"m","response":[{"usage":{"prompt_tokens":5}}]}"#,
        r#"{"model":"m","result":{"usage":{"prompt_tokens":5}}}"#,
        r#"{"model":"m","response":{"message":{"usage":{"prompt_tokens":5}}}}"#,
        r#"{"model":"m","body":{"body":{"usage":{"prompt_tokens":5}}}}"#,
        r#"{"model":"m","usage":[{"prompt_tokens":5}]}"#,
        r#"{"model":"m","usage":"{\"prompt_tokens\":5}"}"#,
        r#"{"model":"m","response":{"output":[{"usage":{"input_tokens":5}}]}}"#,
    ] {
        assert_eq!(skip(decoy), Skip::NotUsage, "{decoy}");
    }
}

#[test]
fn every_place_is_read_and_the_outermost_counts() {
    let answer =
        |count: u32| format!(r#"{{"id":"chatcmpl-Place0000000001","model":"m","usage":{{"prompt_tokens":{count}}}}}"#);
    let body = answer(5);
    for line in [
        body.clone(),
        format!(r#"{{"response":{body}}}"#),
        format!(r#"{{"body":{body}}}"#),
        format!(r#"{{"response":{{"body":{body}}}}}"#),
        format!(r#"{{"result":{{"message":{body}}}}}"#),
        format!(r#"{{"model":"asked","response":{{"usage":null,"body":{body}}},"body":{}}}"#, answer(7)),
        format!(r#"{{"respon\u0073e":{},"response":{body}}}"#, answer(9)),
    ] {
        as_format(&line, Format::OpenAiChat, |usage| {
            assert_eq!(usage.tokens, Tokens { input: 5, ..Tokens::default() }, "{line}");
            assert_eq!([usage.model, usage.ids.response].map(text), ["m", "chatcmpl-Place0000000001"]);
        });
    }
    let names = r#"{"model":"asked","created_at":"2026-11-21T10:00:00Z","cost_usd":"0.5","user_id":"ada","feature":"f","status":200,"latency_ms":9,"response":{"usage":{"prompt_tokens":5,"cost":0.25}}}"#;
    as_format(names, Format::OpenAiChat, |usage| {
        assert_eq!([usage.model, usage.dimensions.user, usage.dimensions.feature].map(text), ["asked", "ada", "f"]);
        assert_eq!((usage.status, usage.latency_ms), (200, 9));
        assert_eq!(usage.reported.map(Cost::pico), Some(500_000_000_000), "the application's word before the server's");
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z");
    });
}
