//! Bedrock's invocation log: whole, streamed, refused, and wrapped by `CloudWatch`. Lines made of the names that AWS documents.

use std::sync::Arc;

use costtop::config::PriceConfig;
use costtop::format::wrapper::Wrapper;
use costtop::format::{Decoder, Format, Line, Skip};
use costtop::price::{PriceBook, Pricer};
use costtop::time::Zone;
use costtop::usage::{Origin, Rejection, Tokens, Usage};

use super::{skip, slow_reader, text, with};

pub const LOG: &str = include_str!("../fixtures/formats/bedrock_log.jsonl");

/// The first eight lines: a log as it lies in S3.
pub const UNWRAPPED: &str = LOG.split_at(unwrapped()).0;

const fn unwrapped() -> usize {
    let (mut at, mut lines) = (0, 0);
    while lines < 8 {
        lines += (LOG.as_bytes()[at] == b'\n') as usize;
        at += 1;
    }
    at
}

fn line(number: usize) -> &'static str {
    LOG.lines().nth(number - 1).unwrap()
}

fn logged(number: usize, check: impl FnOnce(&Usage<'_>)) {
    with(line(number), |kind, result| {
        assert_eq!(kind, Line::Known(Format::BedrockLog));
        let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: line {number}"));
        assert_eq!((usage.origin, usage.is_final, text(usage.provider)), (Origin::Api, true, "bedrock".to_owned()));
        check(usage);
    });
}

#[test]
fn the_log_counts_and_the_answer_tells_how_long_writes_live() {
    logged(1, |usage| {
        let expected = Tokens {
            input: 1500,
            cache_read: 48_000,
            cache_write_5m: 300,
            cache_write_1h: 600,
            output: 500,
            ..Tokens::default()
        };
        assert_eq!(usage.tokens, expected);
        let who = &usage.dimensions;
        let who = [who.end_user, who.user, who.key_alias, who.team, who.session].map(text);
        assert_eq!(who, ["cust-7", "ada@example.com", "search-api", "search", "s-br-1"]);
        assert_eq!([usage.model, usage.terms.region].map(text), ["us.anthropic.claude-opus-4-6-v1", "us-east-1"]);
        assert_eq!([usage.ids.request, usage.stop_reason, usage.terms.tier].map(text)[1..], ["end_turn", "default"]);
        assert_eq!((usage.status, usage.latency_ms), (200, 1834));
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z");
    });
    logged(2, |usage| {
        assert_eq!((usage.tokens.cache_write_5m, usage.tokens.cache_write_1h, usage.tokens.reasoning), (3, 900, 40));
        assert_eq!([usage.ids.response, usage.stop_reason].map(text), ["msg_bdrk_01InvokeWhole00001", "max_tokens"]);
    });
    logged(3, |usage| {
        assert_eq!((usage.tokens.cache_write_5m, usage.tokens.cache_write_1h, usage.tokens.output), (10, 40, 88));
        assert_eq!([usage.dimensions.user, usage.dimensions.key_alias].map(text), ["jonas", ""]);
        assert_eq!((text(usage.stop_reason), usage.latency_ms), ("end_turn".to_owned(), 2210));
    });
    logged(4, |usage| {
        assert_eq!(usage.tokens, Tokens { input: 8, ..Tokens::default() });
        assert_eq!(text(usage.dimensions.user), "root");
    });
    logged(5, |usage| assert_eq!((usage.status, usage.tokens), (429, Tokens::default())));
    logged(6, |usage| assert_eq!((usage.tokens.input, usage.tokens.output), (512, 256)));
    logged(7, |usage| {
        assert_eq!((usage.tokens.input, usage.tokens.output, usage.latency_ms), (30, 4, 900));
        assert_eq!(text(usage.stop_reason), "end_turn");
    });
    let slashes = line(1).replacen("role/search-api/", r"role\/search\u002dapi\/", 1);
    with(&slashes, |_, result| {
        let usage = result.unwrap();
        assert_eq!([usage.dimensions.user, usage.dimensions.key_alias].map(text), ["ada@example.com", "search-api"]);
    });
    assert_eq!(skip(line(8)), Skip::Rejected(Rejection::Model));
    assert_eq!(skip(&line(5).replace(":0}", ":-1}")), Skip::Rejected(Rejection::Number));
}

#[test]
fn what_is_logged_has_the_price_of_its_profile_and_region() {
    let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
    let mut pricer = Pricer::new(book);
    let mut cost = |number| {
        let mut pico = None;
        logged(number, |usage| pico = pricer.price(usage).computed.map(costtop::money::Cost::pico));
        pico
    };
    // us.: 5.50 in, 0.55 read, 6.875 and 11.00 written, 27.50 out, in dollars per million.
    let expected = 1500 * 5_500_000 + 48_000 * 550_000 + 300 * 6_875_000 + 600 * 11_000_000 + 500 * 27_500_000;
    assert_eq!(cost(1), Some(expected));
    // The profile's ARN leads to the same names: 3.30 in, 4.125 and 6.60 written, 16.50 out.
    assert_eq!(cost(2), Some(12 * 3_300_000 + 3 * 4_125_000 + 900 * 6_600_000 + 345 * 16_500_000));
    assert_eq!(cost(6), None, "an application's own profile says no model: an alias must");
}

#[test]
fn events_of_cloudwatch_are_the_records_in_them() {
    let read = |number: usize| {
        slow_reader::compare(line(number).as_bytes());
        let mut seen = Vec::new();
        let kind = Decoder::new(Zone::UTC).decode(0, line(number).as_bytes(), &mut |at, result| {
            assert_eq!((at.index as usize, at.wrapper.is_some()), (seen.len(), true));
            seen.push(result.map(|usage| (format!("{usage:?}"), at.wrapper)));
        });
        (kind, seen)
    };
    let alone = |number: usize| {
        let mut said = None;
        logged(number, |usage| said = Some(format!("{usage:?}")));
        Ok((said.unwrap(), Some(Wrapper::CloudWatch)))
    };
    let known = Line::Known(Format::BedrockLog);
    assert_eq!(read(9), (known, vec![alone(1), alone(3), Err(Skip::NotUsage), Err(Skip::NotUsage)]));
    assert_eq!(read(10), (known, vec![alone(2)]));
    assert_eq!(read(11), (known, vec![alone(4)]));
    assert_eq!(read(12), (known, vec![alone(3)]));
    assert_eq!(read(13), (Line::Unknown, vec![Err(Skip::NotUsage)]));
    with(line(14), |kind, result| {
        assert_eq!((kind, result.err()), (Line::Unknown, Some(Skip::NotUsage)));
    });
}

#[test]
fn a_message_that_is_json_wraps_only_what_is_no_usage_itself() {
    let inner = r#"{\"model\":\"inner\",\"input_tokens\":1}"#;
    for (line, model) in [
        (format!(r#"{{"level":"info","message":"{inner}"}}"#), "inner"),
        (format!(r#"{{"model":"outer","input_tokens":2,"message":"{inner}"}}"#), "outer"),
    ] {
        with(&line, |_, result| assert_eq!(text(result.unwrap().model), model, "{line}"));
    }
    assert_eq!(skip(r#"{"level":"info","message":"{no json"}"#), Skip::Rejected(Rejection::Json));
    assert_eq!(skip(r#"{"level":"info","message":"all well"}"#), Skip::NotUsage);
}
